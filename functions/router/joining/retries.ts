/**
 * Keeps a client's automatic retry from starting the same paid work again: it goes on with the work that runs, or is handed what that
 * work made, or hears a failure again that no retry can help.
 *
 * State: isolate memory, bounded; a retry that lands in another isolate starts anew. Fails open: whatever cannot be shared is done again.
 */
import type { Clock } from "../../../routing/index.ts";
import { chooseEntry, type WorkEnd } from "./choose-entry.ts";
import { LEFT, type SharedWork, shareWork } from "./shared-work.ts";

/** How long work goes on whose client left, ms: the OpenAI SDKs come back after 0.4 to 0.5 s the first time (providers.md §4.2). */
export const GRACE_MS = 1_000;

/** How long an end is remembered, ms: SDKs wait up to 8 s between tries (OpenAI's backoff), the AI SDK 2 s and then 4 s. */
export const REMEMBERED_MS = 10_000;

/** Most bytes of finished pictures kept for retries in one isolate. An isolate has 128 MB for everything. */
const MAX_KEPT_BYTES = 16 * 1024 * 1024;

const SWEEP_EVERY_MS = 1_000;

/** What a work came to. `bytes` is what keeping it costs. */
export interface Ending<Value> {
  readonly value: Value;
  readonly end: WorkEnd;
  readonly bytes: number;
}

export interface RetryAsk<Value> {
  /** Equal for requests that mean the same work of the same tenant. */
  readonly fingerprint: string;
  /** As the client says; 0 where it does not. */
  readonly retryCount: number;
  /** Aborts when this client is gone or its time is up. */
  readonly signal: AbortSignal;
  /** When the work is surely over, epoch ms: one that did not say so by then is taken for lost. */
  readonly overAtMs: number;
  /** Does the work, and says whether others than the starter wait for it: then its value must be one that crosses requests. */
  start(signal: AbortSignal, isShared: () => boolean): Promise<Ending<Value>>;
  background(work: Promise<unknown>): void;
}

/** `joined` is how the request came to its value: `no` means that the work was its own. */
export type Joined<Value> =
  | { readonly joined: "no" | "running" | "finished"; readonly value: Value }
  | { readonly joined: typeof LEFT };

interface Entry<Value> {
  readonly work: SharedWork<Ending<Value>>;
  readonly overAtMs: number;
  ended: { readonly ending: Ending<Value>; readonly atMs: number } | undefined;
  takenBy: number;
  /** Others than the starter have waited. */
  isShared: boolean;
}

export interface Retries<Value> {
  join(ask: RetryAsk<Value>): Promise<Joined<Value>>;
}

/** One book an isolate. */
export function createRetries<Value>(clock: Clock): Retries<Value> {
  const book = new Map<string, Entry<Value>[]>();
  let sweptAtMs = Number.NEGATIVE_INFINITY;

  async function join(ask: RetryAsk<Value>): Promise<Joined<Value>> {
    const nowMs = clock.nowMs();
    sweep(nowMs);
    const known = (book.get(ask.fingerprint) ?? []).filter((entry) => isOfUse(entry, nowMs));
    const facts = known.map((entry) => ({
      entry,
      end: entry.ended?.ending.end,
      waiters: entry.work.waiters(),
      takenBy: entry.takenBy,
    }));
    const choice = chooseEntry(facts, ask.retryCount);
    if (choice.choose === "start") {
      if (choice.retryOf !== undefined) forget(ask.fingerprint, choice.retryOf.entry);
      return begin(ask);
    }
    const { entry } = choice.entry;
    const joined = entry.ended === undefined ? "running" : "finished";
    entry.takenBy = Math.max(entry.takenBy, ask.retryCount);
    entry.isShared = true;
    const ending = await waitFor(entry, ask);
    if (ending === LEFT) return { joined: LEFT };
    return ending.end === "unshareable" ? begin(ask) : { joined, value: ending.value };
  }

  async function begin(ask: RetryAsk<Value>): Promise<Joined<Value>> {
    const isShared = () => entry.isShared || ask.signal.aborted;
    const work = shareWork({
      start: (signal) => ask.start(signal, isShared),
      clock,
      graceMs: GRACE_MS,
      background: ask.background,
    });
    const entry: Entry<Value> = {
      work,
      overAtMs: ask.overAtMs,
      ended: undefined,
      takenBy: ask.retryCount,
      isShared: false,
    };
    book.set(ask.fingerprint, [...(book.get(ask.fingerprint) ?? []), entry]);
    work.outcome().then(
      (ending) => (ending.end === "unshareable" ? forget(ask.fingerprint, entry) : keep(entry, ending)),
      () => forget(ask.fingerprint, entry),
    );
    const ending = await waitFor(entry, ask);
    return ending === LEFT ? { joined: LEFT } : { joined: "no", value: ending.value };
  }

  /** The platform may drop a request whose client left; `background` keeps it long enough to be counted out. */
  function waitFor({ work }: Entry<Value>, { signal, background }: RetryAsk<Value>) {
    const waiting = work.wait(signal);
    background(waiting.catch(() => undefined));
    return waiting;
  }

  function keep(entry: Entry<Value>, ending: Ending<Value>): void {
    entry.ended = { ending, atMs: clock.nowMs() };
    makeRoom();
  }

  function forget(key: string, entry: Entry<Value>): void {
    const left = book.get(key)?.filter((other) => other !== entry) ?? [];
    if (left.length === 0) book.delete(key);
    else book.set(key, left);
  }

  /** Looks once a second, because a look costs as much as the book is long. */
  function sweep(nowMs: number): void {
    if (nowMs - sweptAtMs < SWEEP_EVERY_MS) return;
    sweptAtMs = nowMs;
    for (const { key, entry } of all()) if (!isOfUse(entry, nowMs)) forget(key, entry);
  }

  /** The oldest pictures go first. */
  function makeRoom(): void {
    const kept = all();
    let bytes = kept.reduce((sum, { entry }) => sum + (entry.ended?.ending.bytes ?? 0), 0);
    for (const { key, entry } of kept) {
      if (bytes <= MAX_KEPT_BYTES) return;
      if (entry.ended === undefined || entry.ended.ending.bytes === 0) continue;
      bytes -= entry.ended.ending.bytes;
      forget(key, entry);
    }
  }

  function all() {
    return [...book].flatMap(([key, entries]) => entries.map((entry) => ({ key, entry })));
  }

  return { join };
}

/** It ended a short while ago, or may still be running. */
function isOfUse({ ended, overAtMs }: Pick<Entry<unknown>, "ended" | "overAtMs">, nowMs: number): boolean {
  return ended === undefined ? nowMs < overAtMs : nowMs - ended.atMs < REMEMBERED_MS;
}

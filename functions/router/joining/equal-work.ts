/**
 * Work in this isolate that equal requests wait for together: begun by the first, ended by the last.
 *
 * State: isolate memory, by key; an entry leaves with its end, or a little later where its outcome is still being put away. Fails open:
 * work that did not say in time that it is over is forgotten, and the next request begins anew.
 */
import type { Clock } from "../../../routing/index.ts";
import { type LEFT, type SharedWork, shareWork } from "./shared-work.ts";

const SWEEP_EVERY_MS = 1_000;

/** What a work came to. */
export interface EqualEnding<Value> {
  readonly value: Value;
  /** Others than its starter may have it: it is plain data, and true of all of them. */
  readonly sharable: boolean;
  /** Until then, who asks finds it here. */
  readonly stored?: Promise<unknown>;
}

export interface BeginAsk<Value> {
  readonly key: string;
  /** When it is surely over, epoch ms. */
  readonly overAtMs: number;
  /** Does the work; `others` counts who waits besides its starter. */
  start(signal: AbortSignal, others: () => number): Promise<EqualEnding<Value>>;
  background(work: Promise<unknown>): void;
}

export interface Entry<Value> {
  readonly work: SharedWork<EqualEnding<Value>>;
  isOver(): boolean;
  /** Waits as one who joined; `LEFT` when `signal` aborts first. */
  join(signal: AbortSignal): Promise<EqualEnding<Value> | typeof LEFT>;
}

export interface EqualWork<Value> {
  find(key: string): Entry<Value> | undefined;
  /** Begins. Whoever begins has looked in the same turn that there is none. */
  begin(ask: BeginAsk<Value>): Entry<Value>;
}

/** One book an isolate. */
export function createEqualWork<Value>(clock: Clock): EqualWork<Value> {
  const book = new Map<string, Entry<Value> & { readonly overAtMs: number }>();
  let sweptAtMs = Number.NEGATIVE_INFINITY;

  function sweep(nowMs: number): void {
    if (nowMs - sweptAtMs < SWEEP_EVERY_MS) return;
    sweptAtMs = nowMs;
    for (const [key, { overAtMs }] of book) if (overAtMs <= nowMs) book.delete(key);
  }

  return {
    find(key) {
      const entry = book.get(key);
      return entry === undefined || entry.overAtMs <= clock.nowMs() ? undefined : entry;
    },

    begin({ key, overAtMs, start, background }) {
      sweep(clock.nowMs());
      let others = 0;
      let isOver = false;
      const work = shareWork({ start: (signal) => start(signal, () => others), clock, graceMs: 0, background });
      const entry = {
        work,
        overAtMs,
        isOver: () => isOver,
        async join(signal: AbortSignal) {
          others += 1;
          try {
            return await work.wait(signal);
          } finally {
            others -= 1;
          }
        },
      };
      const forget = (): void => {
        if (book.get(key) === entry) book.delete(key);
      };
      book.set(key, entry);
      work.outcome().then(({ sharable, stored }) => {
        isOver = true;
        if (sharable && stored !== undefined) void stored.then(forget, forget);
        else forget();
      }, forget);
      return entry;
    },
  };
}

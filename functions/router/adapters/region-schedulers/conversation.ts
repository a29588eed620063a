/**
 * Talking to a place's scheduler: one round trip that takes along whatever waits to be said, never waited for longer than 150 ms.
 *
 * A scheduler that was late or failed is left alone for a second; then one request tries it, and the others go on without until it answers.
 */
import type { Clock, CreditAsk, SchedulerView, Snapshot } from "../../../../routing/index.ts";
import type { LookDue, RegionCall, RegionReply } from "../../../region/region-protocol.ts";
import { creditAsks, takeCredits } from "./credits.ts";
import type { IsolateMemory, PlaceMemory } from "./memory.ts";
import type { RegionLinks } from "./region-links.ts";

/** Longest that a request waits for a scheduler's word, ms (control.md: doTimeoutMs). */
export const ANSWER_WITHIN_MS = 150;

/** A scheduler that was late is not asked again for this time, ms. */
export const AVOID_MS = 1_000;

export type Reply = Extract<RegionReply, { needsConfig: false }>;

/** What is said besides what waits to be said. */
export type Saying = Omit<RegionCall, "version" | "pushedAtMs" | "report" | "credits">;

export interface Conversation {
  /** The reply, or `undefined` when it was not there in time; then `late` gets it, if it ever comes. */
  ask(place: PlaceMemory, saying: Saying, late: (reply: Reply) => void): Promise<Reply | undefined>;
  /** Its view as of now; `undefined` where it is not there in time. */
  view(place: PlaceMemory): Promise<SchedulerView | undefined>;
  /** Says it in the background; lost when the scheduler cannot be reached. */
  tell(place: PlaceMemory, saying: Saying): void;
  /** Sends what waits to be sent, in the background. */
  flush(place: PlaceMemory): void;
}

export interface ConversationPorts {
  readonly memory: IsolateMemory;
  readonly links: RegionLinks;
  readonly clock: Clock;
  readonly snapshot: Snapshot;
  /** When the snapshot was pushed, epoch ms; 0: never. */
  readonly pushedAtMs: number;
  background(work: Promise<unknown>): void;
  /** Looks at endpoints that are out. Never rejects. */
  look(due: readonly LookDue[]): Promise<Saying["looks"]>;
}

/** A conversation for one request. */
export function createConversation(ports: ConversationPorts): Conversation {
  const { memory, links, clock, snapshot, pushedAtMs } = ports;

  /** One round trip; two more where the scheduler has to be configured first. Rejects when it cannot be reached. */
  async function exchange(place: PlaceMemory, saying: Saying): Promise<Reply> {
    const sentAtMs = clock.nowMs();
    const asked = creditAsks(memory, place, sentAtMs);
    const report = place.outbox.take();
    const call: RegionCall = {
      ...(place.view === undefined ? {} : { viewAtMs: place.view.atMs }),
      ...saying,
      version: snapshot.version,
      pushedAtMs,
      ...(report === undefined ? {} : { report }),
      ...(asked.length === 0 ? {} : { credits: asked }),
    };
    const link = links.to(place.place);
    let reply = await link.call(call);
    if (reply.needsConfig) {
      await link.configure(place.place, snapshot, pushedAtMs);
      reply = await link.call(call);
    }
    if (reply.needsConfig) throw new Error(`the scheduler of ${place.place} does not take its configuration`);
    takeIn(place, { reply, asked, sentAtMs });
    return reply;
  }

  function takeIn(
    place: PlaceMemory,
    told: { readonly reply: Reply; readonly asked: readonly CreditAsk[]; readonly sentAtMs: number },
  ): void {
    const { reply, asked, sentAtMs } = told;
    const nowMs = clock.nowMs();
    if (nowMs - sentAtMs <= ANSWER_WITHIN_MS) place.avoidUntilMs = 0;
    if (reply.view !== undefined) {
      place.view = reply.view;
      place.viewAtMs = nowMs;
    }
    takeCredits(place, { asked, lent: reply.credits ?? [] }, { sentAtMs, repliedAtMs: reply.nowMs });
    if (asked.some(({ renews }) => renews !== undefined && !place.credits.has(renews))) flush(place);
    if (reply.looksDue !== undefined) ports.background(lookAt(place, reply.looksDue));
  }

  async function lookAt(place: PlaceMemory, due: readonly LookDue[]): Promise<void> {
    const looks = await ports.look(due);
    if (looks !== undefined && looks.length > 0) tell(place, { looks });
  }

  /** The reply; `undefined` where it failed. */
  async function inTime(replying: Promise<Reply>): Promise<Reply | "late" | undefined> {
    const patience = new AbortController();
    const waited = clock.sleep(ANSWER_WITHIN_MS, patience.signal);
    const answer = replying.catch(() => undefined);
    const first = await Promise.race([answer, waited.then(() => "late" as const)]);
    patience.abort();
    return first;
  }

  function avoid(place: PlaceMemory): void {
    place.avoidUntilMs = clock.nowMs() + AVOID_MS;
  }

  function isAvoided(place: PlaceMemory): boolean {
    if (place.avoidUntilMs === 0) return false;
    if (clock.nowMs() < place.avoidUntilMs) return true;
    avoid(place);
    return false;
  }

  function tell(place: PlaceMemory, saying: Saying): void {
    ports.background(exchange(place, saying).catch(() => avoid(place)));
  }

  function flush(place: PlaceMemory): void {
    if (!place.outbox.isEmpty()) tell(place, {});
  }

  return {
    async ask(place, saying, late) {
      if (isAvoided(place)) return undefined;
      const replying = exchange(place, saying);
      const reply = await inTime(replying);
      if (reply !== undefined && reply !== "late") return reply;
      avoid(place);
      if (reply === "late") ports.background(replying.then(late, () => undefined));
      return undefined;
    },
    async view(place) {
      const replying = exchange(place, { viewAtMs: 0 });
      const reply = await inTime(replying);
      if (reply === "late") ports.background(replying.catch(() => undefined));
      return reply === "late" ? undefined : reply?.view;
    },
    tell,
    flush,
  };
}

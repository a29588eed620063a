/**
 * What the end of an attempt changes in the isolate's memory: counts, the credit's slot, what the local rule thinks of the endpoint.
 *
 * A request may be cut off with its client and never say how its attempt ended; after one lease time it is forgotten, so that nothing leaks.
 */
import {
  type AttemptOutcome,
  type Endpoint,
  type ReserveAsk,
  type Snapshot,
  traitsOf,
} from "../../../../routing/index.ts";
import { giveSlotBack, noteEnd } from "./credits.ts";
import { expectedMsOf } from "./local-rule.ts";
import type { IsolateMemory, Running } from "./memory.ts";

/** A lease lives twice as long as its attempt may run, at least this, ms: as the scheduler's do. */
const MIN_LEASE_MS = 2_000;

/** How often lost attempts are looked for, ms. */
const SWEEP_MS = 5_000;

/** When an attempt that begins now is lost if nothing was heard of it, epoch ms. */
export function leaseEndMs({ timeoutMs, deadlineAtMs }: ReserveAsk, nowMs: number): number {
  return nowMs + Math.max(MIN_LEASE_MS, 2 * Math.min(timeoutMs ?? Number.POSITIVE_INFINITY, deadlineAtMs - nowMs));
}

export interface Over {
  readonly id: string;
  readonly running: Running;
  /** `undefined`: nothing was heard of it. */
  readonly outcome: AttemptOutcome | undefined;
  readonly snapshot: Snapshot;
  readonly nowMs: number;
}

/** An attempt is over. */
export function noteOver(memory: IsolateMemory, { id, running, outcome, snapshot, nowMs }: Over): void {
  const { place, ask, endpoint, creditId } = running;
  memory.running.delete(id);
  noteEnd(place, ask);
  if (creditId !== undefined)
    giveSlotBack(
      place,
      creditId,
      outcome !== undefined && worksOn(snapshot.content.catalog.endpoints[endpoint], outcome),
    );
  memory.picker.ended({
    endpoint,
    result: outcome === undefined ? "ignored" : resultFor(outcome),
    elapsedMs: outcome?.elapsedMs ?? 0,
    expectedMs: expectedMsOf(snapshot, ask),
    nowMs,
  });
}

/** Forgets attempts that nobody will end any more; looks at most every few seconds. */
export function forgetLost(memory: IsolateMemory, snapshot: Snapshot, nowMs: number): void {
  if (Math.abs(nowMs - memory.sweptAtMs) < SWEEP_MS) return;
  memory.sweptAtMs = nowMs;
  for (const [id, running] of memory.running)
    if (running.untilMs <= nowMs) noteOver(memory, { id, running, outcome: undefined, snapshot, nowMs });
}

/** Whom the outcome blames. */
export function blameOf({ result }: AttemptOutcome): ReturnType<typeof traitsOf>["blames"] {
  return result.ok ? "none" : traitsOf(result.failure).blames;
}

function resultFor(outcome: AttemptOutcome): "ok" | "failed" | "ignored" {
  const blame = blameOf(outcome);
  if (blame === "none") return outcome.result.ok ? "ok" : "ignored";
  return blame === "throttle" ? "ignored" : "failed";
}

/** Work that was cut off goes on where hanging up does not stop it. */
function worksOn(endpoint: Endpoint | undefined, { result }: AttemptOutcome): boolean {
  if (result.ok || endpoint?.honoursCancel === true) return false;
  return result.failure.reason === "cancelled" || result.failure.reason === "timed_out";
}

/**
 * A small region for the scheduler's tests: one model with a faster variant, endpoints of two slots, and a clock that tests move by hand.
 */
import type { Endpoint, Snapshot } from "../../routing/config/snapshot.ts";
import type { AttemptFailure } from "../../routing/failure/index.ts";
import type { Ask, GrantedLease, Outcome, ReserveAnswer } from "../../routing/scheduler/contract.ts";
import { createScheduler, type SchedulerMachine } from "../../routing/scheduler/machine.ts";
import type { EndpointView } from "../../routing/scheduler/view.ts";
import { aSnapshot, type SnapshotOverrides } from "../support/snapshot.ts";

/** Where all tests begin, epoch ms. */
export const T0 = 1_700_000_000_000;

/** Uniform in [0, 1), from a seed. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Standard normal. */
export function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Endpoints `a`, `b`, … of `sd35-medium` in `weur`, and none of the default ones there. */
export function regionOf(
  endpoints: Readonly<Record<string, Partial<Endpoint>>>,
  overrides: SnapshotOverrides = {},
): Snapshot {
  const none = { "weur-sd35-medium": null, "weur-nano-banana": null, "weur-ideogram-v2a-turbo": null };
  return aSnapshot({ ...overrides, endpoints: { ...none, ...endpoints, ...overrides.endpoints } });
}

/** A preview of `sd35-medium` (p50 1.5 s, p95 2.2 s by catalogue) with eight seconds from `T0`. */
export function anAsk(parts: Partial<Ask> = {}): Ask {
  return {
    place: "weur",
    model: "sd35-medium",
    candidates: ["a", "b", "c", "d", "e", "f"],
    sizeClass: "m",
    priority: "interactive",
    deadlineAtMs: T0 + 8_000,
    kind: "first",
    avoid: [],
    tenant: "t",
    requestId: "r",
    ...parts,
  };
}

export function anOutcome(parts: Partial<Outcome> = {}): Outcome {
  return { model: "sd35-medium", sizeClass: "m", result: { ok: true }, elapsedMs: 1_500, ...parts };
}

export function failed(failure: AttemptFailure, elapsedMs = 200): Outcome {
  return anOutcome({ result: { ok: false, failure }, elapsedMs });
}

export const BROKEN: AttemptFailure = { reason: "upstream_error", status: 500 };

/** A configured machine of `weur`. */
export function machineOf(snapshot: Snapshot, random: () => number = seeded(1), nowMs = T0): SchedulerMachine {
  const machine = createScheduler({ place: "weur", random });
  machine.configure(snapshot, nowMs);
  return machine;
}

/** The lease of an answer that must be a grant. */
export function granted(answer: ReserveAnswer): GrantedLease {
  if (answer.kind !== "granted") throw new Error(`not granted: ${JSON.stringify(answer)}`);
  return answer.lease;
}

/** The ticket of an answer that must be a place in the queue. */
export function queued(answer: ReserveAnswer): Extract<ReserveAnswer, { kind: "queued" }> {
  if (answer.kind !== "queued") throw new Error(`not queued: ${JSON.stringify(answer)}`);
  return answer;
}

/** The refusal of an answer that must be one. */
export function refused(answer: ReserveAnswer): Extract<ReserveAnswer, { kind: "refused" }> {
  if (answer.kind !== "refused") throw new Error(`not refused: ${JSON.stringify(answer)}`);
  return answer;
}

export function endpointView(machine: SchedulerMachine, id: string): EndpointView {
  const view = machine.view().endpoints.find((endpoint) => endpoint.id === id);
  if (view === undefined) throw new Error(`no endpoint ${id}`);
  return view;
}

/**
 * Takes the end of an attempt into account: the endpoint's health and capacity, what work takes there, budgets, counts.
 */
import type { EndpointId } from "../config/snapshot.ts";
import { recordVerdict } from "./breaker.ts";
import { HEDGE_REFILL, recordPreview } from "./budget.ts";
import type { Outcome } from "./contract.ts";
import { recordDuration } from "./latency-book.ts";
import { LEASE_TIMEOUTS, type LeaseRecord, putLease } from "./leases.ts";
import { estimateOf } from "./options.ts";
import { learnBias, smooth } from "./predict.ts";
import type { Shape } from "./size-class.ts";
import { recordSuccess, recordThrottle } from "./slots.ts";
import { type EndpointState, type SchedulerState, tally } from "./state.ts";
import { durationKind, verdictOf } from "./verdict.ts";

/** A picture that took less than this share of the expected median says that what is known is out of date. */
const QUICKER = 0.75;

const shapeOf = (outcome: Outcome): Shape => ({
  sizeClass: outcome.sizeClass,
  ...(outcome.steps === undefined ? {} : { steps: outcome.steps }),
});

function learnDurations(
  state: SchedulerState,
  endpoint: EndpointState,
  outcome: Outcome,
  lease: LeaseRecord | undefined,
): void {
  const shape = shapeOf(outcome);
  const kind = durationKind(outcome, lease?.expected ?? estimateOf(state, endpoint, shape));
  if (kind === "no") return;
  const of = { endpoint: endpoint.id, model: endpoint.model, shape, elapsedMs: outcome.elapsedMs };
  if (kind === "censored") {
    const cut = cutBy(outcome);
    recordDuration(state.book, cut === undefined ? of : { ...of, cut }, state.nowMs);
    return;
  }
  const queueMs = outcome.queueMs ?? 0;
  const cold = lease?.cold === true;
  // A first attempt after a long rest says how long loading takes, not how long drawing does.
  const serviceMs = outcome.serviceMs ?? (cold ? undefined : Math.max(1, outcome.elapsedMs - queueMs));
  recordDuration(state.book, serviceMs === undefined ? of : { ...of, serviceMs }, state.nowMs);
  if (outcome.serviceMs !== undefined && !cold)
    endpoint.rtt = smooth(endpoint.rtt, Math.max(0, outcome.elapsedMs - outcome.serviceMs - queueMs));
  if (lease === undefined) return;
  if (cold) endpoint.cold = smooth(endpoint.cold, Math.max(0, outcome.elapsedMs - lease.expected.q50Ms));
  else if (lease.expected.source === "catalogue")
    endpoint.guessBias = learnBias(endpoint.guessBias, outcome.elapsedMs, lease.predictedMs);
  else endpoint.bias = learnBias(endpoint.bias, outcome.elapsedMs, lease.predictedMs);
}

function cutBy({ result }: Outcome): "timed_out" | "lost_race" | undefined {
  if (result.ok) return undefined;
  const { failure } = result;
  if (failure.reason === "timed_out") return "timed_out";
  return failure.reason === "cancelled" && failure.cause === "lost_race" ? "lost_race" : undefined;
}

/** Id of what is left of a lease whose work runs on. */
export const ghostIdOf = (leaseId: string): string => `${leaseId}~`;

/** Stragglers come this late, ms (control.md §1: 10 to 20 s). */
const STRAGGLING_MS = 15_000;

/**
 * What was cut off runs on where cancelling is not honoured: its slot stays taken until it would have been done. For what was overdue
 * nobody knows when that is: then until the request would have given it up, which is half its lease. Much shorter, and slots would be
 * given that are not free: then attempts wait behind stragglers, are overdue themselves, and a pool at 0.6 of its capacity stops.
 */
function keepGhost(state: SchedulerState, endpoint: EndpointState, outcome: Outcome, lease: LeaseRecord): void {
  const cutOff =
    !outcome.result.ok &&
    (outcome.result.failure.reason === "cancelled" || outcome.result.failure.reason === "timed_out");
  if (!cutOff || endpoint.honoursCancel) return;
  const { grantedAtMs, expiresAtMs: leaseEndMs, expected } = lease;
  const isOverdue = state.nowMs >= grantedAtMs + expected.q95Ms;
  const expiresAtMs = isOverdue
    ? Math.min(grantedAtMs + (leaseEndMs - grantedAtMs) / LEASE_TIMEOUTS, state.nowMs + STRAGGLING_MS)
    : Math.min(grantedAtMs + expected.q95Ms, leaseEndMs);
  if (expiresAtMs <= state.nowMs) return;
  const { creditId: _credit, supersedeKey: _key, ...rest } = lease;
  putLease(state.leases, { ...rest, id: ghostIdOf(lease.id), probe: false, ghost: true, expiresAtMs });
}

/** An attempt at `endpointId` ended; `lease` is its record where it still had one. */
export function recordEnd(
  state: SchedulerState,
  endpointId: EndpointId,
  outcome: Outcome,
  lease: LeaseRecord | undefined,
): void {
  const endpoint = state.endpoints.get(endpointId);
  if (endpoint === undefined) return;
  const { nowMs, random } = state;
  const label = outcome.result.ok ? "ok" : outcome.result.failure.reason;
  endpoint.outcomes[label] = (endpoint.outcomes[label] ?? 0) + 1;
  endpoint.costUsd += Math.max(0, outcome.costUsd ?? 0);
  endpoint.busyAtMs = nowMs;
  const grantedAtMs = lease?.grantedAtMs ?? nowMs - outcome.elapsedMs;
  const expected = lease?.expected ?? estimateOf(state, endpoint, shapeOf(outcome));
  if (!outcome.result.ok || outcome.elapsedMs > QUICKER * expected.q50Ms) endpoint.confirmedAtMs = nowMs;
  const verdict = verdictOf(outcome, expected);
  const formerState = endpoint.breaker.state.kind;
  endpoint.breaker = recordVerdict(
    endpoint.breaker,
    verdict,
    { leaseId: lease?.id ?? "", grantedAtMs },
    { nowMs, random },
  );
  const { kind } = endpoint.breaker.state;
  if (kind !== formerState && (kind === "open" || kind === "out"))
    tally(state, kind === "open" ? "ejected" : "put_out");
  if (verdict.verdict === "ok") endpoint.slots = recordSuccess(endpoint.slots);
  if (verdict.verdict === "throttle") endpoint.slots = recordThrottle(endpoint.slots, { nowMs, grantedAtMs });
  learnDurations(state, endpoint, outcome, lease);
  if (lease === undefined) return;
  keepGhost(state, endpoint, outcome, lease);
  const hedge = lease.policy === undefined ? undefined : state.policies.get(lease.policy)?.hedge;
  if (verdict.verdict === "ok" && lease.priority === "interactive" && lease.kind !== "hedge" && lease.kind !== "shadow")
    state.budget = recordPreview(state.budget, hedge?.budget ?? HEDGE_REFILL);
}

/** Nothing was heard of these leases: the slot is free again, the probe goes back, and nobody is blamed. */
export function recordLost(state: SchedulerState, lost: readonly LeaseRecord[]): void {
  const { nowMs, random } = state;
  for (const lease of lost) {
    const endpoint = state.endpoints.get(lease.endpoint);
    if (lease.ghost || endpoint === undefined) continue;
    tally(state, "lease_expired");
    const judged = { leaseId: lease.id, grantedAtMs: lease.grantedAtMs };
    endpoint.breaker = recordVerdict(endpoint.breaker, { verdict: "ignored" }, judged, { nowMs, random });
  }
}

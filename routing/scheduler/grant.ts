/**
 * Gives a slot: the lease record, the probe token, and what the holder is told of it.
 */
import { takeProbe } from "./breaker.ts";
import { affords, EXTRA_SHARE, recordFirst } from "./budget.ts";
import type { Ask, GrantedLease } from "./contract.ts";
import { HEDGE_MIN_SAMPLES, hasTailToSave, MAX_LOAD_WITHOUT_CANCEL } from "./hedge-gate.ts";
import { type Estimate, tailOf } from "./latency-book.ts";
import { type LeaseRecord, leaseLifeMs, putLease } from "./leases.ts";
import { estimateOf, isCold, loadOf, type Option } from "./options.ts";
import { completionMs, type Overheads } from "./predict.ts";
import type { Shape } from "./size-class.ts";
import { type Pool, type SchedulerState, tally } from "./state.ts";
import { scopedKey } from "./supersede.ts";

/** Round trip to a hedge in another region, ms: between continents, rounded up. */
export const FOREIGN_RTT_MS = 150;

/** An attempt is not late by less than this, ms: it would be our own jitter, and another one beside it would not pay. */
const LEAST_TAIL_MS = 150;

const shapeOf = (ask: Ask): Shape => ({
  sizeClass: ask.sizeClass,
  ...(ask.steps === undefined ? {} : { steps: ask.steps }),
});

/** Longest that the attempt may run from now, ms. */
const timeoutMsOf = (ask: Ask, nowMs: number): number =>
  Math.max(0, Math.min(ask.timeoutMs ?? Number.POSITIVE_INFINITY, ask.deadlineAtMs - nowMs));

/** When a second attempt would pay, ms after the start; `undefined` where none would. */
export function hedgeAfterMs(
  state: SchedulerState,
  pool: Pool,
  option: Pick<Option, "endpoint" | "estimate">,
  ask: Ask,
): number | undefined {
  const hedge = ask.policy === undefined ? undefined : state.policies.get(ask.policy)?.hedge;
  if (hedge === undefined || ask.priority !== "interactive") return undefined;
  if (ask.kind !== "first" && ask.kind !== "fallback") return undefined;
  if (!affords(state.budget, "hedge")) return undefined;
  const shape = shapeOf(ask);
  const tail = tailOf(
    state.book,
    { model: pool.model, shape, q: hedge.afterQuantile, minSamples: HEDGE_MIN_SAMPLES },
    state.nowMs,
  );
  // The alternative: the quickest endpoint of another failure domain here, else one like this in another region.
  const others = pool.endpoints
    .map((id) => state.endpoints.get(id)!)
    .filter((other) => other.failureDomain !== option.endpoint.failureDomain)
    .map((other) => ({ q50Ms: estimateOf(state, other, shape).q50Ms, rttMs: other.rtt.value }))
    .sort((a, b) => a.q50Ms + a.rttMs - b.q50Ms - b.rttMs);
  const alternative = others[0] ?? { q50Ms: option.estimate.q50Ms, rttMs: FOREIGN_RTT_MS };
  // After a timeout the request would begin again here.
  const next = { q50Ms: option.estimate.q50Ms, rttMs: option.endpoint.rtt.value };
  return hasTailToSave(tail, alternative, next) ? Math.round(Math.max(tail!.qhMs, option.estimate.q50Ms)) : undefined;
}

/** The record of an attempt that begins now at an endpoint. */
export function leaseRecordOf(
  state: SchedulerState,
  of: Pick<Option, "endpoint" | "estimate" | "overheads"> & {
    readonly id: string;
    readonly ask: Ask;
    readonly probe: boolean;
    readonly creditId?: string;
  },
): LeaseRecord {
  const { ask, endpoint, estimate, overheads } = of;
  const key = scopedKey(ask);
  return {
    id: of.id,
    endpoint: endpoint.id,
    model: endpoint.model,
    shape: shapeOf(ask),
    priority: ask.priority,
    kind: ask.kind,
    probe: of.probe,
    requestId: ask.requestId,
    ...(key === undefined ? {} : { supersedeKey: key }),
    ...(ask.policy === undefined ? {} : { policy: ask.policy }),
    grantedAtMs: state.nowMs,
    expiresAtMs: state.nowMs + leaseLifeMs(timeoutMsOf(ask, state.nowMs)),
    expected: estimate,
    predictedMs: estimate.q50Ms + overheads.rttMs + overheads.coldMs,
    cold: isCold(state, endpoint),
    ...(of.creditId === undefined ? {} : { creditId: of.creditId }),
  };
}

/** Counts a request, by its first ask, towards the budget of extra ones. */
export function earnExtra(state: SchedulerState, ask: Pick<Ask, "kind" | "policy">): void {
  if (ask.kind !== "first") return;
  const terms = ask.policy === undefined ? undefined : state.policies.get(ask.policy);
  state.budget = recordFirst(state.budget, terms?.extraAttempts ?? EXTRA_SHARE);
}

/** What the holder of a slot is told to expect. */
export function predictedOf(estimate: Estimate, overheads: Overheads): GrantedLease["predicted"] {
  const serviceMs = Math.round(completionMs(0, estimate.q50Ms, overheads));
  const p95Ms = Math.round(completionMs(0, estimate.q95Ms, { ...overheads, biasMs: 0 }));
  return { waitMs: 0, serviceMs, p95Ms: Math.max(p95Ms, serviceMs + LEAST_TAIL_MS) };
}

/**
 * Where cancelling is not honoured an attempt that was given up keeps its slot while the next one takes another. Near saturation that
 * costs more than the tail is worth, as hedges do, and from the same load on (control.md §1).
 */
function isPatient(state: SchedulerState, pool: Pool, { endpoint }: Option): boolean {
  return !endpoint.honoursCancel && loadOf(state, pool) >= MAX_LOAD_WITHOUT_CANCEL;
}

/** Gives the option's slot to the ask. */
export function grant(state: SchedulerState, pool: Pool, option: Option, ask: Ask, id: string): GrantedLease {
  const { endpoint, estimate, overheads } = option;
  const hedge = hedgeAfterMs(state, pool, option, ask);
  const patient = isPatient(state, pool, option);
  const lease = leaseRecordOf(state, { id, endpoint, estimate, overheads, ask, probe: option.use === "probe" });
  if (lease.probe) endpoint.breaker = takeProbe(endpoint.breaker, { leaseId: id, expiresAtMs: lease.expiresAtMs });
  putLease(state.leases, lease);
  tally(state, lease.probe ? "granted_probe" : `granted_${ask.kind}`);
  return {
    id,
    endpoint: endpoint.id,
    place: state.place,
    expiresAtMs: lease.expiresAtMs,
    predicted: predictedOf(estimate, overheads),
    ...(hedge === undefined ? {} : { hedgeAfterMs: hedge }),
    ...(patient ? { patient } : {}),
    probe: lease.probe,
  };
}

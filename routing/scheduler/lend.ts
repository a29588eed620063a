/**
 * Lends slots to isolates while there is slack, and takes their reports in.
 */
import type { ModelId } from "../config/snapshot.ts";
import { admissionOf, settle } from "./breaker.ts";
import type { Ask, Credit, ReportBatch } from "./contract.ts";
import { CREDIT_HOLD_P95S, CREDIT_MS, lendable, moveIdle } from "./credits.ts";
import type { Gathered } from "./effects.ts";
import { ghostIdOf, recordEnd } from "./end.ts";
import { earnExtra, leaseRecordOf } from "./grant.ts";
import { putLease, takeLease } from "./leases.ts";
import { bestOf, completionAt, estimateOf, freeSlots, isCold, optionsFor, usableSlots } from "./options.ts";
import { waitingCount } from "./queue.ts";
import { revokeOlder } from "./reserve.ts";
import type { Shape } from "./size-class.ts";
import { freshId, type Pool, type SchedulerState, tally } from "./state.ts";
import { claimNewest, scopedKey } from "./supersede.ts";

/** Most leases at one time; a scheduler that is told of more forgets to count them rather than grow. */
export const MAX_LEASES = 4_096;

/** The kind of work that a pool is asked for most. */
export function typicalShape(pool: Pool): Shape {
  const uses = [...pool.shapes.values()];
  return uses.reduce(
    (most, next) => (next.weight > most.weight ? next : most),
    uses[0] ?? { shape: { sizeClass: "m" }, weight: 0 },
  ).shape;
}

/** A typical preview of the pool that nothing hurries. */
export function typicalAsk(state: SchedulerState, pool: Pool): Ask {
  return {
    place: state.place,
    model: pool.model,
    candidates: pool.endpoints,
    ...typicalShape(pool),
    priority: "interactive",
    deadlineAtMs: Number.MAX_SAFE_INTEGER,
    kind: "fallback",
    avoid: [],
    tenant: "",
    requestId: "",
    elsewhere: true,
  };
}

/** A credit for an isolate, or `undefined` while there is no slack. */
export function lend(
  state: SchedulerState,
  ask: { readonly isolateId: string; readonly model: ModelId; readonly slots: number },
): Credit | undefined {
  const { nowMs } = state;
  const pool = state.pools.get(ask.model);
  if (pool === undefined || [...pool.triggers.values()].some((trigger) => trigger.down)) return undefined;
  const well = pool.endpoints
    .map((id) => state.endpoints.get(id)!)
    .filter((endpoint) => {
      endpoint.breaker = settle(endpoint.breaker, nowMs);
      return admissionOf(endpoint.breaker, nowMs) === "normal";
    });
  const held = [...state.credits.values()]
    .filter((credit) => credit.isolateId === ask.isolateId && credit.model === ask.model && credit.expiresAtMs > nowMs)
    .reduce((sum, credit) => sum + credit.idle, 0);
  const slots = lendable({
    free: well.reduce((sum, endpoint) => sum + freeSlots(state, endpoint), 0),
    total: well.reduce((sum, endpoint) => sum + usableSlots(endpoint, nowMs), 0),
    waiting: waitingCount(pool.queue),
    held,
    asked: ask.slots,
  });
  const choice =
    slots < 1 ? undefined : bestOf(optionsFor(state, pool, typicalAsk(state, pool)).options, { ahead: new Map() });
  if (choice === undefined || choice.waitMs > 0) return undefined;
  const { endpoint, estimate } = choice.option;
  const id = freshId(state);
  const idle = Math.min(slots, freeSlots(state, endpoint));
  const expiresAtMs = nowMs + CREDIT_MS;
  state.credits.set(id, {
    id,
    isolateId: ask.isolateId,
    model: pool.model,
    endpoint: endpoint.id,
    idle,
    expiresAtMs,
    holdUntilMs: Math.ceil(expiresAtMs + CREDIT_HOLD_P95S * estimate.q95Ms),
  });
  tally(state, "credit_lent");
  const predicted = {
    waitMs: 0,
    serviceMs: Math.round(completionAt(choice, "q50Ms")),
    p95Ms: Math.round(completionAt(choice, "q95Ms")),
  };
  return { id, model: pool.model, endpoint: endpoint.id, slots: idle, expiresAtMs, predicted };
}

/** Ids of different isolates must not meet. */
const leaseIdOf = (batch: ReportBatch, id: string): string => `${batch.isolateId}/${id}`;

function recordStart(
  state: SchedulerState,
  batch: ReportBatch,
  start: ReportBatch["started"][number],
  gathered: Gathered,
) {
  const endpoint = state.endpoints.get(start.endpoint);
  const id = leaseIdOf(batch, start.id);
  if (endpoint === undefined || state.leases.byId.has(id) || state.leases.byId.size >= MAX_LEASES) return;
  const { ask } = start;
  const moved = moveIdle(state.credits, start.creditId, -1);
  const shape: Shape = { sizeClass: ask.sizeClass, ...(ask.steps === undefined ? {} : { steps: ask.steps }) };
  const record = leaseRecordOf(state, {
    id,
    endpoint,
    estimate: estimateOf(state, endpoint, shape),
    overheads: { rttMs: endpoint.rtt.value, coldMs: isCold(state, endpoint) ? endpoint.cold.value : 0, biasMs: 0 },
    ask,
    probe: false,
    ...(moved && start.creditId !== undefined ? { creditId: start.creditId } : {}),
  });
  putLease(state.leases, { ...record, grantedAtMs: Math.min(state.nowMs, start.startedAtMs) });
  earnExtra(state, ask);
  tally(state, start.creditId === undefined ? "started_locally" : "started_on_credit");
  const key = scopedKey(ask);
  if (key === undefined) return;
  if (claimNewest(state.newest, key, ask, state.nowMs)) return revokeOlder(state, key, ask.requestId, gathered);
  putLease(state.leases, { ...state.leases.byId.get(record.id)!, revoked: "superseded" });
  gathered.revoked.push({ leaseId: record.id, cause: "superseded" });
}

/** Takes in what an isolate began and ended without asking. Revocations name leases as `isolateId/id`. */
export function takeReport(state: SchedulerState, batch: ReportBatch, gathered: Gathered): void {
  for (const start of batch.started) recordStart(state, batch, start, gathered);
  for (const end of batch.ended) {
    const id = leaseIdOf(batch, end.id);
    const lease = takeLease(state.leases, id);
    recordEnd(state, end.endpoint, end.outcome, lease);
    const credit = lease?.creditId === undefined ? undefined : state.credits.get(lease.creditId);
    const running = state.leases.byId.has(ghostIdOf(id));
    if (credit !== undefined && credit.expiresAtMs > state.nowMs && !running) moveIdle(state.credits, credit.id, 1);
  }
  for (const id of batch.returned ?? [])
    if (state.credits.get(id)?.isolateId === batch.isolateId) state.credits.delete(id);
}

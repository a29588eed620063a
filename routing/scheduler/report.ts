/**
 * Takes in what isolates began and ended without asking: on a credit, or by their local rule.
 */
import type { DoneAttempt, ReportBatch } from "./contract.ts";
import { moveIdle } from "./credits.ts";
import type { Gathered } from "./effects.ts";
import { ghostIdOf, recordEnd } from "./end.ts";
import { earnExtra, leaseRecordOf } from "./grant.ts";
import type { Estimate } from "./latency-book.ts";
import { leaseLifeMs, putLease, takeLease } from "./leases.ts";
import { estimateOf, isCold } from "./options.ts";
import { noteAsk, supersedes } from "./reserve.ts";
import { type Shape, shapeKey } from "./size-class.ts";
import { freshId, type SchedulerState, tally } from "./state.ts";
import { scopedKey } from "./supersede.ts";

/** Most leases at one time; a scheduler that is told of more forgets to count them rather than grow. */
export const MAX_LEASES = 4_096;

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
  const pool = state.pools.get(endpoint.model);
  if (pool !== undefined) noteAsk(pool, ask, state.nowMs);
  earnExtra(state, ask);
  tally(state, start.creditId === undefined ? "started_locally" : "started_on_credit");
  const key = scopedKey(ask);
  if (key === undefined || supersedes(state, key, ask, gathered)) return;
  putLease(state.leases, { ...state.leases.byId.get(record.id)!, revoked: "superseded" });
  gathered.revoked.push({ leaseId: record.id, cause: "superseded" });
}

/** Attempts that are over before anybody heard of them need no lease; what was expected of them is looked up once a kind of work. */
function recordDone(state: SchedulerState, done: DoneAttempt, estimates: Map<string, Estimate>): void {
  const endpoint = state.endpoints.get(done.endpoint);
  const pool = endpoint === undefined ? undefined : state.pools.get(endpoint.model);
  if (endpoint === undefined || pool === undefined) return;
  const { kind, priority, policy, outcome, creditId } = done;
  const shape: Shape = {
    sizeClass: outcome.sizeClass,
    ...(outcome.steps === undefined ? {} : { steps: outcome.steps }),
  };
  const key = `${endpoint.id} ${shapeKey(shape)}`;
  const expected = estimates.get(key) ?? estimateOf(state, endpoint, shape);
  estimates.set(key, expected);
  const cold = isCold(state, endpoint);
  noteAsk(pool, shape, state.nowMs);
  earnExtra(state, { kind, ...(policy === undefined ? {} : { policy }) });
  tally(state, creditId === undefined ? "started_locally" : "started_on_credit");
  const grantedAtMs = Math.min(state.nowMs, done.startedAtMs);
  const id = freshId(state);
  recordEnd(state, endpoint.id, outcome, {
    id,
    endpoint: endpoint.id,
    model: endpoint.model,
    shape,
    priority,
    kind,
    probe: false,
    requestId: "",
    ...(policy === undefined ? {} : { policy }),
    grantedAtMs,
    expiresAtMs: Math.max(state.nowMs, grantedAtMs + leaseLifeMs(outcome.elapsedMs)),
    expected,
    predictedMs: expected.q50Ms + endpoint.rtt.value + (cold ? endpoint.cold.value : 0),
    cold,
  });
  if (state.leases.byId.has(ghostIdOf(id))) moveIdle(state.credits, creditId, -1);
}

/** Takes in what an isolate began and ended without asking. Revocations name leases as `isolateId/id`. */
export function takeReport(state: SchedulerState, batch: ReportBatch, gathered: Gathered): void {
  for (const [name, count] of Object.entries(batch.counts ?? {})) tally(state, name, count);
  const estimates = new Map<string, Estimate>();
  for (const done of batch.done ?? []) recordDone(state, done, estimates);
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

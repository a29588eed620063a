/**
 * What time alone changes: leases, credits and tickets that run out, breakers that move on, slow endpoints, the downgrade triggers.
 *
 * Time comes from outside. It may stand still or jump: a small step back is taken as standing still; after a large one all holds are cut
 * to what they could be if they were made now, so that nothing is locked until the old time comes round again.
 */
import { rebase, settle } from "./breaker.ts";
import { sweepCredits } from "./credits.ts";
import { stepTrigger } from "./downgrade.ts";
import type { Gathered } from "./effects.ts";
import { recordLost } from "./end.ts";
import { recentMedian } from "./latency-book.ts";
import { putLease, sweepLeases } from "./leases.ts";
import { typicalAsk, typicalShape } from "./lend.ts";
import { bestOf, completionAt, optionsFor } from "./options.ts";
import { SLOW_FOR_MS, SLOW_MIN_SAMPLES, slowOnes } from "./outlier.ts";
import { jobsAhead } from "./reserve.ts";
import { type Pool, type SchedulerState, tally } from "./state.ts";

/** A step back of the clock by more than this is a jump, ms. */
const JUMP_MS = 5_000;

function rebaseAll(state: SchedulerState, nowMs: number): void {
  for (const lease of [...state.leases.byId.values()]) {
    const grantedAtMs = Math.min(lease.grantedAtMs, nowMs);
    const expiresAtMs = grantedAtMs + (lease.expiresAtMs - lease.grantedAtMs);
    putLease(state.leases, { ...lease, grantedAtMs, expiresAtMs });
  }
  state.credits.clear();
  for (const endpoint of state.endpoints.values()) {
    endpoint.breaker = rebase(endpoint.breaker, nowMs);
    endpoint.busyAtMs = Math.min(endpoint.busyAtMs, nowMs);
    endpoint.confirmedAtMs = Math.min(endpoint.confirmedAtMs, nowMs);
    endpoint.slowUntilMs = Math.min(endpoint.slowUntilMs, nowMs + SLOW_FOR_MS);
    if (endpoint.slots.kind === "adaptive")
      endpoint.slots = { ...endpoint.slots, loweredAtMs: Math.min(endpoint.slots.loweredAtMs, nowMs) };
  }
  for (const pool of state.pools.values()) {
    pool.askedAtMs = Math.min(pool.askedAtMs, nowMs);
    for (const [policy, trigger] of pool.triggers) {
      const changedAtMs = Math.min(trigger.changedAtMs, nowMs);
      pool.triggers.set(policy, { ...trigger, changedAtMs, tickedAtMs: Math.min(trigger.tickedAtMs, nowMs) });
    }
  }
}

/** Moves the machine's time to `nowMs` and lets go what has run out by then. */
export function advance(state: SchedulerState, nowMs: number, gathered: Gathered): void {
  if (nowMs < state.nowMs - JUMP_MS) {
    rebaseAll(state, nowMs);
    state.nowMs = nowMs;
    tally(state, "clock_jump");
  }
  state.nowMs = Math.max(state.nowMs, nowMs);
  const lost = sweepLeases(state.leases, state.nowMs);
  recordLost(state, lost);
  for (const lease of lost) if (!lease.ghost) gathered.expired.push(lease.id);
  sweepCredits(state.credits, state.nowMs);
}

function markSlow(state: SchedulerState, pool: Pool): void {
  const shape = typicalShape(pool);
  const speeds = pool.endpoints.flatMap((endpoint) => {
    const recent = recentMedian(state.book, endpoint, shape, state.nowMs);
    return recent === undefined ? [] : [{ endpoint, ...recent }];
  });
  const slow = slowOnes(speeds);
  for (const { endpoint, samples } of speeds)
    if (samples >= SLOW_MIN_SAMPLES)
      state.endpoints.get(endpoint)!.slowUntilMs = slow.has(endpoint) ? state.nowMs + SLOW_FOR_MS : 0;
}

/** Predicted q75 completion of a typical preview that came now, ms; `undefined` where no healthy endpoint is left. */
export function typicalCompletionMs(state: SchedulerState, pool: Pool): number | undefined {
  const { options } = optionsFor(state, pool, typicalAsk(state, pool));
  const best = bestOf(options, { ahead: jobsAhead(pool, options) });
  return best === undefined ? undefined : completionAt(best, "q75Ms");
}

function stepTriggers(state: SchedulerState, pool: Pool): void {
  if (pool.triggers.size === 0) return;
  // Without a healthy endpoint there is nothing to measure; ejection decides then, and the trigger holds.
  const completionMs = typicalCompletionMs(state, pool);
  if (completionMs === undefined) return;
  for (const [policy, trigger] of pool.triggers) {
    const terms = state.policies.get(policy);
    if (terms === undefined) continue;
    const next = stepTrigger(trigger, completionMs / terms.deadlineMs, terms.downgrade, state.nowMs);
    if (next.down !== trigger.down) tally(state, next.down ? "downgrade_entered" : "downgrade_left");
    pool.triggers.set(policy, next);
  }
}

/** Brings breakers, slow marks and triggers up to date. */
export function refresh(state: SchedulerState): void {
  for (const endpoint of state.endpoints.values()) endpoint.breaker = settle(endpoint.breaker, state.nowMs);
  for (const pool of state.pools.values()) {
    markSlow(state, pool);
    stepTriggers(state, pool);
  }
}

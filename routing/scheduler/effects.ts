/**
 * Gathers what a call changed for others while it runs, and says when the machine wants to be called again.
 */
import type { CancelCause } from "../failure/index.ts";
import type { Effects, GrantedLease, Refusal } from "./contract.ts";
import { PRIORITIES } from "./queue.ts";
import type { SchedulerState } from "./state.ts";

/** While anything waits, it is looked at again this often, ms: an overdue attempt may have made another slot the better one. */
export const WAITING_TICK_MS = 250;
/** A pool that was not asked for so long needs no ticks of its trigger while that is up, ms. */
const QUIET_MS = 60_000;

export interface Gathered {
  readonly grants: GrantedLease[];
  readonly dropped: { readonly ticket: string; readonly refusal: Refusal }[];
  readonly revoked: { readonly leaseId: string; readonly cause: CancelCause }[];
  readonly superseded: string[];
  readonly expired: string[];
}

/** Nothing happened yet. */
export function noEffects(): Gathered {
  return { grants: [], dropped: [], revoked: [], superseded: [], expired: [] };
}

/** When something will be due, epoch ms; `undefined` when all is quiet. */
export function nextWakeAtMs(state: SchedulerState): number | undefined {
  let wakeAtMs = Number.POSITIVE_INFINITY;
  const due = (atMs: number) => {
    if (atMs < wakeAtMs) wakeAtMs = atMs;
  };
  for (const lease of state.leases.byId.values()) due(lease.expiresAtMs);
  for (const credit of state.credits.values()) due(credit.holdUntilMs);
  for (const endpoint of state.endpoints.values()) {
    const { state: breaker } = endpoint.breaker;
    if (breaker.kind === "out" && breaker.probe === undefined && breaker.lookAtMs > state.nowMs) due(breaker.lookAtMs);
  }
  for (const pool of state.pools.values()) {
    if (PRIORITIES.some((priority) => pool.queue.lanes[priority].length > 0)) due(state.nowMs + WAITING_TICK_MS);
    for (const [policy, trigger] of pool.triggers) {
      const tickMs = state.policies.get(policy)?.downgrade.tickMs;
      if (tickMs !== undefined && (trigger.down || state.nowMs - pool.askedAtMs < QUIET_MS))
        due(Math.max(state.nowMs, trigger.tickedAtMs) + tickMs);
    }
  }
  return Number.isFinite(wakeAtMs) ? Math.max(wakeAtMs, state.nowMs + 1) : undefined;
}

/** What was gathered, as data. */
export function toEffects(state: SchedulerState, gathered: Gathered): Effects {
  const wakeAtMs = nextWakeAtMs(state);
  const { superseded, ...rest } = gathered;
  return {
    ...rest,
    ...(superseded.length === 0 ? {} : { superseded }),
    ...(wakeAtMs === undefined ? {} : { nextWakeAtMs: wakeAtMs }),
  };
}

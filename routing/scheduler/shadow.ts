/**
 * Slots for shadows: copied traffic whose answer nobody waits for.
 *
 * A shadow is given a slot only where the pool is idle: nobody waits, fewer than half of the slots are taken (what is lent counts), another one
 * stays free, and the endpoint is well. It gives way at once to whoever would have to wait. Nothing is learned of demand from it, and it draws on no budget.
 */
import type { Ask, ReserveAnswer } from "./contract.ts";
import type { Gathered } from "./effects.ts";
import { grant } from "./grant.ts";
import { leasesOf, putLease } from "./leases.ts";
import { bestOf, freeSlots, optionsFor, takenSlots, usableSlots } from "./options.ts";
import { waitingCount } from "./queue.ts";
import { freshId, type Pool, type SchedulerState, tally } from "./state.ts";

/** A pool with this share of its slots taken is not idle. */
const IDLE_BELOW = 0.5;

/** A revoked lease ends so soon even if its holder says nothing, ms. */
const REVOKED_LIFE_MS = 5_000;

/** A slot of an idle pool; `undefined` where it is not idle. */
export function reserveShadow(state: SchedulerState, pool: Pool, ask: Ask): ReserveAnswer | undefined {
  if (waitingCount(pool.queue) > 0) return undefined;
  const { options, panic } = optionsFor(state, pool, ask);
  const well = options.filter(({ use }) => use === "normal");
  const slots = well.reduce((sum, { endpoint }) => sum + usableSlots(endpoint, state.nowMs), 0);
  const taken = well.reduce((sum, { endpoint }) => sum + takenSlots(state, endpoint.id), 0);
  const free = well.reduce((sum, { endpoint }) => sum + freeSlots(state, endpoint), 0);
  if (panic || free < 2 || taken >= IDLE_BELOW * slots) return undefined;
  const choice = bestOf(well, { ahead: new Map() });
  if (choice === undefined || choice.waitMs > 0) return undefined;
  return { kind: "granted", lease: grant(state, pool, choice.option, ask, freshId(state)) };
}

/** Somebody cannot be served at once: whatever shadow runs in the pool stops. */
export function revokeShadows(state: SchedulerState, pool: Pool, gathered: Gathered): void {
  for (const id of pool.endpoints)
    for (const lease of leasesOf(state.leases, id)) {
      if (lease.kind !== "shadow" || lease.revoked !== undefined || lease.ghost) continue;
      const expiresAtMs = Math.min(lease.expiresAtMs, state.nowMs + REVOKED_LIFE_MS);
      putLease(state.leases, { ...lease, revoked: "revoked", expiresAtMs });
      gathered.revoked.push({ leaseId: lease.id, cause: "revoked" });
      tally(state, "revoked_shadow");
    }
}

/**
 * Gives slots to those who wait: the most urgent first, each at the endpoint where it will be done soonest.
 *
 * What can no longer be in time leaves before it reaches a GPU; what lost its last endpoint leaves at once, so that the router can go on.
 */
import type { EndpointId } from "../config/snapshot.ts";
import type { Ask } from "./contract.ts";
import type { Gathered } from "./effects.ts";
import { grant } from "./grant.ts";
import { bestOf, freeSlots, type Options, optionsFor } from "./options.ts";
import { PRIORITIES, recordTurn, removeWaiting, serviceOrder, waitingCount } from "./queue.ts";
import { drainMs, dropTicket, refuse } from "./reserve.ts";
import type { Pool, SchedulerState } from "./state.ts";

function dropExpired(state: SchedulerState, pool: Pool, gathered: Gathered): void {
  for (const priority of PRIORITIES)
    for (const ticket of pool.queue.lanes[priority].filter((waiting) => waiting.latestStartAtMs < state.nowMs)) {
      removeWaiting(pool.queue, ticket.id);
      const { options } = optionsFor(state, pool, ticket.ask);
      dropTicket(state, ticket, refuse(state, "predicted_late", drainMs(pool, options)), gathered);
    }
}

const anyFree = (state: SchedulerState, pool: Pool): boolean =>
  pool.endpoints.some((id) => freeSlots(state, state.endpoints.get(id)!) > 0);

/** One round over the queue; says whether a slot was given. */
function giveOne(state: SchedulerState, pool: Pool, gathered: Gathered): boolean {
  const meant = new Map<EndpointId, number>();
  const seen = new Map<string, Options>();
  const optionsOf = (ask: Ask): Options => {
    const key = JSON.stringify([ask.candidates, ask.avoid, ask.sizeClass, ask.steps, ask.kind, ask.elsewhere]);
    const options = seen.get(key) ?? optionsFor(state, pool, ask);
    seen.set(key, options);
    return options;
  };
  for (const ticket of serviceOrder(pool.queue)) {
    const { options, retryAtMs } = optionsOf(ticket.ask);
    if (options.length === 0) {
      removeWaiting(pool.queue, ticket.id);
      const waitMs = retryAtMs === undefined ? 0 : retryAtMs - state.nowMs;
      dropTicket(state, ticket, refuse(state, "no_endpoint", waitMs), gathered);
      continue;
    }
    // It was admitted at q75; now that a slot is free, an even chance is worth taking.
    const remainingMs = ticket.deadlineAtMs - state.nowMs;
    const choice = bestOf(options, { ahead: meant, inTime: { quantile: "q50Ms", remainingMs } });
    if (choice === undefined) continue;
    if (choice.waitMs === 0) {
      removeWaiting(pool.queue, ticket.id);
      recordTurn(pool.queue, ticket.priority);
      gathered.grants.push(grant(state, pool, choice.option, ticket.ask, ticket.id));
      return true;
    }
    meant.set(choice.option.endpoint.id, (meant.get(choice.option.endpoint.id) ?? 0) + 1);
  }
  return false;
}

/** Gives every slot of the pool that somebody waits for. */
export function dispatch(state: SchedulerState, pool: Pool, gathered: Gathered): void {
  if (waitingCount(pool.queue) === 0) return;
  dropExpired(state, pool, gathered);
  while (waitingCount(pool.queue) > 0 && anyFree(state, pool) && giveOne(state, pool, gathered));
}

/**
 * Answers one ask: a slot now, a place in the queue, or a refusal at once with an honest wait.
 *
 * The order of the questions: still the newest? anybody able? within the budget? this tier open? in time? Then the argmin of predicted
 * completion takes the slot, on state that already counts every slot given before. Fails closed: what is predicted to be late is refused
 * now, so that the router can take its next leg while there is time.
 */
import type { EndpointId } from "../config/snapshot.ts";
import { affords, draw, type ExtraKind, extraKindOf, refund } from "./budget.ts";
import type { Ask, Claim, Refusal, RefusalReason, ReserveAnswer } from "./contract.ts";
import { goesDown } from "./downgrade.ts";
import type { Gathered } from "./effects.ts";
import { earnExtra, grant } from "./grant.ts";
import { decideAlternative } from "./hedge-gate.ts";
import { putLease } from "./leases.ts";
import {
  bestOf,
  type Choice,
  completionAt,
  freeSlots,
  loadOf,
  type Option,
  optionsFor,
  takenSlots,
} from "./options.ts";
import { enqueue, leastUrgent, MAX_WAITING, PRIORITIES, removeWaiting, serviceOrder, waitingCount } from "./queue.ts";
import { reserveShadow, revokeShadows } from "./shadow.ts";
import { type Shape, shapeKey } from "./size-class.ts";
import { type EndpointState, freshId, type Pool, type SchedulerState, type Ticket, tally, triggerOf } from "./state.ts";
import { claimNewest, scopedKey } from "./supersede.ts";

/** A revoked lease ends so soon even if its holder says nothing, ms. */
const REVOKED_LIFE_MS = 5_000;
/** Retry-After is the predicted drain × U(1, this): what was refused together shall not come back together. */
const RETRY_SPREAD = 1.3;
/** Automation is refused with probability min(1, (wait / (this × what it can wait))⁵). */
const SHED_AT = 0.9;
/** What is known of an endpoint is believed against an attempt for so long after it was last confirmed, ms. */
const CONFIRMED_FOR_MS = 60_000;
/** Kinds of work remembered for a pool. */
const MAX_SHAPES = 16;

/** A refusal, counted. `drainMs` 0 means that waiting would not help. */
export function refuse(state: SchedulerState, why: RefusalReason, drainMs = 0): Refusal {
  tally(state, `refused_${why}`);
  if (drainMs <= 0) return { kind: "refused", why };
  const spread = 1 + (RETRY_SPREAD - 1) * state.random();
  return { kind: "refused", why, retryAfterMs: Math.ceil(drainMs * spread) };
}

/** What an ask draws on this place's budget: nothing where the budget of the first attempt's place was drawn on already. */
function extraOf(state: SchedulerState, ask: Ask): ExtraKind | undefined {
  return (ask.budgetOf ?? state.place) === state.place ? extraKindOf(ask) : undefined;
}

/** A ticket leaves the queue without a slot; an extra attempt that was paid for and never begun is given back. */
export function dropTicket(state: SchedulerState, ticket: Ticket, refusal: Refusal, gathered: Gathered): void {
  refundTicket(state, ticket);
  gathered.dropped.push({ ticket: ticket.id, refusal });
}

/** Gives back what a ticket drew. */
export function refundTicket(state: SchedulerState, ticket: Ticket): void {
  const extra = extraOf(state, ticket.ask);
  if (extra !== undefined) state.budget = refund(state.budget, extra);
}

/** Is the ask of its key's newest request? Then all that older ones still hold or wait for is stopped. */
export function supersedes(state: SchedulerState, key: string, ask: Claim, gathered: Gathered): boolean {
  const former = state.newest.get(key);
  if (!claimNewest(state.newest, key, ask, state.nowMs)) return false;
  if (former !== undefined && former.requestId !== ask.requestId) gathered.superseded.push(former.requestId);
  revokeOlder(state, key, ask.requestId, gathered);
  return true;
}

function revokeOlder(state: SchedulerState, key: string, requestId: string, gathered: Gathered): void {
  for (const lease of [...state.leases.byId.values()]) {
    if (lease.supersedeKey !== key || lease.requestId === requestId || lease.revoked || lease.ghost) continue;
    const expiresAtMs = Math.min(lease.expiresAtMs, state.nowMs + REVOKED_LIFE_MS);
    putLease(state.leases, { ...lease, revoked: "superseded", expiresAtMs });
    gathered.revoked.push({ leaseId: lease.id, cause: "superseded" });
    tally(state, "revoked");
  }
  for (const pool of state.pools.values())
    for (const ticket of PRIORITIES.flatMap((priority) => pool.queue.lanes[priority])) {
      if (ticket.ask.requestId === requestId || scopedKey(ticket.ask) !== key) continue;
      removeWaiting(pool.queue, ticket.id);
      dropTicket(state, ticket, refuse(state, "superseded"), gathered);
    }
}

/** Remembers what the pool is asked for, and when; the habit fades as others grow. */
export function noteAsk(pool: Pool, ask: Shape, nowMs: number): void {
  pool.askedAtMs = nowMs;
  const shape = { sizeClass: ask.sizeClass, ...(ask.steps === undefined ? {} : { steps: ask.steps }) };
  const key = shapeKey(shape);
  for (const use of pool.shapes.values()) use.weight *= 0.98;
  const use = pool.shapes.get(key) ?? { shape, weight: 0 };
  use.weight += 1;
  pool.shapes.set(key, use);
  if (pool.shapes.size <= MAX_SHAPES) return;
  const rarest = [...pool.shapes].reduce((least, next) => (next[1].weight < least[1].weight ? next : least));
  pool.shapes.delete(rarest[0]);
}

/** How many jobs are meant for each endpoint before this ticket gets its turn; without a ticket, all that wait. */
export function jobsAhead(pool: Pool, options: readonly Option[], ticket?: Ticket): Map<EndpointId, number> {
  const ahead = new Map<EndpointId, number>();
  for (const waiting of serviceOrder(pool.queue, ticket)) {
    if (waiting === ticket) break;
    const usable = options.filter((option) => waiting.ask.candidates.includes(option.endpoint.id));
    const choice = bestOf(usable, { ahead });
    if (choice !== undefined) ahead.set(choice.option.endpoint.id, (ahead.get(choice.option.endpoint.id) ?? 0) + 1);
  }
  return ahead;
}

/** Predicted wait of one more job behind all that wait, ms. */
export function drainMs(pool: Pool, options: readonly Option[]): number {
  return bestOf(options, { ahead: jobsAhead(pool, options) })?.waitMs ?? 0;
}

/** The gate's clauses about the endpoint that would run the hedge; its first clause was asked at the first attempt's place. */
function hedgeFits(state: SchedulerState, pool: Pool, choice: Choice, ask: Ask): boolean {
  const { endpoint, estimate, overheads } = choice.option;
  const decision = decideAlternative(
    {
      q50Ms: estimate.q50Ms,
      q75Ms: completionAt({ ...choice, waitMs: 0 }, "q75Ms"),
      rttMs: overheads.rttMs,
      waitMs: choice.waitMs,
      freeSlots: freeSlots(state, endpoint),
      load: loadOf(state, pool),
      cancelEfficacy: endpoint.honoursCancel ? 1 : 0,
    },
    { nowMs: state.nowMs, deadlineAtMs: ask.deadlineAtMs, token: true },
  );
  if (!decision.hedge) tally(state, `hedge_${decision.why}`);
  return decision.hedge;
}

/** Is automation to give way? The closer its wait comes to what it can wait, the more surely. */
function sheds(state: SchedulerState, choice: Choice, ask: Ask): boolean {
  if (ask.priority !== "automation" || choice.waitMs <= 0) return false;
  const canWaitMs = ask.deadlineAtMs - state.nowMs - completionAt({ ...choice, waitMs: 0 }, "q75Ms");
  if (canWaitMs <= 0) return true;
  return state.random() < Math.min(1, (choice.waitMs / canWaitMs / SHED_AT) ** 5);
}

/** What a tier may do with a request that can be served elsewhere. */
interface Tier {
  /** Its trigger sends the request down. */
  readonly sendsDown: boolean;
  /**
   * One of the few that test the tier although it looks too slow: what is never tried is never measured, and an endpoint that was slow once
   * would stay out for ever.
   */
  readonly tests: boolean;
}

function tierOf(state: SchedulerState, pool: Pool, ask: Ask): Tier {
  const terms = ask.policy === undefined ? undefined : state.policies.get(ask.policy);
  const leadsOn = ask.elsewhere ?? terms?.leadsElsewhere;
  if (
    ask.policy === undefined ||
    terms === undefined ||
    ask.kind !== "first" ||
    ask.priority !== "interactive" ||
    !leadsOn
  )
    return { sendsDown: false, tests: false };
  const trigger = triggerOf(pool, ask.policy);
  pool.triggers.set(ask.policy, trigger);
  const chance = state.random();
  return {
    sendsDown: goesDown(trigger, terms.downgrade, chance),
    tests: ask.elsewhere === true && chance < terms.downgrade.keepUpper,
  };
}

function ticketFor(state: SchedulerState, ask: Ask): Ticket {
  return {
    id: freshId(state),
    priority: ask.priority,
    deadlineAtMs: ask.deadlineAtMs,
    ask,
    queuedAtMs: state.nowMs,
    latestStartAtMs: ask.deadlineAtMs,
  };
}

/** Answers an ask. What it changes for others is gathered. */
export function reserve(state: SchedulerState, ask: Ask, gathered: Gathered): ReserveAnswer {
  const key = scopedKey(ask);
  if (key !== undefined && !supersedes(state, key, ask, gathered)) return refuse(state, "superseded");
  const pool = state.pools.get(ask.model);
  if (pool === undefined) return refuse(state, "no_endpoint");
  if (ask.kind === "shadow") return reserveShadow(state, pool, ask) ?? refuse(state, "shed");
  noteAsk(pool, ask, state.nowMs);
  earnExtra(state, ask);
  const { options, panic, retryAtMs } = optionsFor(state, pool, ask);
  if (options.length === 0)
    return refuse(state, "no_endpoint", retryAtMs === undefined ? 0 : Math.max(1, retryAtMs - state.nowMs));
  const extra = extraOf(state, ask);
  if (extra !== undefined && !affords(state.budget, extra)) return refuse(state, "budget");
  const healthy = options.filter((option) => option.use === "normal");
  if (panic && ask.priority !== "interactive" && !healthy.some((option) => freeSlots(state, option.endpoint) > 0))
    return refuse(state, "shed", drainMs(pool, options));
  const tier = tierOf(state, pool, ask);
  if (tier.sendsDown) return refuse(state, "predicted_late", drainMs(pool, options));

  const ticket = ticketFor(state, ask);
  const ahead = jobsAhead(pool, options, ticket);
  const remainingMs = ask.deadlineAtMs - state.nowMs;
  const inTime = bestOf(options, { ahead, inTime: { quantile: "q75Ms", remainingMs } });
  const tested = tier.tests ? options : options.filter((option) => isInDoubt(state, option.endpoint));
  const choice = inTime ?? freeOne(bestOf(tested, { ahead }));
  if (choice === undefined) {
    revokeShadows(state, pool, gathered);
    return refuseLate(state, pool, options);
  }
  if ((ask.kind === "hedge" || ask.beside) && !hedgeFits(state, pool, choice, ask))
    return refuse(state, "predicted_late");
  if (sheds(state, choice, ask)) return refuse(state, "shed", drainMs(pool, options));
  if (extra !== undefined) state.budget = draw(state.budget, extra);
  if (choice.waitMs === 0) return { kind: "granted", lease: grant(state, pool, choice.option, ask, ticket.id) };
  return wait(state, pool, { ...ticket, latestStartAtMs: latestStartAtMs(choice, ask) }, choice, gathered);
}

/**
 * For a minute nothing has confirmed what is known of it, and nothing runs there: one attempt is let through although it looks too slow,
 * and one after the other as long as they are quicker than expected. Else a slow spell would be remembered for as long as its samples are.
 */
const isInDoubt = (state: SchedulerState, endpoint: EndpointState): boolean =>
  state.nowMs - endpoint.confirmedAtMs >= CONFIRMED_FOR_MS && takenSlots(state, endpoint.id) === 0;

const freeOne = (choice: Choice | undefined): Choice | undefined => (choice?.waitMs === 0 ? choice : undefined);

/** An attempt begun later would not be admitted any more. */
function latestStartAtMs(choice: Choice, ask: Ask): number {
  return ask.deadlineAtMs - completionAt({ option: choice.option, waitMs: 0 }, "q75Ms");
}

function refuseLate(state: SchedulerState, pool: Pool, options: readonly Option[]): Refusal {
  const heldMs = options.map((option) => option.endpoint.breaker.notBeforeMs - state.nowMs);
  const soonestMs = Math.min(...heldMs);
  if (soonestMs > 0) return refuse(state, "not_before", soonestMs);
  return refuse(state, "predicted_late", drainMs(pool, options));
}

function wait(state: SchedulerState, pool: Pool, ticket: Ticket, choice: Choice, gathered: Gathered): ReserveAnswer {
  enqueue(pool.queue, ticket);
  revokeShadows(state, pool, gathered);
  if (waitingCount(pool.queue) > MAX_WAITING) {
    const last = leastUrgent(pool.queue)!;
    removeWaiting(pool.queue, last.id);
    const refusal = refuse(state, "shed", choice.waitMs);
    if (last.id === ticket.id) {
      refundTicket(state, ticket);
      return refusal;
    }
    dropTicket(state, last, refusal, gathered);
  }
  tally(state, "queued");
  return {
    kind: "queued",
    ticket: ticket.id,
    predictedWaitMs: Math.round(choice.waitMs),
    expiresAtMs: Math.floor(ticket.latestStartAtMs),
  };
}

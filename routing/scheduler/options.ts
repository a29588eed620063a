/**
 * Which endpoints may take a piece of work, how they stand, and the best of them: least predicted completion on fresh state.
 *
 * Ejected endpoints are left out, except for the one probe, and except as a last resort: never zero endpoints while one of the model is
 * merely unwell and the request has nowhere else to go. More than half ejected is panic: then ejection is ignored for such requests.
 * Endpoints that are out (wrong pin, key, model) are no resort at all.
 */
import type { EndpointId } from "../config/snapshot.ts";
import { admissionOf, settle, slotShare } from "./breaker.ts";
import type { Ask } from "./contract.ts";
import { idleUntil } from "./credits.ts";
import { sumOf } from "./failure-ring.ts";
import { type Estimate, estimateService } from "./latency-book.ts";
import { leasesOf } from "./leases.ts";
import { SLOW_FACTOR, SLOW_WEIGHT } from "./outlier.ts";
import { completionMs, type Lane, type Overheads, residualMs, waitMs } from "./predict.ts";
import type { Shape } from "./size-class.ts";
import { slotCount } from "./slots.ts";
import type { EndpointState, Pool, SchedulerState } from "./state.ts";

/** An endpoint at rest for so long may have to load its model first, ms (control.md §8). */
export const COLD_AFTER_MS = 120_000;
/** Share of a model's endpoints beyond which ejection is ignored (control.md §3; per model, because only siblings can take the load). */
export const PANIC_SHARE = 0.5;
/** A probe needs time for itself and for a fallback after it: this many q75s. */
const PROBE_SLACK = 2;
/** A free slot is left for a busy one only where that would be done sooner by more than this factor: slow ones, cold starts. */
const WORTH_WAITING = SLOW_FACTOR;
/** How much a fully used endpoint is handicapped against an idle equal: batches slow each other down a little. */
const LOAD_HANDICAP = 0.02;

export interface Option {
  readonly endpoint: EndpointState;
  readonly use: "normal" | "probe" | "last_resort";
  readonly lane: Lane;
  readonly estimate: Estimate;
  readonly overheads: Overheads;
  /** ≥ 1; multiplies the service time when options are compared, not when a deadline is checked. */
  readonly handicap: number;
}

export interface Options {
  readonly options: readonly Option[];
  readonly panic: boolean;
  /** When the first of the endpoints left out may be tried, epoch ms. */
  readonly retryAtMs?: number;
}

/** Slots that may be used now: fewer in slow start, at least 1. */
export function usableSlots(endpoint: EndpointState, nowMs: number): number {
  return Math.max(1, Math.floor(slotCount(endpoint.slots) * slotShare(endpoint.breaker, nowMs)));
}

/** Weight in the choice: 1, or less for a slow endpoint. */
export function weightOf(state: SchedulerState, endpoint: EndpointState): number {
  return endpoint.slowUntilMs > state.nowMs ? SLOW_WEIGHT : 1;
}

/** Slots in use or lent. */
export function takenSlots(state: SchedulerState, endpoint: EndpointId): number {
  return (state.leases.byEndpoint.get(endpoint)?.size ?? 0) + idleUntil(state.credits, endpoint).length;
}

/** Share of the model's slots in use here, 0…1. */
export function loadOf(state: SchedulerState, pool: Pool): number {
  const slots = pool.endpoints.reduce((sum, id) => sum + slotCount(state.endpoints.get(id)!.slots), 0);
  return Math.min(1, pool.endpoints.reduce((sum, id) => sum + takenSlots(state, id), 0) / slots);
}

/** Slots that could be given now; 0 while a throttle holds the endpoint back. */
export function freeSlots(state: SchedulerState, endpoint: EndpointState): number {
  if (endpoint.breaker.notBeforeMs > state.nowMs) return 0;
  return Math.max(0, usableSlots(endpoint, state.nowMs) - takenSlots(state, endpoint.id));
}

/** What is expected of an endpoint for a shape. */
export function estimateOf(state: SchedulerState, endpoint: EndpointState, shape: Shape): Estimate {
  const expected = state.pools.get(endpoint.model)?.expected ?? { p50Ms: 1_000, p95Ms: 2_000 };
  return estimateService(state.book, { endpoint: endpoint.id, model: endpoint.model, shape, expected }, state.nowMs);
}

/** The learned error of such an estimate at the endpoint, ms. */
export function biasMsOf({ bias, guessBias }: EndpointState, { source }: Pick<Estimate, "source">): number {
  return (source === "catalogue" ? guessBias : bias).value;
}

/** Nothing runs there and nothing has for long. */
export function isCold(state: SchedulerState, endpoint: EndpointState): boolean {
  return state.nowMs - endpoint.busyAtMs >= COLD_AFTER_MS && !state.leases.byEndpoint.has(endpoint.id);
}

function laneOf(state: SchedulerState, endpoint: EndpointState, serviceMs: number): Lane {
  const { nowMs } = state;
  const busy = leasesOf(state.leases, endpoint.id).map((lease) =>
    lease.ghost ? lease.expiresAtMs - nowMs : residualMs(nowMs - lease.grantedAtMs, lease.expected),
  );
  for (const untilMs of idleUntil(state.credits, endpoint.id)) busy.push(Math.max(1, untilMs - nowMs));
  busy.sort((a, b) => a - b);
  const slots = usableSlots(endpoint, nowMs);
  const heldMs = Math.max(0, endpoint.breaker.notBeforeMs - nowMs);
  const free = new Array<number>(Math.max(0, slots - busy.length)).fill(0);
  const taken = busy.slice(Math.max(0, busy.length - slots));
  // A taken slot is never free now, even when its work is due.
  return { freeInMs: [...free, ...taken.map((ms) => Math.max(1, ms))].map((ms) => Math.max(heldMs, ms)), serviceMs };
}

function optionOf(state: SchedulerState, endpoint: EndpointState, use: Option["use"], shape: Shape): Option {
  const estimate = estimateOf(state, endpoint, shape);
  const overheads = {
    rttMs: endpoint.rtt.value,
    coldMs: isCold(state, endpoint) ? endpoint.cold.value : 0,
    biasMs: biasMsOf(endpoint, estimate),
  };
  const { attempts, failures } = sumOf(endpoint.breaker.ring, state.nowMs);
  const successShare = use === "last_resort" && attempts > 0 ? Math.max(0.05, 1 - failures / attempts) : 1;
  const load = Math.min(1, takenSlots(state, endpoint.id) / slotCount(endpoint.slots));
  const handicap = (1 + LOAD_HANDICAP * load) / successShare / weightOf(state, endpoint);
  const lane = laneOf(state, endpoint, estimate.q50Ms);
  // One probe at a time: whoever comes next must not count on a second slot.
  const open = use === "probe" ? { ...lane, freeInMs: lane.freeInMs.slice(0, 1) } : lane;
  return { endpoint, use, lane: open, estimate, overheads, handicap };
}

const earliest = (a: number | undefined, b: number): number => (a === undefined ? b : Math.min(a, b));

const isEjected = ({ breaker: { state: breaker } }: EndpointState): boolean =>
  breaker.kind === "open" || breaker.kind === "half-open";

/** All that may take this ask now or later, each with its standing. */
export function optionsFor(state: SchedulerState, pool: Pool, ask: Ask): Options {
  const { nowMs } = state;
  const shape: Shape = { sizeClass: ask.sizeClass, ...(ask.steps === undefined ? {} : { steps: ask.steps }) };
  let ejectedCount = 0;
  let unwellOrWell = 0;
  for (const id of pool.endpoints) {
    const endpoint = state.endpoints.get(id)!;
    endpoint.breaker = settle(endpoint.breaker, nowMs);
    if (endpoint.breaker.state.kind !== "out") unwellOrWell += 1;
    if (isEjected(endpoint)) ejectedCount += 1;
  }
  const panic = ejectedCount > PANIC_SHARE * unwellOrWell;
  const able = ask.candidates
    .filter((id) => pool.endpoints.includes(id) && !ask.avoid.includes(id))
    .map((id) => state.endpoints.get(id)!);
  const normal = able.filter((endpoint) => admissionOf(endpoint.breaker, nowMs) === "normal");
  const probes = able.filter((endpoint) => admissionOf(endpoint.breaker, nowMs) === "probe");
  const options = normal.map((endpoint) => optionOf(state, endpoint, "normal", shape));
  for (const endpoint of probes) {
    const option = optionOf(state, endpoint, "probe", shape);
    const affordable = ask.deadlineAtMs - nowMs >= PROBE_SLACK * option.estimate.q75Ms;
    const mayProbe = ask.kind === "probe" || (ask.kind === "first" && (affordable || normal.length === 0));
    if (mayProbe && waitMs(option.lane, 0) === 0) options.push(option);
  }
  const nowhereElse = ask.elsewhere !== true && ask.kind !== "probe" && ask.kind !== "hedge";
  if (nowhereElse && (normal.length === 0 || panic))
    for (const endpoint of able.filter(isEjected))
      if (!options.some((option) => option.endpoint === endpoint))
        options.push(optionOf(state, endpoint, "last_resort", shape));
  const retryAtMs = able.reduce<number | undefined>((soonest, { breaker: { state: breaker } }) => {
    if (breaker.kind === "open") return earliest(soonest, breaker.untilMs);
    return breaker.kind === "out" ? earliest(soonest, breaker.lookAtMs) : soonest;
  }, undefined);
  const fit = ask.kind === "probe" ? options.filter((option) => option.use === "probe") : options;
  return { options: fit, panic, ...(retryAtMs === undefined ? {} : { retryAtMs: Math.max(nowMs, retryAtMs) }) };
}

/** An option with the wait that a place in the queue means there. */
export interface Choice {
  readonly option: Option;
  readonly waitMs: number;
  /** What is compared, ms. */
  readonly costMs: number;
}

/** Completion at a quantile of the service time, ms from now. */
export function completionAt(choice: Pick<Choice, "option" | "waitMs">, quantile: "q50Ms" | "q75Ms" | "q95Ms"): number {
  return completionMs(choice.waitMs, choice.option.estimate[quantile], choice.option.overheads);
}

function toChoice(option: Option, ahead: ReadonlyMap<EndpointId, number>): Choice {
  const wait = waitMs(option.lane, ahead.get(option.endpoint.id) ?? 0);
  const serviceMs = option.estimate.q50Ms * option.handicap;
  return { option, waitMs: wait, costMs: completionMs(wait, serviceMs, option.overheads) };
}

const cheapest = (choices: readonly Choice[]): Choice | undefined =>
  choices.reduce<Choice | undefined>(
    (best, next) => (best === undefined || next.costMs < best.costMs ? next : best),
    undefined,
  );

/** How good a choice must be. */
export interface Need {
  /** Jobs that are already meant for each endpoint. */
  readonly ahead: ReadonlyMap<EndpointId, number>;
  /** Completion at this quantile must be within `remainingMs`; absent: any will do. */
  readonly inTime?: { readonly quantile: "q50Ms" | "q75Ms"; readonly remainingMs: number };
}

/**
 * The best option that is in time. A free probe goes first, or an ejected endpoint would never be tried while its siblings are idle; then a
 * free slot, the one with the least predicted completion, so that no slot idles while somebody waits; then the busy endpoint with the least.
 */
export function bestOf(options: readonly Option[], { ahead, inTime }: Need): Choice | undefined {
  const choices = options
    .map((option) => toChoice(option, ahead))
    .filter((choice) => inTime === undefined || completionAt(choice, inTime.quantile) <= inTime.remainingMs);
  const probe = choices.find((choice) => choice.option.use === "probe" && choice.waitMs === 0);
  if (probe !== undefined) return probe;
  const best = cheapest(choices);
  const free = cheapest(choices.filter((choice) => choice.waitMs === 0));
  return best !== undefined && free !== undefined && free.costMs <= best.costMs * WORTH_WAITING ? free : best;
}

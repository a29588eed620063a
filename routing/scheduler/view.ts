/**
 * What a scheduler shows: to the router's local rule, to status and dashboard, to Prometheus. Plain JSON, without ids of requests, and
 * without tenants, prompts or URLs.
 */
import type { EndpointId, ModelId, PlaceId, PolicyName, Priority } from "../config/snapshot.ts";
import type { BreakerState } from "./breaker.ts";
import { sumOf } from "./failure-ring.ts";
import { samplesOf } from "./latency-book.ts";
import { typicalAsk, typicalShape } from "./lend.ts";
import { biasMsOf, estimateOf, freeSlots, optionsFor, takenSlots, usableSlots, weightOf } from "./options.ts";
import { BIAS_ALARM } from "./predict.ts";
import { drainMs } from "./reserve.ts";
import { type Shape, shapeKey } from "./size-class.ts";
import { slotCount } from "./slots.ts";
import type { EndpointState, Pool, SchedulerState } from "./state.ts";
import { typicalCompletionMs } from "./tick.ts";

export interface EndpointView {
  readonly id: EndpointId;
  readonly model: ModelId;
  readonly state: BreakerState["kind"];
  /** Why it is ejected or out. */
  readonly reason?: string;
  /** When an ejected endpoint is probed, or one that is out may be looked at, epoch ms. */
  readonly untilMs?: number;
  readonly notBeforeMs?: number;
  readonly slots: number;
  /** Fewer than `slots` in slow start. */
  readonly usable: number;
  readonly inUse: number;
  readonly free: number;
  /** 1, or less for a slow one. */
  readonly weight: number;
  readonly consecutiveFailures: number;
  /** Of the last minute. */
  readonly attempts: number;
  readonly failures: number;
  /** Service time of the pool's typical work, ms, and where the median comes from. */
  readonly q50Ms: number;
  readonly q75Ms: number;
  readonly q95Ms: number;
  readonly source: "endpoint" | "model" | "catalogue";
  /** How many samples stand behind them; 0 where the catalogue does. */
  readonly samples: number;
  readonly rttMs: number;
  readonly biasMs: number;
  /** The learned error is more than a quarter of the prediction. */
  readonly biasAlarm: boolean;
  /** Since the start of the counts: `ok` or the failure's reason → attempts. */
  readonly outcomes: Readonly<Record<string, number>>;
  readonly costUsd: number;
}

export interface PoolView {
  readonly model: ModelId;
  /** Size class and steps that stand for the pool: `m/30`. */
  readonly typical: string;
  readonly waiting: Readonly<Record<Priority, number>>;
  readonly slots: number;
  readonly inUse: number;
  /** Wait of a typical preview that came now, behind all that wait, ms; absent where no healthy endpoint is left. */
  readonly predictedWaitMs?: number;
  readonly predictedQ75Ms?: number;
  /** Policies whose previews are sent to a lower tier now. */
  readonly downgraded: readonly PolicyName[];
  readonly panic: boolean;
}

export interface View {
  readonly place: PlaceId;
  readonly atMs: number;
  /** Version of the snapshot in force. */
  readonly version: string;
  readonly endpoints: readonly EndpointView[];
  readonly pools: readonly PoolView[];
  /** Attempts that could be drawn: tokens, in thousandths. */
  readonly budget: { readonly extraMilli: number; readonly hedgeMilli: number };
  readonly leases: number;
  readonly credits: number;
  readonly counters: Readonly<Record<string, number>>;
}

function reasonOf(state: BreakerState): { readonly reason?: string; readonly untilMs?: number } {
  if (state.kind === "open") return { reason: state.cause, untilMs: Math.round(state.untilMs) };
  if (state.kind === "out") return { reason: state.reason, untilMs: Math.round(state.lookAtMs) };
  return {};
}

const NO_SHAPE: Shape = { sizeClass: "m" };

function endpointView(state: SchedulerState, endpoint: EndpointState): EndpointView {
  const { nowMs } = state;
  const { breaker } = endpoint;
  const pool = state.pools.get(endpoint.model);
  const shape = pool === undefined ? NO_SHAPE : typicalShape(pool);
  const estimate = estimateOf(state, endpoint, shape);
  const biasMs = biasMsOf(endpoint, estimate);
  return {
    id: endpoint.id,
    model: endpoint.model,
    state: breaker.state.kind,
    ...reasonOf(breaker.state),
    ...(breaker.notBeforeMs > nowMs ? { notBeforeMs: Math.round(breaker.notBeforeMs) } : {}),
    slots: slotCount(endpoint.slots),
    usable: usableSlots(endpoint, nowMs),
    inUse: takenSlots(state, endpoint.id),
    free: freeSlots(state, endpoint),
    weight: weightOf(state, endpoint),
    consecutiveFailures: breaker.consecutive,
    ...sumOf(breaker.ring, nowMs),
    q50Ms: Math.round(estimate.q50Ms),
    q75Ms: Math.round(estimate.q75Ms),
    q95Ms: Math.round(estimate.q95Ms),
    source: estimate.source,
    samples: samplesOf(
      state.book,
      { endpoint: endpoint.id, model: endpoint.model, shape, source: estimate.source },
      nowMs,
    ),
    rttMs: Math.round(endpoint.rtt.value),
    biasMs: Math.round(biasMs),
    biasAlarm: Math.abs(biasMs) > BIAS_ALARM * (estimate.q50Ms + endpoint.rtt.value),
    outcomes: { ...endpoint.outcomes },
    costUsd: endpoint.costUsd,
  };
}

function poolView(state: SchedulerState, pool: Pool): PoolView {
  const { options, panic } = optionsFor(state, pool, typicalAsk(state, pool));
  const q75Ms = typicalCompletionMs(state, pool);
  const endpoints = pool.endpoints.map((id) => state.endpoints.get(id)!);
  const { lanes } = pool.queue;
  return {
    model: pool.model,
    typical: shapeKey(typicalShape(pool)),
    waiting: {
      interactive: lanes.interactive.length,
      automation: lanes.automation.length,
      export: lanes.export.length,
    },
    slots: endpoints.reduce((sum, endpoint) => sum + usableSlots(endpoint, state.nowMs), 0),
    inUse: endpoints.reduce((sum, endpoint) => sum + takenSlots(state, endpoint.id), 0),
    ...(q75Ms === undefined
      ? {}
      : { predictedWaitMs: Math.round(drainMs(pool, options)), predictedQ75Ms: Math.round(q75Ms) }),
    downgraded: [...pool.triggers].filter(([, trigger]) => trigger.down).map(([policy]) => policy),
    panic,
  };
}

/** All of it, as of the machine's time. */
export function viewOf(state: SchedulerState): View {
  return {
    place: state.place,
    atMs: state.nowMs,
    version: state.version,
    endpoints: [...state.endpoints.values()].map((endpoint) => endpointView(state, endpoint)),
    pools: [...state.pools.values()].map((pool) => poolView(state, pool)),
    budget: { ...state.budget },
    leases: state.leases.byId.size,
    credits: state.credits.size,
    counters: { ...state.counters },
  };
}

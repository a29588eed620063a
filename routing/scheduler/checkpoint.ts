/**
 * What survives a restart, as JSON: leases (they are honoured or expire), health, learned times, budgets, triggers, counts.
 *
 * Tickets do not: whoever waited for them lost the connection. Credits do not, but their slots are held until their end. A checkpoint of
 * another schema or place is not read: the scheduler then starts afresh, which costs measurements and no correctness.
 */
import type { EndpointId, ModelId, PlaceId, PolicyName } from "../config/snapshot.ts";
import type { Breaker } from "./breaker.ts";
import type { Budget } from "./budget.ts";
import type { CreditRecord } from "./credits.ts";
import type { Trigger } from "./downgrade.ts";
import { fromStoredBook, type StoredLatencyBook, toStoredBook } from "./latency-book.ts";
import { type LeaseRecord, putLease } from "./leases.ts";
import { NOTHING_SMOOTHED, type Smoothed } from "./predict.ts";
import { emptyQueue } from "./queue.ts";
import type { Slots } from "./slots.ts";
import { type EndpointState, emptyState, type SchedulerState, type ShapeUse } from "./state.ts";

/** Schema of the stored JSON. */
export const CHECKPOINT_SCHEMA = 1;

interface StoredEndpoint {
  readonly id: EndpointId;
  readonly model: ModelId;
  readonly pin: string;
  readonly slots: Slots;
  readonly breaker: Breaker;
  readonly slowUntilMs: number;
  readonly bias: Smoothed;
  /** Absent in checkpoints of before it was kept apart. */
  readonly guessBias?: Smoothed;
  readonly rtt: Smoothed;
  readonly cold: Smoothed;
  readonly busyAtMs: number;
  readonly confirmedAtMs: number;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly costUsd: number;
}

export interface Checkpoint {
  readonly schema: typeof CHECKPOINT_SCHEMA;
  readonly place: PlaceId;
  readonly atMs: number;
  readonly leases: readonly LeaseRecord[];
  readonly credits: readonly CreditRecord[];
  readonly endpoints: readonly StoredEndpoint[];
  readonly pools: readonly {
    readonly model: ModelId;
    readonly triggers: readonly (readonly [PolicyName, Trigger])[];
    readonly shapes: readonly (readonly [string, ShapeUse])[];
    readonly askedAtMs: number;
  }[];
  readonly book: StoredLatencyBook;
  readonly budget: Budget;
  readonly counters: Readonly<Record<string, number>>;
}

const toStoredEndpoint = (endpoint: EndpointState): StoredEndpoint => {
  const { failureDomain: _domain, honoursCancel: _cancel, ...rest } = endpoint;
  return { ...rest, outcomes: { ...endpoint.outcomes } };
};

/** Everything worth keeping. */
export function toCheckpoint(state: SchedulerState): Checkpoint {
  return {
    schema: CHECKPOINT_SCHEMA,
    place: state.place,
    atMs: state.nowMs,
    leases: [...state.leases.byId.values()],
    credits: [...state.credits.values()],
    endpoints: [...state.endpoints.values()].map(toStoredEndpoint),
    pools: [...state.pools.values()].map((pool) => ({
      model: pool.model,
      triggers: [...pool.triggers],
      shapes: [...pool.shapes].map(([key, use]) => [key, { ...use }] as const),
      askedAtMs: pool.askedAtMs,
    })),
    book: toStoredBook(state.book, state.nowMs),
    budget: state.budget,
    counters: { ...state.counters },
  };
}

/** The state that a checkpoint describes; endpoints await their configuration before they are used. */
export function fromCheckpoint(checkpoint: Checkpoint, place: PlaceId, random: () => number): SchedulerState {
  const state = emptyState(place, random);
  if (checkpoint.schema !== CHECKPOINT_SCHEMA || checkpoint.place !== place) return state;
  state.nowMs = checkpoint.atMs;
  for (const lease of checkpoint.leases) putLease(state.leases, lease);
  for (const credit of checkpoint.credits) state.credits.set(credit.id, credit);
  for (const stored of checkpoint.endpoints)
    state.endpoints.set(stored.id, {
      ...stored,
      guessBias: stored.guessBias ?? NOTHING_SMOOTHED,
      outcomes: { ...stored.outcomes },
      failureDomain: place,
      honoursCancel: false,
    });
  for (const pool of checkpoint.pools)
    state.pools.set(pool.model, {
      model: pool.model,
      expected: { p50Ms: 1_000, p95Ms: 2_000 },
      endpoints: [],
      queue: emptyQueue(),
      triggers: new Map(pool.triggers),
      shapes: new Map(pool.shapes.map(([key, use]) => [key, { ...use }])),
      askedAtMs: pool.askedAtMs,
    });
  state.book = fromStoredBook(checkpoint.book, checkpoint.atMs);
  state.budget = checkpoint.budget;
  state.counters = { ...checkpoint.counters };
  for (const lease of checkpoint.leases)
    if (lease.supersedeKey !== undefined && lease.revoked === undefined)
      state.newest.set(lease.supersedeKey, { requestId: lease.requestId, startedAtMs: lease.grantedAtMs });
  return state;
}

/**
 * Everything that one place's scheduler knows, and how a configuration is laid over it.
 *
 * Lives in the memory of the place's Durable Object; `checkpoint.ts` says what survives a restart. Each endpoint serves one model, so all
 * that waits for a model waits in one queue: a pool is a model in this place.
 */
import type { Downgrade, EndpointId, ModelId, PlaceId, Policy, PolicyName, Snapshot } from "../config/snapshot.ts";
import { type Breaker, closedBreaker } from "./breaker.ts";
import { type Budget, EMPTY_BUDGET } from "./budget.ts";
import type { Ask } from "./contract.ts";
import type { CreditRecord } from "./credits.ts";
import { type Trigger, UP } from "./downgrade.ts";
import { type Expected, emptyLatencyBook, type LatencyBook } from "./latency-book.ts";
import { type Leases, noLeases } from "./leases.ts";
import { NOTHING_SMOOTHED, type Smoothed } from "./predict.ts";
import { emptyQueue, type Queue, type Waiting } from "./queue.ts";
import type { Shape } from "./size-class.ts";
import { type Slots, slotsOf } from "./slots.ts";
import type { Newest } from "./supersede.ts";

/** What is known of one endpoint. */
export interface EndpointState {
  readonly id: EndpointId;
  readonly model: ModelId;
  /** The version it must serve; a new one makes former verdicts about the pin void. */
  readonly pin: string;
  readonly failureDomain: string;
  readonly honoursCancel: boolean;
  slots: Slots;
  breaker: Breaker;
  /** Weighs less until then, because it was found much slower than its siblings, epoch ms; 0 = not. */
  slowUntilMs: number;
  /** Actual − predicted, ms. */
  bias: Smoothed;
  /** The same against the catalogue's guess: it says nothing of a median that was measured. */
  guessBias: Smoothed;
  /** Attempt − service − queue as reported, ms. */
  rtt: Smoothed;
  /** Extra time of the first attempt after a long rest, ms. */
  cold: Smoothed;
  /** When an attempt last ended, epoch ms. */
  busyAtMs: number;
  /** When an attempt last took as long as was expected of it, or failed, epoch ms: since then nothing speaks against what is known. */
  confirmedAtMs: number;
  /** `ok` or the failure's reason → how many attempts ended so. */
  outcomes: Record<string, number>;
  costUsd: number;
}

/** A request that waits for a slot. Its id becomes that of the lease. */
export interface Ticket extends Waiting {
  readonly ask: Ask;
  readonly queuedAtMs: number;
  /** Begun later than this it would not be back in time, epoch ms. */
  readonly latestStartAtMs: number;
}

/** How often a kind of work is asked for. */
export interface ShapeUse {
  readonly shape: Shape;
  weight: number;
}

/** A model in this place. */
export interface Pool {
  readonly model: ModelId;
  readonly expected: Expected;
  readonly endpoints: readonly EndpointId[];
  readonly queue: Queue<Ticket>;
  readonly triggers: Map<PolicyName, Trigger>;
  /** By shape key; the most frequent one stands for the pool in status and trigger. */
  readonly shapes: Map<string, ShapeUse>;
  /** When it was last asked, epoch ms. */
  askedAtMs: number;
}

/** What the scheduler needs of a policy. */
export interface PolicyTerms {
  readonly deadlineMs: number;
  readonly extraAttempts: number;
  readonly downgrade: Downgrade;
  readonly hedge?: Policy["hedge"];
  /** Does its chain lead anywhere but to the same model here? */
  readonly leadsElsewhere: boolean;
}

export interface SchedulerState {
  readonly place: PlaceId;
  readonly random: () => number;
  /** Makes ids unique across restarts. */
  readonly bootId: string;
  nextId: number;
  /** Latest time seen, epoch ms. */
  nowMs: number;
  /** Version of the snapshot in force; empty before the first. */
  version: string;
  endpoints: Map<EndpointId, EndpointState>;
  pools: Map<ModelId, Pool>;
  policies: Map<PolicyName, PolicyTerms>;
  leases: Leases;
  credits: Map<string, CreditRecord>;
  book: LatencyBook;
  budget: Budget;
  newest: Map<string, Newest>;
  /** Monotonic counts for metrics, by a closed list of names. */
  counters: Record<string, number>;
}

/** A scheduler that knows no endpoint yet. */
export function emptyState(place: PlaceId, random: () => number): SchedulerState {
  return {
    place,
    random,
    bootId: Math.floor(random() * 36 ** 6).toString(36),
    nextId: 0,
    nowMs: 0,
    version: "",
    endpoints: new Map(),
    pools: new Map(),
    policies: new Map(),
    leases: noLeases(),
    credits: new Map(),
    book: emptyLatencyBook(),
    budget: EMPTY_BUDGET,
    newest: new Map(),
    counters: {},
  };
}

/** A new id for a ticket, lease or credit. */
export function freshId(state: SchedulerState): string {
  state.nextId += 1;
  return `${state.place}.${state.bootId}.${state.nextId.toString(36)}`;
}

/** Adds to a counter. */
export function tally(state: SchedulerState, name: string, count = 1): void {
  state.counters[name] = (state.counters[name] ?? 0) + count;
}

const termsOf = (policy: Policy): PolicyTerms => ({
  deadlineMs: policy.deadlineMs,
  extraAttempts: policy.extraAttempts,
  downgrade: policy.downgrade,
  ...(policy.hedge === undefined ? {} : { hedge: policy.hedge }),
  leadsElsewhere: policy.fallback.some((step) => step.step !== "same-model"),
});

/**
 * Lays a snapshot over the state: endpoints that stay keep what was learned of them, pools keep their queues. Tickets of a model that is
 * gone are handed back for refusal. An endpoint whose pin changed starts afresh.
 */
export function applySnapshot(state: SchedulerState, snapshot: Snapshot, nowMs: number): Ticket[] {
  const { catalog, routing } = snapshot.content;
  const endpoints = new Map<EndpointId, EndpointState>();
  const pools = new Map<ModelId, Pool>();
  for (const endpoint of Object.values(catalog.endpoints)) {
    const model = catalog.models[endpoint.model];
    if (endpoint.place !== state.place || model === undefined) continue;
    const former = state.endpoints.get(endpoint.id);
    const same = former?.model === endpoint.model && former.pin === model.pin ? former : undefined;
    endpoints.set(endpoint.id, {
      id: endpoint.id,
      model: endpoint.model,
      pin: model.pin,
      failureDomain: endpoint.failureDomain,
      honoursCancel: endpoint.honoursCancel,
      slots: slotsOf(endpoint.concurrency, same?.slots),
      breaker: same?.breaker ?? closedBreaker(nowMs),
      slowUntilMs: same?.slowUntilMs ?? 0,
      bias: same?.bias ?? NOTHING_SMOOTHED,
      guessBias: same?.guessBias ?? NOTHING_SMOOTHED,
      rtt: same?.rtt ?? NOTHING_SMOOTHED,
      cold: same?.cold ?? NOTHING_SMOOTHED,
      busyAtMs: same?.busyAtMs ?? nowMs,
      confirmedAtMs: same?.confirmedAtMs ?? nowMs,
      outcomes: same?.outcomes ?? {},
      costUsd: same?.costUsd ?? 0,
    });
    const pool = pools.get(model.id);
    const formerPool = state.pools.get(model.id);
    pools.set(model.id, {
      model: model.id,
      expected: model.expected,
      endpoints: [...(pool?.endpoints ?? []), endpoint.id],
      queue: formerPool?.queue ?? emptyQueue(),
      triggers: formerPool?.triggers ?? new Map(),
      shapes: formerPool?.shapes ?? new Map(),
      askedAtMs: formerPool?.askedAtMs ?? 0,
    });
  }
  const orphans = [...state.pools.values()]
    .filter((pool) => !pools.has(pool.model))
    .flatMap((pool) => Object.values(pool.queue.lanes).flat());
  state.policies = new Map(Object.values(routing.policies).map((policy) => [policy.name, termsOf(policy)]));
  for (const pool of pools.values())
    for (const name of pool.triggers.keys()) if (!state.policies.has(name)) pool.triggers.delete(name);
  state.endpoints = endpoints;
  state.pools = pools;
  state.version = snapshot.version;
  return orphans;
}

/** The trigger of a policy in a pool. */
export function triggerOf(pool: Pool, policy: PolicyName): Trigger {
  return pool.triggers.get(policy) ?? UP;
}

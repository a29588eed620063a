/**
 * What must hold in every run, whatever fails; each breach is one line that says where.
 */
import {
  type EndpointView,
  extraKindOf,
  type Lease,
  type PlaceId,
  type Policy,
  type ReserveAsk,
  type ScheduledAsk,
  type Snapshot,
} from "../../../routing/index.ts";
import type { Place, PlaceEvents, TicketGrant } from "../virtual/places.ts";
import type { Answered as Said, SchedulerSettings } from "../virtual/schedulers.ts";
import type { Answered, World } from "../virtual/world.ts";

/** An answer may be late by this much, ms. */
const GRACE_MS = 50;

export interface Promises {
  readonly breaches: readonly string[];
  readonly events: PlaceEvents & Pick<SchedulerSettings, "answered" | "leased" | "released">;
  /** Extra attempts that were begun. */
  extras(): number;
  /** A call for a picture went to an endpoint. */
  called(requestId: string): void;
  ended(requestId: string, answered: Answered): void;
  broke(requestId: string, error: unknown): void;
  /** A place's clock jumped: its leases may have run out early. */
  disturbed(place: PlaceId): void;
  /** Everything has ended, and long enough ago that every lease has run out. */
  atRest(world: World): void;
}

interface Running {
  readonly lease: Lease;
  readonly life: number;
}

const completionMs = ({ q50Ms, biasMs, rttMs }: EndpointView): number => Math.max(0, q50Ms + biasMs) + rttMs;

/** Watches one run. */
export function createPromises(snapshot: Snapshot): Promises {
  const { models } = snapshot.content.catalog;
  const { policies } = snapshot.content.routing;
  const breaches: string[] = [];
  const calls = new Map<string, number>();
  const over = new Set<string>();
  const probes = new Map<string, Running>();
  const lives = new Map<PlaceId, number>();
  /** Thousandths: earned by first attempts and drawn by extra ones, at the schedulers and by the local rule. */
  const budget = { earned: 0, drawn: 0, localEarned: 3_000, localDrawn: 0 };

  const breach = (words: string): void => {
    if (breaches.length < 20) breaches.push(words);
  };
  const lifeOf = (place: PlaceId): number => lives.get(place) ?? 0;
  const shareOf = (ask: Pick<ReserveAsk, "policy">): number =>
    (ask.policy === undefined ? undefined : (policies[ask.policy] as Policy | undefined))?.extraAttempts ?? 0.1;

  function answered(place: Place, ask: ScheduledAsk, said: Said): void {
    if (ask.kind === "first") budget.earned += shareOf(ask) * 1_000;
    if (said.said !== "refused" || said.why !== "no_endpoint" || ask.elsewhere === true) return;
    if (ask.kind === "hedge" || ask.kind === "probe") return;
    const states = new Map(
      place
        .machine()
        .view()
        .endpoints.map(({ id, state }) => [id, state]),
    );
    const unwell = ask.candidates.find((id) => !ask.avoid.includes(id) && states.has(id) && states.get(id) !== "out");
    if (unwell !== undefined) breach(`${ask.requestId}: ${place.id} says that it has no endpoint, and has ${unwell}`);
  }

  function ticketGranted({ ask, lease, passedOver }: TicketGrant, place: Place): void {
    for (const other of passedOver) {
      const isSameWork = other.model === ask.model && other.priority === ask.priority && other.kind === ask.kind;
      const mayUse = other.candidates.includes(lease.endpoint) && !other.avoid.includes(lease.endpoint);
      if (!isSameWork || !mayUse || other.deadlineAtMs >= ask.deadlineAtMs) continue;
      const able = place
        .machine()
        .view()
        .endpoints.filter(({ id }) => other.candidates.includes(id) && !other.avoid.includes(id));
      const endpoint = able.find(({ id }) => id === lease.endpoint);
      if (endpoint?.state !== "closed" || endpoint.weight < 1) continue;
      // What has no even chance there any more is passed over; what is much better off elsewhere waits for that.
      if (other.deadlineAtMs - place.clock.nowMs() < 1.5 * completionMs(endpoint)) continue;
      if (completionMs(endpoint) > 2 * Math.min(...able.map(completionMs))) continue;
      breach(`${ask.requestId} was given ${lease.endpoint} before ${other.requestId}, which is due earlier`);
    }
  }

  function leased(lease: Lease, ask: ReserveAsk, local: boolean): void {
    const isExtra = extraKindOf(ask) !== undefined;
    if (local && ask.kind === "first") budget.localEarned += 100;
    if (isExtra && local) budget.localDrawn += 1_000;
    if (isExtra && !local) budget.drawn += 1_000;
    if (isExtra && budget.drawn > budget.earned) {
      breach(`${ask.requestId}: ${budget.drawn / 1_000} extra attempts on a budget of ${budget.earned / 1_000} so far`);
    }
    if (isExtra && budget.localDrawn > budget.localEarned)
      breach(`${ask.requestId}: an extra attempt beyond the local budget`);
    if (!lease.probe) return;
    const other = probes.get(lease.endpoint);
    if (other !== undefined && other.life === lifeOf(lease.place)) breach(`${lease.endpoint} is probed twice at once`);
    probes.set(lease.endpoint, { lease, life: lifeOf(lease.place) });
  }

  function released(lease: Lease): void {
    if (probes.get(lease.endpoint)?.lease === lease) probes.delete(lease.endpoint);
  }

  function disturbed(place: PlaceId): void {
    lives.set(place, lifeOf(place) + 1);
  }

  return {
    breaches,
    extras: () => (budget.drawn + budget.localDrawn) / 1_000,
    disturbed,
    events: {
      answered,
      ticketGranted,
      leased,
      released,
      restarted(place, overdraft) {
        disturbed(place);
        budget.earned += overdraft;
      },
    },
    called(requestId) {
      calls.set(requestId, (calls.get(requestId) ?? 0) + 1);
      if (over.has(requestId)) breach(`${requestId}: an endpoint is called after the answer`);
    },
    ended(requestId, { startedAtMs, endedAtMs, deadlineMs, plan, result, picture }) {
      over.add(requestId);
      const lateMs = endedAtMs - startedAtMs - deadlineMs;
      if (lateMs > GRACE_MS) breach(`${requestId}: answered ${Math.round(lateMs)} ms after its deadline`);
      const attempts = calls.get(requestId) ?? 0;
      if (plan !== undefined && attempts > plan.legs.length + 1) {
        breach(`${requestId}: ${attempts} attempts for ${plan.legs.length} legs`);
      }
      if (plan !== undefined && attempts > plan.policy.maxAttempts) {
        breach(`${requestId}: ${attempts} attempts where the policy allows ${plan.policy.maxAttempts}`);
      }
      if (!result.ok) {
        const { code } = result.failure;
        if (code === "internal" || typeof code !== "string") breach(`${requestId}: failed as ${code}`);
        return;
      }
      const model = models[result.leg.model];
      const isOwnSize = model?.capabilities.size === "ratio";
      const isGood = picture === "whole" || (picture === "half" && isOwnSize);
      if (!isGood) breach(`${requestId}: a ${picture ?? "missing"} picture of ${result.endpoint} was passed on`);
    },
    broke(requestId, error) {
      breach(`${requestId}: threw ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    },
    atRest({ places, gpus }) {
      for (const place of places.values()) {
        const view = place.machine().view();
        const held = view.endpoints.filter(({ inUse }) => inUse > 0).map(({ id, inUse }) => `${id} ${inUse}`);
        if (view.leases > 0 || held.length > 0)
          breach(`${place.id} still holds ${view.leases} leases: ${held.join(", ")}`);
        const waiting = view.pools.filter(
          ({ waiting: lanes }) => lanes.interactive + lanes.automation + lanes.export > 0,
        );
        if (waiting.length > 0 || place.waiting.size > 0) breach(`${place.id} still has tickets in its queue`);
      }
      for (const station of gpus.stations()) {
        const { running, waiting } = station.state();
        if (running + waiting > 0)
          breach(`${station.endpoint.id} still works on ${running} and has ${waiting} waiting`);
      }
    },
  };
}

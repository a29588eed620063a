/**
 * A scheduler for one isolate, for routers without region objects: power of two choices on its own counts.
 *
 * It knows only what this isolate does: attempts in flight, a decaying peak of service times, failures in a row. State lives in the
 * isolate and is gone with it. Fails open: an endpoint it knows nothing of is tried, and one that is held out is still used when no
 * other leg can serve. It never hedges (one isolate sees too few requests to know a 95th percentile) and never revokes (a Worker's
 * request cannot touch what another one of the same isolate has in flight).
 */
import type { Catalog, EndpointId, PlaceId } from "../config/snapshot.ts";
import { traitsOf } from "../failure/index.ts";
import { extraKindOf } from "../scheduler/budget.ts";
import type { AttemptOutcome, Clock, Lease, Reservation, ReserveAsk, Scheduler } from "./ports.ts";

/** Failures in a row that hold an endpoint out (facts: outlier detection). */
const TRIP_AFTER = 3;
/** First time that an endpoint is held out, ms; doubles each time in a row. */
const HOLD_BASE_MS = 15_000;
const HOLD_CAP_MS = 300_000;
/** Longest Retry-After that is believed, ms. */
const RETRY_AFTER_CAP_MS = 120_000;
/** Time constant in which a service time is forgotten, ms: several pictures long even at one a minute. */
const FORGET_MS = 90_000;
/** Retries, hedges and early overlaps together: tokens per first attempt, most kept, and what an isolate starts with. */
const EXTRA = { perFirst: 0.1, cap: 5, start: 1 } as const;

interface EndpointState {
  inFlight: number;
  /** Decaying peak of service times, ms. */
  peakMs: number;
  peakAtMs: number;
  failuresInRow: number;
  timesHeldOut: number;
  heldOutUntilMs: number;
  /** The endpoint's own Retry-After, epoch ms. */
  notBeforeMs: number;
}

interface OpenLease {
  readonly lease: Lease;
  readonly expiresAtMs: number;
}

/** A scheduler over `catalog` for the isolate that creates it. `random` is uniform in [0, 1). */
export function createSimpleScheduler(catalog: Catalog, clock: Clock, random: () => number): Scheduler {
  const states = new Map<EndpointId, EndpointState>();
  const leases = new Map<string, OpenLease>();
  let extraTokens: number = EXTRA.start;
  let leaseCount = 0;

  function stateOf(id: EndpointId): EndpointState {
    let state = states.get(id);
    if (state === undefined) {
      const model = catalog.models[catalog.endpoints[id]?.model ?? ""];
      const peakMs = model?.expected.p50Ms ?? 1_000;
      state = {
        inFlight: 0,
        peakMs,
        peakAtMs: 0,
        failuresInRow: 0,
        timesHeldOut: 0,
        heldOutUntilMs: 0,
        notBeforeMs: 0,
      };
      states.set(id, state);
    }
    return state;
  }

  function reserve(ask: ReserveAsk): Reservation {
    const nowMs = clock.nowMs();
    dropExpired(nowMs);
    if (extraKindOf(ask) !== undefined && extraTokens < 1) return { granted: false, why: "budget" };

    const known = ask.candidates.filter((id) => catalog.endpoints[id] !== undefined && !ask.avoid.includes(id));
    if (known.length === 0) return { granted: false, why: "no_endpoint" };
    const open = known.filter((id) => stateOf(id).notBeforeMs <= nowMs);
    if (open.length === 0)
      return refusal("not_before", Math.min(...known.map((id) => stateOf(id).notBeforeMs)) - nowMs);
    const well = open.filter((id) => stateOf(id).heldOutUntilMs <= nowMs);
    if (well.length === 0 && ask.elsewhere === true) {
      return refusal("no_endpoint", Math.min(...open.map((id) => stateOf(id).heldOutUntilMs)) - nowMs);
    }
    const endpoint = pickOfTwo(well.length === 0 ? open : well, nowMs);
    const waitMs = waitMsOf(endpoint, nowMs);
    const serviceMs = serviceMsOf(endpoint, nowMs);
    if (nowMs + waitMs + serviceMs > ask.deadlineAtMs && waitMs > 0) return refusal("predicted_late", waitMs);
    return { granted: true, lease: grant({ ask, endpoint, waitMs, serviceMs, nowMs }) };
  }

  function grant(to: {
    readonly ask: ReserveAsk;
    readonly endpoint: EndpointId;
    readonly waitMs: number;
    readonly serviceMs: number;
    readonly nowMs: number;
  }): Lease {
    const { ask, endpoint, waitMs, serviceMs, nowMs } = to;
    if (ask.kind === "first") extraTokens = Math.min(EXTRA.cap, extraTokens + EXTRA.perFirst);
    else if (extraKindOf(ask) !== undefined) extraTokens -= 1;
    leaseCount += 1;
    stateOf(endpoint).inFlight += 1;
    const expected = catalog.models[ask.model]?.expected;
    const spread = expected === undefined ? 1.5 : expected.p95Ms / Math.max(1, expected.p50Ms);
    const lease: Lease = {
      id: `local-${leaseCount}`,
      endpoint,
      place: placeOf(endpoint, ask.place),
      revoked: new AbortController().signal,
      predicted: { waitMs, serviceMs, p95Ms: serviceMs * spread },
      probe: false,
    };
    const timeoutMs = ask.timeoutMs ?? ask.deadlineAtMs - nowMs;
    leases.set(lease.id, { lease, expiresAtMs: nowMs + 2 * timeoutMs });
    return lease;
  }

  function placeOf(endpoint: EndpointId, otherwise: PlaceId): PlaceId {
    return catalog.endpoints[endpoint]?.place ?? otherwise;
  }

  /** Power of two choices: the better of two drawn by chance, so that isolates with the same view do not herd. */
  function pickOfTwo(from: readonly EndpointId[], nowMs: number): EndpointId {
    const first = Math.floor(random() * from.length);
    const second = (first + 1 + Math.floor(random() * (from.length - 1))) % from.length;
    const [a = "", b = ""] = [from[first], from[second]];
    return costOf(b, nowMs) < costOf(a, nowMs) ? b : a;
  }

  function costOf(id: EndpointId, nowMs: number): number {
    return (serviceMsOf(id, nowMs) * (stateOf(id).inFlight + 1)) / slotsOf(id);
  }

  /** The peak sinks back to what the catalogue expects. */
  function serviceMsOf(id: EndpointId, nowMs: number): number {
    const { peakMs, peakAtMs } = stateOf(id);
    const expectedMs = catalog.models[catalog.endpoints[id]?.model ?? ""]?.expected.p50Ms ?? peakMs;
    const kept = Math.exp(-Math.max(0, nowMs - peakAtMs) / FORGET_MS);
    return expectedMs + (peakMs - expectedMs) * kept;
  }

  function waitMsOf(id: EndpointId, nowMs: number): number {
    const ahead = stateOf(id).inFlight - slotsOf(id) + 1;
    return ahead <= 0 ? 0 : Math.ceil(ahead / slotsOf(id)) * serviceMsOf(id, nowMs);
  }

  function slotsOf(id: EndpointId): number {
    const concurrency = catalog.endpoints[id]?.concurrency;
    if (concurrency === undefined) return 1;
    return concurrency.kind === "known" ? concurrency.slots : concurrency.initial;
  }

  function dropExpired(nowMs: number): void {
    for (const { lease, expiresAtMs } of leases.values()) if (expiresAtMs <= nowMs) close(lease);
  }

  /** `false` for a lease that is not open any more. */
  function close(lease: Lease): boolean {
    if (!leases.delete(lease.id)) return false;
    stateOf(lease.endpoint).inFlight -= 1;
    return true;
  }

  function release(lease: Lease, outcome: AttemptOutcome): void {
    if (!close(lease)) return;
    const state = stateOf(lease.endpoint);
    const nowMs = clock.nowMs();
    if (outcome.result.ok) {
      state.failuresInRow = 0;
      state.timesHeldOut = 0;
      state.peakMs = Math.max(outcome.elapsedMs, serviceMsAfter(state, outcome.elapsedMs, nowMs));
      state.peakAtMs = nowMs;
      return;
    }
    const { failure } = outcome.result;
    if (failure.reason === "overloaded") {
      state.notBeforeMs = nowMs + Math.min(RETRY_AFTER_CAP_MS, failure.retryAfterMs ?? 0);
    }
    const { blames } = traitsOf(failure);
    if (blames === "none" || blames === "throttle") return;
    state.failuresInRow += 1;
    // A wrong pin, key or model does not mend itself within three requests.
    if (state.failuresInRow < TRIP_AFTER && blames !== "config") return;
    const holdMs = Math.min(HOLD_CAP_MS, HOLD_BASE_MS * 2 ** state.timesHeldOut);
    state.heldOutUntilMs = nowMs + holdMs * (0.8 + 0.4 * random());
    state.timesHeldOut += 1;
    state.failuresInRow = TRIP_AFTER - 1;
  }

  return { reserve: (ask) => Promise.resolve(reserve(ask)), release };
}

/** Peak-EWMA: up at once, down slowly. */
function serviceMsAfter(state: EndpointState, elapsedMs: number, nowMs: number): number {
  const kept = Math.exp(-Math.max(0, nowMs - state.peakAtMs) / FORGET_MS);
  return state.peakMs * kept + elapsedMs * (1 - kept);
}

function refusal(why: "not_before" | "no_endpoint" | "predicted_late", retryAfterMs: number): Reservation {
  return { granted: false, why, retryAfterMs: Math.ceil(Math.max(0, retryAfterMs)) };
}

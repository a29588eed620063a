/**
 * `GET /v1/status`: which snapshot this isolate serves, and how every place stands by its scheduler's word. No URL, secret or key is in it.
 *
 * A place whose scheduler does not answer in time is shown as `unknown`: better than what was so some time ago.
 */
import type { Endpoint, EndpointView, Place, PoolView, SchedulerView } from "../../routing/index.ts";
import { schedulerPortsFor } from "./adapters/ports.ts";
import { placeViews } from "./adapters/region-schedulers/place-views.ts";
import { secretOf } from "./environment.ts";
import type { RequestContext } from "./request-context.ts";

/** The status document. Spans and ages are ms. */
export async function statusDocument(context: RequestContext): Promise<Record<string, unknown>> {
  const { snapshot, source, pointer, confirmedAtMs, problem } = context.served;
  const { catalog, routing } = snapshot.content;
  const views = await placeViews(schedulerPortsFor(context));
  const nowMs = Date.now();
  const endpoints = Object.values(catalog.endpoints);
  return {
    config: {
      version: snapshot.version,
      source,
      ...(pointer === undefined ? {} : pointerFacts(pointer, nowMs)),
      ...(confirmedAtMs === undefined ? {} : { confirmed_ms_ago: Math.max(0, nowMs - confirmedAtMs) }),
      ...(problem === undefined ? {} : { problem }),
    },
    default_route: routing.defaultRoute.kind === "route" ? routing.defaultRoute.route : routing.defaultRoute.cluster,
    routes: routing.routes.map(({ name, id, model, policy }) => ({ name, id, model, policy })),
    models: Object.values(catalog.models).map(({ id, name, pin, kind }) => ({ id, name, pin, kind })),
    places: Object.values(catalog.places).map((place) => {
      const of = endpoints.filter((endpoint) => endpoint.place === place.id);
      return placeFacts({ place, endpoints: of, view: views.get(place.id), env: context.env, nowMs });
    }),
  };
}

function pointerFacts(pointer: { message: string; author: string; pushedAtMs: number }, nowMs: number) {
  return { message: pointer.message, author: pointer.author, age_ms: Math.max(0, nowMs - pointer.pushedAtMs) };
}

interface PlaceSeen {
  readonly place: Place;
  readonly endpoints: readonly Endpoint[];
  readonly view: SchedulerView | undefined;
  readonly env: RequestContext["env"];
  readonly nowMs: number;
}

function placeFacts({ place, endpoints, view, env, nowMs }: PlaceSeen) {
  return {
    id: place.id,
    kind: place.kind,
    scheduler: view === undefined ? "unknown" : "answered",
    ...(view === undefined ? {} : viewFacts(view, nowMs)),
    endpoints: endpoints.map((endpoint) => {
      const seen = view?.endpoints.find(({ id }) => id === endpoint.id);
      const isKeyless = endpoint.secret !== undefined && secretOf(env, endpoint.secret) === undefined;
      return {
        id: endpoint.id,
        model: endpoint.model,
        ...(seen === undefined ? { state: "unknown" } : endpointFacts(seen, nowMs)),
        // Known here without asking anybody: without its key it cannot serve.
        ...(isKeyless ? { state: "out", reason: "secret_missing" } : {}),
      };
    }),
  };
}

function viewFacts(view: SchedulerView, nowMs: number) {
  const { extraMilli, hedgeMilli } = view.budget;
  return {
    view_age_ms: Math.max(0, nowMs - view.atMs),
    config_version: view.version,
    /** Attempts that may be made beyond the first, and hedges among them. */
    budget: { extra: extraMilli / 1_000, hedge: hedgeMilli / 1_000 },
    leases: view.leases,
    credits: view.credits,
    /** Pictures of requests with a seed, by how they were had. */
    cache: {
      hit: view.counters["cache-hit"] ?? 0,
      joined: view.counters["cache-joined"] ?? 0,
      miss: view.counters["cache-miss"] ?? 0,
    },
    pools: view.pools.map(poolFacts),
  };
}

function poolFacts({
  model,
  typical,
  waiting,
  slots,
  inUse,
  predictedWaitMs,
  predictedQ75Ms,
  downgraded,
  panic,
}: PoolView) {
  return {
    model,
    typical,
    waiting,
    slots,
    in_use: inUse,
    ...(predictedWaitMs === undefined ? {} : { predicted_wait_ms: predictedWaitMs }),
    ...(predictedQ75Ms === undefined ? {} : { predicted_p75_ms: predictedQ75Ms }),
    downgraded,
    panic,
  };
}

function endpointFacts(seen: EndpointView, nowMs: number) {
  const { state, reason, untilMs, notBeforeMs, slots, usable, inUse, free, weight, attempts, failures } = seen;
  return {
    state,
    ...(reason === undefined ? {} : { reason }),
    /** When it is probed or looked at again. */
    ...(untilMs === undefined ? {} : { retry_in_ms: Math.max(0, untilMs - nowMs) }),
    /** It asked for a pause of so long. */
    ...(notBeforeMs === undefined ? {} : { held_for_ms: Math.max(0, notBeforeMs - nowMs) }),
    slots,
    usable,
    in_use: inUse,
    free,
    weight,
    attempts_last_minute: attempts,
    failures_last_minute: failures,
    ...(seen.source === "catalogue"
      ? {}
      : { p50_ms: seen.q50Ms, p75_ms: seen.q75Ms, p95_ms: seen.q95Ms, samples: seen.samples, times_of: seen.source }),
    bias_ms: seen.biasMs,
    bias_alarm: seen.biasAlarm,
    outcomes: seen.outcomes,
    cost_usd: seen.costUsd,
  };
}

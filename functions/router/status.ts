/**
 * `GET /v1/status`: which snapshot this isolate serves and how old it is, and what exists under it. No URL, secret or key is in it.
 */
import type { Endpoint, Place } from "../../routing/index.ts";
import { secretOf } from "./environment.ts";
import type { RequestContext } from "./request-context.ts";

/** The status document. Ages are ms. */
export function statusDocument({ served, env, startedAtMs }: RequestContext): Record<string, unknown> {
  const { snapshot, source, pointer, confirmedAtMs, problem } = served;
  const { catalog, routing } = snapshot.content;
  const endpoints = Object.values(catalog.endpoints);
  return {
    config: {
      version: snapshot.version,
      source,
      ...(pointer === undefined ? {} : pointerFacts(pointer, startedAtMs)),
      ...(confirmedAtMs === undefined ? {} : { confirmed_ms_ago: Math.max(0, startedAtMs - confirmedAtMs) }),
      ...(problem === undefined ? {} : { problem }),
    },
    default_route: routing.defaultRoute.kind === "route" ? routing.defaultRoute.route : routing.defaultRoute.cluster,
    routes: routing.routes.map(({ name, id, model, policy }) => ({ name, id, model, policy })),
    models: Object.values(catalog.models).map(({ id, name, pin, kind }) => ({ id, name, pin, kind })),
    places: Object.values(catalog.places).map((place) => placeFacts(place, endpoints, env)),
  };
}

function pointerFacts(pointer: { message: string; author: string; pushedAtMs: number }, nowMs: number) {
  return { message: pointer.message, author: pointer.author, age_ms: Math.max(0, nowMs - pointer.pushedAtMs) };
}

function placeFacts(place: Place, endpoints: readonly Endpoint[], env: RequestContext["env"]) {
  return {
    id: place.id,
    kind: place.kind,
    endpoints: endpoints
      .filter((endpoint) => endpoint.place === place.id)
      .map((endpoint) => ({ id: endpoint.id, model: endpoint.model, state: endpointState(endpoint, env) })),
  };
}

/** A named secret that is not set takes the endpoint out, visibly. */
function endpointState({ secret }: Endpoint, env: RequestContext["env"]): string {
  return secret !== undefined && secretOf(env, secret) === undefined ? "secret_missing" : "in";
}

/**
 * A policy's fallback steps as a chain of places and models: what would be tried in which order if time did not matter.
 *
 * It depends on the configuration and the home region only, not on the request. Inline work starts in the home region and goes to a
 * cluster only when no region has the model; jobs, and what a cluster serves by default, start on a cluster. No two legs ask the same
 * place for the same model, but for `same-model`, which says so.
 */
import type { Catalog, EndpointId, FallbackStep, ModelId, PlaceId, Policy } from "../config/snapshot.ts";
import type { Leg } from "./plan.ts";

/** What planning has to know of the map. */
export interface Geography {
  /** Other regions in order of preference. */
  siblings(region: PlaceId): readonly PlaceId[];
  /** Endpoints of a model in a place, best first. */
  candidates(model: ModelId, place: PlaceId): readonly EndpointId[];
}

/** A leg without its times. */
export type Outline = Omit<Leg, "minMs" | "capMs" | "attemptMs">;

export interface ChainAsk {
  readonly catalog: Catalog;
  /** In order of preference for jobs. */
  readonly clusters: readonly PlaceId[];
  readonly geography: Geography;
  readonly policy: Policy;
  readonly model: ModelId;
  /** The cluster that serves by default, for requests that no route matched. */
  readonly cluster?: PlaceId | undefined;
  readonly home: PlaceId;
}

/**
 * The chain in order; empty when nothing serves any of its models. `any-region` gives every region that is left: the planner takes
 * the first that can do it in time.
 */
export function outlineChain(ask: ChainAsk): readonly Outline[] {
  const places = placesInOrder(ask);
  const legs = present(firstUnused({ ask, legs: [] }, { kind: "primary", model: ask.model, places: places.all }));
  const asked = { model: ask.model, place: legs[0]?.place ?? ask.home };
  for (const step of ask.policy.fallback) legs.push(...legsOf(step, { ask, places, legs }));
  legs.push(...successorOf({ ask, places, legs }));
  return legs.map((leg) => markDegraded(leg, asked));
}

interface Places {
  /** Where the same work may go by a word like `any-region`. */
  readonly near: readonly PlaceId[];
  readonly clusters: readonly PlaceId[];
  /** `near`, then the rest: a model that stands only there is still served. */
  readonly all: readonly PlaceId[];
}

interface Draft {
  readonly ask: ChainAsk;
  readonly places: Places;
  readonly legs: readonly Outline[];
}

function placesInOrder({ geography, policy, cluster, home, ...ask }: ChainAsk): Places {
  const regions = [home, ...geography.siblings(home)];
  const own = cluster === undefined ? [] : [cluster];
  const clusters = unique([...own, ...ask.clusters]);
  const near = policy.mode === "job" && clusters.length > 0 ? clusters : unique([...own, ...regions]);
  return { near, clusters, all: unique([...near, ...regions, ...clusters]) };
}

function legsOf(step: FallbackStep, draft: Draft): readonly Outline[] {
  const { ask, places, legs } = draft;
  const faster = ask.catalog.models[ask.model]?.faster;
  const kind = step.step;
  switch (step.step) {
    case "same-model":
      return legs.filter((leg) => leg.kind === "primary" && worthRepeating(leg, ask.policy)).map(asSameModel);
    case "sibling-region":
      return present(firstUnused(draft, { kind, model: ask.model, places: places.near }));
    case "faster-model":
      return present(firstUnused(draft, { kind, model: faster, places: places.all }));
    case "any-region":
      return [ask.model, faster].flatMap((model) => unused(draft, { kind, model, places: places.near }));
    case "cluster":
      return present(firstUnused(draft, { kind, model: ask.model, places: places.clusters }) ?? clusterDefault(draft));
    case "model":
      return present(firstUnused(draft, { kind, model: step.model, places: places.all, upscale: step.upscale }));
    case "stale":
      return [{ kind: "stale", model: ask.model, place: ask.home, candidates: [], upscale: false }];
  }
}

/** Another endpoint may do better at once; a job has minutes, in which the same one gets well. */
function worthRepeating(primary: Outline, policy: Policy): boolean {
  return primary.candidates.length > 1 || policy.mode === "job";
}

function asSameModel(primary: Outline): Outline {
  return { ...primary, kind: "same-model" };
}

/** A cluster that lacks the model serves with its own default one. */
function clusterDefault(draft: Draft): Outline | undefined {
  return draft.places.clusters
    .flatMap((id) => {
      const place = draft.ask.catalog.places[id];
      if (place?.kind !== "cluster") return [];
      return present(firstUnused(draft, { kind: "cluster", model: place.defaultModel, places: [id] }));
    })
    .at(0);
}

/** Serves when the model turns out to be gone (404). */
function successorOf(draft: Draft): readonly Outline[] {
  const { ask, places } = draft;
  const model = ask.catalog.models[ask.model]?.successor;
  return present(firstUnused(draft, { kind: "successor", model, places: places.all }));
}

interface Wanted {
  readonly kind: Leg["kind"];
  /** `undefined`: there is no such model, so there is no leg. */
  readonly model: ModelId | undefined;
  readonly places: readonly PlaceId[];
  readonly upscale?: boolean;
}

/** The leg for a model in the first of some places that has it and that no former leg asks for it. */
function firstUnused(draft: Pick<Draft, "ask" | "legs">, wanted: Wanted): Outline | undefined {
  return unused(draft, wanted)[0];
}

/** The same for every such place, in order. */
function unused(draft: Pick<Draft, "ask" | "legs">, wanted: Wanted): readonly Outline[] {
  const { kind, model, places, upscale = false } = wanted;
  if (model === undefined) return [];
  const isUsed = (place: PlaceId) => draft.legs.some((leg) => leg.model === model && leg.place === place);
  return places
    .filter((place) => !isUsed(place))
    .map((place) => ({ kind, model, place, candidates: draft.ask.geography.candidates(model, place), upscale }))
    .filter(({ candidates }) => candidates.length > 0);
}

/** What a client is told: another model before another place; nothing where the work is as asked. */
function markDegraded(leg: Outline, asked: { readonly model: ModelId; readonly place: PlaceId }): Outline {
  if (leg.kind === "stale") return { ...leg, degraded: "stale" };
  if (leg.model !== asked.model) return { ...leg, degraded: "model" };
  return leg.place === asked.place ? leg : { ...leg, degraded: "region" };
}

function unique<Value>(values: readonly Value[]): readonly Value[] {
  return [...new Set(values)];
}

function present<Value>(value: Value | undefined): Value[] {
  return value === undefined ? [] : [value];
}

/**
 * The map of one snapshot: a client's home region, where to go from there, and which endpoints of a model stand where.
 *
 * Built once per snapshot; every question after that is a look-up.
 */
import type { Catalog, Endpoint, EndpointId, ModelId, PlaceId, Region, Snapshot } from "../config/snapshot.ts";
import { byDistance, type FindHome, indexHomes } from "./home-region.ts";
import { knownCapacity, orderEndpoints, room, stopsWhenCancelled } from "./order-endpoints.ts";

/** What matters first. Within one place, distance is the same for all. */
const STATIC_ORDER = [knownCapacity, stopsWhenCancelled, room];

export interface Regions {
  readonly home: FindHome;
  /** The other regions in order of preference: as the catalogue says, then the nearest, then the rest. */
  siblings(region: PlaceId): readonly PlaceId[];
  /** Endpoints of a model in a place, best first by static order; none where it is not served. */
  candidates(model: ModelId, place: PlaceId): readonly EndpointId[];
}

/** Builds the map. Without any region, the first cluster is everybody's home. */
export function createRegions(snapshot: Snapshot): Regions {
  const { catalog } = snapshot.content;
  const regions = inFileOrder(catalog);
  const lastResort = regions[0] ?? Object.values(catalog.places)[0];
  if (!lastResort) throw new Error("The snapshot has no place");
  const siblings = new Map(regions.map((region) => [region.id, siblingsOf(region, regions)]));
  const candidates = candidatesByKey(Object.values(catalog.endpoints));
  return {
    home: indexHomes(regions, lastResort.id),
    siblings: (region) => siblings.get(region) ?? [],
    candidates: (model, place) => candidates.get(candidatesKey(model, place)) ?? [],
  };
}

function inFileOrder({ places, regionOrder = [] }: Catalog): readonly Region[] {
  const ids = new Set([...regionOrder, ...Object.keys(places)]);
  return [...ids].flatMap((id) => (places[id]?.kind === "region" ? [places[id]] : []));
}

function siblingsOf(region: Region, regions: readonly Region[]): readonly PlaceId[] {
  const inOrder = [...region.fallback, ...[...byDistance(regions, region), ...regions].map(({ id }) => id)];
  const known = new Set(regions.map(({ id }) => id));
  return [...new Set(inOrder)].filter((id) => id !== region.id && known.has(id));
}

function candidatesByKey(endpoints: readonly Endpoint[]): ReadonlyMap<string, readonly EndpointId[]> {
  const groups = Map.groupBy(endpoints, ({ model, place }) => candidatesKey(model, place));
  return new Map([...groups].map(([key, group]) => [key, orderEndpoints(group, STATIC_ORDER)]));
}

function candidatesKey(model: ModelId, place: PlaceId): string {
  return `${model}\n${place}`;
}

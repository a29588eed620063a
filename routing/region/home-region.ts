/**
 * Which region is home to a client: by its data centre, else country, else continent, else distance, else the first region.
 *
 * What the owner wrote (colos, countries, continents) goes before geometry. Fails open: a client of whom nothing is known has a home.
 */
import type { PlaceId, Region } from "../config/snapshot.ts";
import type { ClientLocation } from "./client-location.ts";
import { distanceKm, pointOf } from "./distance.ts";

export interface HomeRegion {
  readonly region: PlaceId;
  /** What decided. */
  readonly by: "colo" | "country" | "continent" | "distance" | "default";
}

export type FindHome = (location: ClientLocation) => HomeRegion;

/** Indexes the regions once. Where two claim the same code, the first one has it. `lastResort` is home where nothing decides. */
export function indexHomes(regions: readonly Region[], lastResort: PlaceId): FindHome {
  const byColo = claims(regions, (region) => region.colos);
  const byCountry = claims(regions, (region) => region.countries);
  const byContinent = claims(regions, (region) => region.continents);
  return (location) =>
    decided("colo", byColo.get(location.colo)) ??
    decided("country", byCountry.get(location.country)) ??
    decided("continent", byContinent.get(location.continent)) ??
    decided("distance", byDistance(regions, location)[0]?.id) ?? { region: lastResort, by: "default" };
}

/** The regions that have coordinates, nearest first; none when `from` has no usable ones. */
export function byDistance(
  regions: readonly Region[],
  from: { readonly latitude?: number | undefined; readonly longitude?: number | undefined },
): readonly Region[] {
  const start = pointOf(from);
  if (!start) return [];
  return regions
    .flatMap((region) => {
      const point = pointOf(region);
      return point ? [{ region, km: distanceKm(start, point) }] : [];
    })
    .sort((one, other) => one.km - other.km)
    .map(({ region }) => region);
}

function decided(by: HomeRegion["by"], region: PlaceId | undefined): HomeRegion | undefined {
  return region === undefined ? undefined : { region, by };
}

/** `undefined` as a key is never claimed, so that an unknown field finds nothing. */
function claims(
  regions: readonly Region[],
  codesOf: (region: Region) => readonly string[],
): ReadonlyMap<string | undefined, PlaceId> {
  const claimed = new Map<string | undefined, PlaceId>();
  for (const region of regions) {
    for (const code of codesOf(region)) {
      if (!claimed.has(code)) claimed.set(code, region.id);
    }
  }
  return claimed;
}

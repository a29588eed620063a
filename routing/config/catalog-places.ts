/**
 * Regions and clusters of the catalogue: one name space of places, each client place claimed by one region at most.
 */
import type { ModelNames } from "./catalog-models.ts";
import { clusterSchema, regionSchema } from "./catalog-schema.ts";
import { didYouMean } from "./closest-name.ts";
import { member, type Report } from "./report.ts";
import type { Place, PlaceId, Region } from "./snapshot.ts";

interface BuiltPlaces {
  readonly places: Record<PlaceId, Place>;
  /** Bad entries included. */
  readonly regionIds: ReadonlySet<PlaceId>;
  readonly clusterIds: ReadonlySet<PlaceId>;
}

/** Every region and cluster that could be read, by id. */
export function buildPlaces(file: unknown, names: ModelNames, report: Report): BuiltPlaces {
  const regions = member(file, "regions");
  const clusters = member(file, "clusters");
  const regionIds = new Set(Object.keys(regions));
  const clusterIds = new Set(Object.keys(clusters));
  const places: Record<PlaceId, Place> = {};
  if (regionIds.size === 0 && typeof file === "object" && file !== null && "regions" in file) {
    const hint = "add at least the region where your GPUs are";
    report.error({ path: ["regions"], at: "key", message: "there is no region", expected: "one region or more", hint });
  }
  for (const [id, raw] of Object.entries(regions)) {
    const region = buildRegion(id, raw, regionIds, report);
    if (region !== undefined) places[id] = region;
  }
  for (const [id, raw] of Object.entries(clusters)) {
    const path = ["clusters", id];
    const parsed = report.parse(clusterSchema, raw, path);
    if (!report.checkId(id, path) || parsed === undefined) continue;
    if (regionIds.has(id)) {
      const expected = "a name of its own: regions and clusters share one name space";
      report.error({ path, at: "key", message: `a region is called \`${id}\` too`, expected, hint: "rename one" });
      continue;
    }
    const defaultModel = names.resolve(parsed.default_model);
    if (defaultModel === undefined) {
      const message = `no model \`${parsed.default_model}\``;
      const hint = names.hint(parsed.default_model);
      report.error({ path: [...path, "default_model"], message, expected: "a model of this file", hint });
      continue;
    }
    places[id] = { kind: "cluster", id, locationHint: parsed.location_hint, defaultModel };
  }
  checkClaims(Object.values(places), report);
  return { places, regionIds, clusterIds };
}

function buildRegion(id: PlaceId, raw: unknown, regionIds: ReadonlySet<PlaceId>, report: Report): Region | undefined {
  const path = ["regions", id];
  const parsed = report.parse(regionSchema, raw, path);
  if (!report.checkId(id, path) || parsed === undefined) return undefined;
  const { latitude, longitude, fallback = [] } = parsed;
  if ((latitude === undefined) !== (longitude === undefined)) {
    const message = "one of `latitude` and `longitude` is missing";
    report.error({ path, at: "key", message, expected: "both or none", hint: "add the other one" });
  }
  for (const [index, other] of fallback.entries()) {
    if (regionIds.has(other) && other !== id && fallback.indexOf(other) === index) continue;
    const message =
      other === id
        ? `\`${id}\` falls back to itself`
        : regionIds.has(other)
          ? `\`${other}\` stands here twice`
          : `no region \`${other}\``;
    const hint = regionIds.has(other) ? "remove it" : didYouMean(other, regionIds);
    report.error({ path: [...path, "fallback", index], message, expected: "other regions, each once", hint });
  }
  return {
    kind: "region",
    id,
    locationHint: parsed.location_hint,
    colos: parsed.colos ?? [],
    countries: parsed.countries ?? [],
    continents: parsed.continents ?? [],
    ...(latitude === undefined ? {} : { latitude }),
    ...(longitude === undefined ? {} : { longitude }),
    fallback,
  };
}

/** A colo, country or continent that two regions claim would be served by whichever stands first: say so instead. */
function checkClaims(places: readonly Place[], report: Report): void {
  for (const key of ["colos", "countries", "continents"] as const) {
    const owners = new Map<string, PlaceId>();
    for (const place of places) {
      if (place.kind !== "region") continue;
      for (const [index, claim] of place[key].entries()) {
        const owner = owners.get(claim);
        owners.set(claim, owner ?? place.id);
        if (owner === undefined) continue;
        const message = `\`${claim}\` is already served by \`${owner}\``;
        const path = ["regions", place.id, key, index];
        report.error({ path, message, expected: `each of the ${key} in one region`, hint: "remove one of them" });
      }
    }
  }
}

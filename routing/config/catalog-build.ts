/**
 * `catalog.yml` → the catalogue: entries parsed, names resolved, variants filled in, and everything checked that the file alone can tell.
 */
import { buildEndpoints } from "./catalog-endpoints.ts";
import { buildModels, type ModelNames, nameModels } from "./catalog-models.ts";
import { buildPlaces } from "./catalog-places.ts";
import { catalogFileSchema } from "./catalog-schema.ts";
import { member, type Report } from "./report.ts";
import type { Catalog } from "./snapshot.ts";
import type { Source } from "./yaml-source.ts";

/** The catalogue as far as it could be read. */
export interface CatalogDraft extends Catalog {
  /** Knows the names of bad entries too, so that what mentions them is not called dangling. */
  readonly modelNames: ModelNames;
  readonly clusterIds: ReadonlySet<string>;
  /** Models that the file means to serve somewhere, bad endpoints included. */
  readonly intendedModels: ReadonlySet<string>;
}

/** Reads the whole file; what is bad is in the report and left out of the draft. */
export function buildCatalog(source: Source, report: Report): CatalogDraft {
  report.parse(catalogFileSchema, source.value, []);
  const modelNames = nameModels(member(source.value, "models"), report);
  const models = buildModels(member(source.value, "models"), modelNames, report);
  const { places, regionIds, clusterIds } = buildPlaces(source.value, modelNames, report);
  const { endpoints, intended } = buildEndpoints(member(source.value, "endpoints"), {
    models,
    modelNames,
    regionIds,
    clusterIds,
    report,
  });
  for (const place of Object.values(places)) {
    if (place.kind !== "cluster") continue;
    const served = intended.some(({ place: at, model }) => at === place.id && model === place.defaultModel);
    if (served || models[place.defaultModel] === undefined) continue;
    report.error({
      path: ["clusters", place.id, "default_model"],
      message: `no endpoint in \`${place.id}\` serves \`${place.defaultModel}\``,
      expected: "a model that the cluster has an endpoint for",
      hint: `add an endpoint with \`model: ${place.defaultModel}\` and \`cluster: ${place.id}\``,
    });
  }
  const intendedModels = new Set(intended.map(({ model }) => model));
  return { models, endpoints, places, names: modelNames.table, modelNames, clusterIds, intendedModels };
}

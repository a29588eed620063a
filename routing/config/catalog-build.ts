/**
 * `catalog.yml` → the catalogue: entries parsed, names resolved, variants filled in, and everything checked that the file alone can tell.
 */
import { type BuiltEndpoints, buildEndpoints } from "./catalog-endpoints.ts";
import { buildModels, type ModelNames, nameModels } from "./catalog-models.ts";
import { buildPlaces } from "./catalog-places.ts";
import { catalogFileSchema } from "./catalog-schema.ts";
import { member, type Report } from "./report.ts";
import type { Catalog, ModelId } from "./snapshot.ts";
import type { Source } from "./yaml-source.ts";

/** The catalogue as far as it could be read. */
export interface CatalogDraft extends Catalog {
  /** Knows the names of bad entries too, so that what mentions them is not called dangling. */
  readonly modelNames: ModelNames;
  readonly clusterIds: ReadonlySet<string>;
  /** Does the file mean to serve it somewhere? Open where that cannot be told. */
  hasEndpoint(model: ModelId): boolean;
}

/**
 * Reads the whole file; what is bad is in the report and left out of the draft. `undefined` when a whole section is missing or no
 * block: then every name of it would look dangling.
 */
export function buildCatalog(source: Source, report: Report): CatalogDraft | undefined {
  const { faults } = report.parseBlock(catalogFileSchema, source.value, []);
  if (faults.has("models")) return undefined;
  const modelNames = nameModels(member(source.value, "models"), report);
  const models = buildModels(member(source.value, "models"), modelNames, report);
  const { places, regionIds, clusterIds } = buildPlaces(source.value, modelNames, report);
  if (faults.has("regions") || faults.has("clusters")) return undefined;
  const { endpoints, intended } = buildEndpoints(member(source.value, "endpoints"), {
    models,
    modelNames,
    regionIds,
    clusterIds,
    report,
  });
  if (faults.has("endpoints")) return undefined;
  const served = new Set(intended?.map(({ model }) => model));
  const hasEndpoint = (model: ModelId) => intended === undefined || served.has(model);
  const draft = { models, endpoints, places, names: modelNames.table, modelNames, clusterIds, hasEndpoint };
  if (intended !== undefined) checkClusters(draft, intended, report);
  return draft;
}

/** A cluster serves what no route matches, so it must have an endpoint for its default model. */
function checkClusters(
  { places, models }: CatalogDraft,
  intended: NonNullable<BuiltEndpoints["intended"]>,
  report: Report,
): void {
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
}

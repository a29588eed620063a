/**
 * Names of models in the routing file → ids of the catalogue.
 */
import type { CatalogDraft } from "./catalog-build.ts";
import type { Report } from "./report.ts";

/** What the parts of the routing file are resolved against. `catalog` is `undefined` when that file could not be read at all. */
export interface RoutingSurroundings {
  readonly catalog: CatalogDraft | undefined;
  readonly report: Report;
}

/** The id that a model's name means; a problem when it means nothing, no model that draws, or one that nobody serves. */
export function resolveModel(
  name: string,
  path: readonly (string | number)[],
  { catalog, report }: RoutingSurroundings,
): string | undefined {
  if (catalog === undefined) return undefined;
  const id = catalog.modelNames.resolve(name);
  if (id === undefined) {
    const hint = catalog.modelNames.hint(name);
    report.error({
      path,
      message: `no model \`${name}\``,
      expected: "a model of the catalogue, by any of its names",
      hint,
    });
    return undefined;
  }
  const model = catalog.models[id];
  if (model === undefined) return undefined;
  if (model.kind === "upscale") {
    const hint = "name a model that draws; upscalers are used by `+ upscale`";
    report.error({ path, message: `\`${id}\` is an upscaler`, expected: "a model that draws", hint });
    return undefined;
  }
  if (!catalog.hasEndpoint(id)) {
    const message = `no endpoint serves \`${id}\``;
    report.error({
      path,
      message,
      expected: "a model with an endpoint in the catalogue",
      hint: "add one, or correct those that have problems",
    });
    return undefined;
  }
  return id;
}

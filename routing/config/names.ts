/**
 * Names of models as people write them: `SD3.5_Medium`, `SD3.5 Medium` and `sd3.5-medium` are one name.
 *
 * Pure and dependency-free: the Worker uses it for every request that names a model. An unknown name is `undefined`, never a guess.
 */
import type { Catalog, Model } from "./snapshot.ts";

/** The spelling under which a name is stored and looked up: lower case, each run of spaces, `_`, `.` and `-` as one `-`. */
export function foldName(name: string): string {
  return name
    .trim()
    .toLowerCase()
    .replace(/[\s_.-]+/g, "-");
}

/** The model that an id, a name or an alias means, in any spelling; `undefined` when the catalogue has none such. */
export function findModel(catalog: Pick<Catalog, "names" | "models">, name: string): Model | undefined {
  const id = catalog.names[foldName(name)];
  // Names come from requests: without the own-property check `constructor` would find something.
  return id !== undefined && Object.hasOwn(catalog.models, id) ? catalog.models[id] : undefined;
}

/**
 * What people's tools (`infra/`) need beyond the runtime surface: YAML → snapshot, with everything that is wrong with it.
 *
 * The Worker never imports this file: zod and yaml hang on it.
 */
export { type Compiled, compile } from "./config/compile.ts";
export { type Problem, showPath } from "./config/problem.ts";
export { TIERS } from "./config/policy-defaults.ts";
export type { SourceText } from "./config/yaml-source.ts";
export { CURRENT_CONFIG_KEY, configKey, type ConfigPointer, POINTER_SCHEMA } from "./config/kv-keys.ts";
export type { Snapshot, SnapshotContent } from "./config/snapshot.ts";
export { toSnapshotJson } from "./config/snapshot-json.ts";

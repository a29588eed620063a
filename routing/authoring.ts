/**
 * What people's tools (`infra/`) import: the runtime surface, and YAML → snapshot with everything that is wrong with it.
 *
 * The Worker never imports this file: zod and yaml hang on it.
 */
export { PLAIN_FEATURES } from "./classify/plain-features.ts";
export { type Compiled, compile } from "./config/compile.ts";
export type { Problem } from "./config/problem.ts";
export type { SourceText } from "./config/yaml-source.ts";
export { listPriceUsd } from "./execute/cost.ts";
export * from "./index.ts";

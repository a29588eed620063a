/**
 * All dialects by name.
 */
import type { DialectName } from "../config/snapshot.ts";
import type { Dialect } from "./dialect.ts";
import { gemini } from "./gemini/gemini.ts";
import { generate } from "./generate/generate.ts";
import { ideogram } from "./ideogram/ideogram.ts";
import { openaiImages } from "./openai-images/openai-images.ts";
import { stability } from "./stability/stability.ts";
import { workersAi } from "./workers-ai/workers-ai.ts";

export { costOf, type Usage } from "./cost.ts";
export type * from "./dialect.ts";
export { toBindingError, toBindingInputs, toBindingResponse } from "./workers-ai/binding.ts";

const DIALECTS: Readonly<Record<DialectName, Dialect>> = {
  generate,
  "openai-images": openaiImages,
  gemini,
  ideogram,
  stability,
  "workers-ai": workersAi,
};

/** The dialect of that name. */
export function dialectOf(name: DialectName): Dialect {
  return DIALECTS[name];
}

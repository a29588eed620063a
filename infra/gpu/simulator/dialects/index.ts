/** The protocols that the simulator speaks. */
import type { SimulatedDialect } from "../endpoint.ts";
import type { ServerDialect } from "../exchange.ts";
import { generate } from "./generate.ts";
import { openaiImages } from "./openai-images.ts";

export const DIALECTS: Readonly<Record<SimulatedDialect, ServerDialect>> = {
  generate,
  "openai-images": openaiImages,
};

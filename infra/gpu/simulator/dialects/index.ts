/** The protocols that the simulator speaks. */
import type { SimulatedEndpoint } from "../endpoint.ts";
import type { ServerDialect } from "../exchange.ts";
import { gemini } from "./gemini.ts";
import { generate } from "./generate.ts";
import { ideogram } from "./ideogram.ts";
import { openai } from "./openai.ts";
import { openaiImages } from "./openai-images.ts";
import { stability } from "./stability.ts";
import { workersAi } from "./workers-ai.ts";

/** What this endpoint speaks. */
export function dialectOf({ dialect, flavor }: SimulatedEndpoint): ServerDialect {
  switch (dialect) {
    case "generate":
      return generate;
    case "openai-images":
      return flavor === "openai" ? openai : openaiImages;
    case "gemini":
      return gemini;
    case "ideogram":
      return ideogram;
    case "stability":
      return stability;
    case "workers-ai":
      return workersAi;
  }
}

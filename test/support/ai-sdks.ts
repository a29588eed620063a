/**
 * Vercel's AI SDK as people have it: the newest major and the two before, each with the provider for OpenAI-shaped servers of its time.
 */
import { APICallError as APICallErrorV5, experimental_generateImage as generateImageV5 } from "ai-v5";
import { APICallError as APICallErrorV6, generateImage as generateImageV6 } from "ai-v6";
import { APICallError as APICallErrorV7, generateImage as generateImageV7 } from "ai-v7";
import { createOpenAICompatible as createV1 } from "openai-compatible-v1";
import { createOpenAICompatible as createV2 } from "openai-compatible-v2";
import { createOpenAICompatible as createV3 } from "openai-compatible-v3";

/** One pair of packages; the newest stands for the types of all. */
export interface AiSdk {
  readonly generateImage: typeof generateImageV7;
  readonly createOpenAICompatible: typeof createV3;
  readonly APICallError: { isInstance(error: unknown): boolean };
}

/** The pairs by the major of `ai`. */
export const AI_SDKS: readonly (readonly [major: string, sdk: AiSdk])[] = [
  ["ai 7", { generateImage: generateImageV7, createOpenAICompatible: createV3, APICallError: APICallErrorV7 }],
  [
    "ai 6",
    {
      generateImage: generateImageV6 as unknown as typeof generateImageV7,
      createOpenAICompatible: createV2 as unknown as typeof createV3,
      APICallError: APICallErrorV6,
    },
  ],
  [
    "ai 5",
    {
      generateImage: generateImageV5 as unknown as typeof generateImageV7,
      createOpenAICompatible: createV1 as unknown as typeof createV3,
      APICallError: APICallErrorV5,
    },
  ],
];

/**
 * The seed of a request that brings none, under a policy that derives it: equal requests start from equal noise, so that they are equal work.
 *
 * From the prompts, the texts and the size only: another format or step count shows the same picture anew. It tells nothing apart by itself;
 * the whole request does that (work-identity.ts).
 */
import { canonicalJson } from "./config/snapshot-json.ts";
import type { ImageRequest } from "./image/request.ts";
import { murmur3 } from "./rollout/murmur.ts";

/** A seed of 0…2^31−1. */
export function derivedSeed(
  request: Pick<ImageRequest, "prompt" | "negativePrompt" | "text" | "width" | "height">,
): number {
  const { prompt, negativePrompt = "", text, width, height } = request;
  return murmur3(canonicalJson([prompt, negativePrompt, text.map(({ content }) => content), width, height])) >>> 1;
}

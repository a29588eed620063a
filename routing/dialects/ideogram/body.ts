/**
 * The two Ideogram requests: legacy `/generate` for the V_… models, `/v1/ideogram-v3/generate` for version 3.
 *
 * Source: Ideogram's OpenAPI of 2026-06 (providers.md §2.1, §2.2). The model is always sent (the default is another one), magic prompt
 * is off (it rewrites the prompt, so that no picture could be repeated), one picture a call. The two speak differently of the same
 * things: `ASPECT_16_9` against `16x9`, `magic_prompt_option` against `magic_prompt`.
 */

import type { Size } from "../../image/size.ts";
import type { Work } from "../dialect.ts";
import type { Options } from "../options.ts";
import { withOverlayText } from "../overlay-text.ts";
import { nearestRatio, shapeOf } from "../size.ts";

const LEGACY_RATIOS = shapes("1:1 10:16 16:10 9:16 16:9 3:2 2:3 4:3 3:4 1:3 3:1");
const V3_RATIOS = shapes("1:1 1:3 3:1 1:2 2:1 9:16 16:9 10:16 16:10 2:3 3:2 3:4 4:3 4:5 5:4");

/** Ideogram's pictures have about these pixels, whatever the ratio (its resolutions are all of the 1 megapixel class). */
export const IDEOGRAM_PIXELS = 1024 * 1024;

type Shape = Size & { readonly ratio: string };

function shapes(list: string): readonly [Shape, ...Shape[]] {
  const [first = "1:1", ...rest] = list.split(" ");
  return [shapeOf(first), ...rest.map(shapeOf)];
}

/** `ideogram-v3`, `v3`: the newer call. The legacy enum's own `V_3` stays with the legacy call. */
export function isVersion3(upstreamName: string): boolean {
  return /^(ideogram-)?v3\b/.test(upstreamName);
}

export function ratioOf(work: Work): Shape {
  return nearestRatio(work.request, isVersion3(work.model.upstreamName) ? V3_RATIOS : LEGACY_RATIOS);
}

/** Body for either call. */
export function bodyOf(work: Work, options: Options): Record<string, unknown> {
  const { request, model } = work;
  const { ratio } = ratioOf(work);
  const { takes } = options;
  const common = {
    prompt: withOverlayText(request.prompt, request.text),
    num_images: 1,
    seed: takes.seed ? request.seed : undefined,
    negative_prompt: takes.negativePrompt ? request.negativePrompt : undefined,
  };
  if (isVersion3(model.upstreamName)) {
    return { ...model.parameters.extra, ...common, aspect_ratio: ratio.replace(":", "x"), magic_prompt: "OFF" };
  }
  return {
    image_request: {
      ...model.parameters.extra,
      ...common,
      model: model.upstreamName,
      aspect_ratio: `ASPECT_${ratio.replace(":", "_")}`,
      magic_prompt_option: "OFF",
    },
  };
}

/** Models that read a negative prompt; not the 2A ones. */
export function readsNegativePrompt(upstreamName: string): boolean {
  return isVersion3(upstreamName) || ["V_1", "V_1_TURBO", "V_2", "V_2_TURBO"].includes(upstreamName);
}

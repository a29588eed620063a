/**
 * The request to an OpenAI-shaped server: JSON for a picture from words alone, multipart for an edit.
 *
 * Traps that shape it (providers.md §3a, §3b, §4.1): vLLM-Omni's and SGLang's own defaults for steps, guidance and seed are wrong for
 * SD3.5 (guidance 1.0 switches it off, seed 1024 draws the same picture every time), so all three always go along; SGLang's default
 * delivery is a link; OpenAI's GPT image models refuse `response_format`; vLLM-Omni's edits know no raw file and call the mask
 * `mask_image`.
 */
import type { Endpoint } from "../../config/snapshot.ts";
import type { Size } from "../../image/size.ts";
import type { Work } from "../dialect.ts";
import { formOf } from "../form.ts";
import type { Options } from "../options.ts";
import { withOverlayText } from "../overlay-text.ts";

export type Flavor = NonNullable<Endpoint["flavor"]>;

/** SD3.5 Medium's own, for catalogue entries that give none: its pipeline's steps and the usual guidance (providers.md §3, §3a). */
const DEFAULT_STEPS = 28;
const DEFAULT_GUIDANCE = 4.5;

export interface BodyParts {
  readonly work: Work;
  readonly flavor: Flavor;
  readonly size: Size;
  readonly options: Options;
}

type Fields = Readonly<Record<string, string | number | boolean>>;

/** Fields of either body. Catalogue words (`quality`, `background`, `response_format`, …) come last but for what the request decides. */
export function fieldsOf(parts: BodyParts): Fields {
  const { work, flavor, size, options } = parts;
  const { request, model } = work;
  const { takes } = options;
  const delivery = deliveryOf(flavor, request.image !== undefined);
  return {
    ...(delivery === undefined ? {} : { response_format: delivery }),
    ...(flavor === "openai" ? {} : samplingOf(work, options)),
    ...model.parameters.extra,
    prompt: withOverlayText(request.prompt, request.text),
    model: model.upstreamName,
    n: 1,
    size: `${size.width}x${size.height}`,
    output_format: options.format,
    ...(takes.negativePrompt && request.negativePrompt !== undefined
      ? { negative_prompt: request.negativePrompt }
      : {}),
  };
}

/** Steps, guidance and seed, each always sent where the model has it. */
function samplingOf(work: Work, options: Options): Fields {
  const { request, model } = work;
  const { takes } = options;
  return {
    ...(takes.seed ? { seed: request.seed } : {}),
    ...(takes.steps ? { num_inference_steps: work.steps ?? model.parameters.steps ?? DEFAULT_STEPS } : {}),
    ...(takes.guidance ? { guidance_scale: work.guidance ?? model.parameters.guidance ?? DEFAULT_GUIDANCE } : {}),
  };
}

function deliveryOf(flavor: Flavor, isEdit: boolean): string | undefined {
  switch (flavor) {
    case "vllm-omni":
      return isEdit ? "b64_json" : "file";
    case "sglang":
      return "b64_json";
    case "openai":
      return undefined;
  }
}

/** The same as a form, with the pictures as files. */
export function editForm(parts: BodyParts): FormData {
  const { image, moreImages, mask } = parts.work.request;
  // As OpenAI's own SDKs name them: one is `image`, several are `image[]` (providers.md §4.2).
  const pictures = image === undefined || moreImages === undefined ? { image } : { "image[]": [image, ...moreImages] };
  return formOf(fieldsOf(parts), { ...pictures, [parts.flavor === "vllm-omni" ? "mask_image" : "mask"]: mask });
}

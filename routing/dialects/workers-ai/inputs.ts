/**
 * What each family of Workers AI models takes.
 *
 * Source: `@cloudflare/workers-types` 5.20261117 and the model pages (providers.md §3e). FLUX.2 takes a form; FLUX.1 schnell neither a
 * size nor guidance, and calls its steps `steps`; the others agree on `num_steps`, `guidance`, `width`, `height`, `seed`.
 */
import { encodeBase64 } from "../../image/base64-encode.ts";
import type { Size } from "../../image/size.ts";
import type { Work } from "../dialect.ts";
import { formOf } from "../form.ts";
import type { Options, Takes } from "../options.ts";
import { withOverlayText } from "../overlay-text.ts";

export type Family = "flux-1-schnell" | "flux-2" | "classic";

export function familyOf(model: string): Family {
  if (model.includes("/flux-1-schnell")) return "flux-1-schnell";
  return model.includes("/flux-2-") ? "flux-2" : "classic";
}

/** What the family's inputs have a field for. */
export function takesOf(family: Family): Takes {
  const isClassic = family === "classic";
  return {
    negativePrompt: isClassic,
    steps: true,
    guidance: isClassic,
    seed: true,
    image: family !== "flux-1-schnell",
    // FLUX.2's form has room for four (providers.md §3e).
    ...(family === "flux-2" ? { maxImages: 4 } : {}),
    mask: isClassic,
    upscale: false,
  };
}

export interface InputParts {
  readonly work: Work;
  readonly options: Options;
  /** `undefined`: the model draws its own size. */
  readonly size: Size | undefined;
}

/** Fields by name; pictures apart. */
export function fieldsOf(parts: InputParts): Record<string, unknown> {
  const { work, options, size } = parts;
  const { request, model } = work;
  const { takes } = options;
  const steps = work.steps ?? model.parameters.steps;
  const guidance = work.guidance ?? model.parameters.guidance;
  const stepsField = familyOf(model.upstreamName) === "classic" ? "num_steps" : "steps";
  return {
    ...model.parameters.extra,
    prompt: withOverlayText(request.prompt, request.text),
    ...(size === undefined ? {} : { width: size.width, height: size.height }),
    ...(takes.seed ? { seed: request.seed } : {}),
    ...(takes.steps && steps !== undefined ? { [stepsField]: steps } : {}),
    ...(takes.guidance && guidance !== undefined ? { guidance } : {}),
    ...(takes.negativePrompt && request.negativePrompt !== undefined
      ? { negative_prompt: request.negativePrompt }
      : {}),
  };
}

/** Inputs of the families that take an object. The mask is a list of byte values (workers-types). */
export function inputsOf(parts: InputParts): Record<string, unknown> {
  const { image, mask } = parts.work.request;
  return {
    ...fieldsOf(parts),
    ...(image === undefined ? {} : { image_b64: encodeBase64(image.bytes) }),
    ...(mask === undefined ? {} : { mask: Array.from(mask.bytes) }),
  };
}

/** FLUX.2's form. */
export function flux2Form(parts: InputParts): FormData {
  const { image, moreImages = [] } = parts.work.request;
  const pictures = image === undefined ? [] : [image, ...moreImages];
  return formOf(fieldsOf(parts), Object.fromEntries(pictures.map((one, at) => [`input_image_${at}`, one])));
}

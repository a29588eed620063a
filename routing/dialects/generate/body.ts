/**
 * What Galley's own worker is asked: field names of the case study's call, and ours beside them.
 *
 * Text overlays go as they are: the worker has a parameter for them. Catalogue words come first, so that none overrides a field.
 */
import type { Model } from "../../config/snapshot.ts";
import { encodeBase64 } from "../../image/base64-encode.ts";
import type { ImageRequest } from "../../image/request.ts";
import type { Size } from "../../image/size.ts";
import type { Work } from "../dialect.ts";
import type { Options } from "../options.ts";

/** Factor of an upscaler whose catalogue entry does not say. */
const DEFAULT_UPSCALE_FACTOR = 2;

/** How much each side grows. */
export function factorOf(model: Model): number {
  return model.capabilities.upscaleFactor ?? DEFAULT_UPSCALE_FACTOR;
}

/** JSON for `/generate`. Steps, guidance and seed are always there where the model has them. */
export function generateBody(work: Work, options: Options, size: Size): Record<string, unknown> {
  const { request, model } = work;
  const { takes } = options;
  return {
    ...model.parameters.extra,
    prompt: request.prompt,
    model: model.upstreamName,
    width: size.width,
    height: size.height,
    seed: takes.seed ? request.seed : undefined,
    steps: takes.steps ? (work.steps ?? model.parameters.steps) : undefined,
    guidance: takes.guidance ? (work.guidance ?? model.parameters.guidance) : undefined,
    negative_prompt: takes.negativePrompt ? request.negativePrompt : undefined,
    text: request.text.length === 0 ? undefined : request.text.map((overlay) => ({ content: overlay.content })),
    ...inlinePictures(request),
    format: options.format,
    timeout: timeoutSeconds(work),
  };
}

/** JSON for `/upscale`. */
export function upscaleBody(work: Work, options: Options): Record<string, unknown> {
  return {
    ...work.model.parameters.extra,
    model: work.model.upstreamName,
    ...inlinePictures(work.request),
    factor: factorOf(work.model),
    format: options.format,
    timeout: timeoutSeconds(work),
  };
}

function inlinePictures(request: ImageRequest): Record<string, string> {
  return {
    ...(request.image === undefined ? {} : { image: encodeBase64(request.image.bytes) }),
    ...(request.mask === undefined ? {} : { mask: encodeBase64(request.mask.bytes) }),
  };
}

/** Seconds, as in the case study's client. */
function timeoutSeconds(work: Work): number {
  return Math.max(0, work.timeoutMs) / 1000;
}

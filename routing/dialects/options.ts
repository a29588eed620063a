/**
 * What of a request a model takes: what it cannot do at all is a failure before anything is sent, what it merely ignores a warning.
 *
 * Both the catalogue's capabilities and the dialect's own limits must allow an option. Warnings are words for the `galley-warning`
 * header: they name the option and hold nothing of what the caller wrote.
 */
import type { AttemptFailure, Result } from "../failure/index.ts";
import type { PictureFormat } from "../image/request.ts";
import type { Work } from "./dialect.ts";

/** What the wire protocol has a field for. */
export interface Takes {
  readonly negativePrompt: boolean;
  readonly steps: boolean;
  readonly guidance: boolean;
  readonly seed: boolean;
  readonly image: boolean;
  /** Most reference pictures; absent: one. */
  readonly maxImages?: number;
  readonly mask: boolean;
  readonly upscale: boolean;
}

export interface Options {
  /** What may be sent: the dialect's fields that the model also has. */
  readonly takes: Takes;
  /** `chooseFormat`. */
  readonly format: PictureFormat;
  readonly warnings: readonly string[];
}

const UNSUPPORTED = (option: string): Result<never, AttemptFailure> => ({
  ok: false,
  failure: { reason: "unsupported", option },
});

/** Holds the request against dialect and catalogue. */
export function decideOptions(work: Work, dialect: Takes): Result<Options, AttemptFailure> {
  const { request, model } = work;
  const has = model.capabilities;
  const isUpscale = model.kind === "upscale";
  if (isUpscale && (!dialect.upscale || request.image === undefined)) return UNSUPPORTED("upscale");
  const takes: Takes = {
    negativePrompt: dialect.negativePrompt && has.negativePrompt,
    steps: dialect.steps && has.steps,
    guidance: dialect.guidance && has.guidance,
    seed: dialect.seed && has.seed,
    image: dialect.image && has.image,
    mask: dialect.mask && has.mask,
    upscale: dialect.upscale && isUpscale,
  };
  if (request.image !== undefined && !takes.image && !isUpscale) return UNSUPPORTED("image");
  const mostImages = Math.min(dialect.maxImages ?? 1, has.maxImages ?? 1);
  if (1 + (request.moreImages?.length ?? 0) > mostImages) return UNSUPPORTED("image");
  if (request.mask !== undefined && (!takes.mask || request.image === undefined)) return UNSUPPORTED("mask");

  const warnings: string[] = [];
  if (request.negativePrompt !== undefined && !takes.negativePrompt)
    warnings.push("negative_prompt is not taken by this model");
  if (request.steps !== undefined && !takes.steps) warnings.push("steps are not taken by this model");
  if (request.guidance !== undefined && !takes.guidance) warnings.push("guidance is not taken by this model");
  if (!takes.seed && !isUpscale) warnings.push("seed is not taken by this model: the picture cannot be repeated");
  const format = chooseFormat(work);
  if (format !== request.format)
    warnings.push(`format ${request.format} is not given by this model: ${format} comes instead`);
  return { ok: true, value: { takes, format, warnings } };
}

/** The asked format where the model gives it, else the first one that it does. */
export function chooseFormat(work: Work): PictureFormat {
  const { formats } = work.model.capabilities;
  return formats.includes(work.request.format) ? work.request.format : (formats[0] ?? work.request.format);
}

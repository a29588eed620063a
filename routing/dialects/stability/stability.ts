/**
 * `stability`: Stability AI's hosted SD3.5 and its upscalers.
 *
 * Source: Stability's v2beta reference (providers.md §3c, §5). Everything is multipart; pictures come as raw bytes. There is no width and
 * height but a ratio, of about one megapixel; a reference picture decides the shape itself. The model is always sent (the default is
 * another one). Nothing in the answer names a version: the pin stays unverified.
 */
import type { AttemptFailure, Result } from "../../failure/index.ts";
import type { Size } from "../../image/size.ts";
import { bearer, missingSecret, upstreamUrl, workHeaders } from "../call.ts";
import type { Begun, Call, Dialect, Target, Work } from "../dialect.ts";
import { formOf } from "../form.ts";
import { chooseFormat, decideOptions, type Options } from "../options.ts";
import { withOverlayText } from "../overlay-text.ts";
import { nearestRatio, shapeOf } from "../size.ts";
import { type Asked, receivePicture, seedToSend } from "./answer.ts";
import { receiveId, upscaledSize, upscaleFields, upscalerOf } from "./upscale.ts";

const TAKES = {
  negativePrompt: true,
  steps: false,
  guidance: true,
  seed: true,
  image: true,
  mask: false,
  upscale: true,
} as const;

const RATIOS = [
  shapeOf("1:1"),
  shapeOf("16:9"),
  shapeOf("21:9"),
  shapeOf("2:3"),
  shapeOf("3:2"),
  shapeOf("4:5"),
  shapeOf("5:4"),
  shapeOf("9:16"),
  shapeOf("9:21"),
] as const;

/** Bounds of `cfg_scale`. */
const MIN_GUIDANCE = 1;
const MAX_GUIDANCE = 10;

/** How far a picture may move away from its reference, 0…1, where the catalogue does not say. The field is required. */
const DEFAULT_STRENGTH = 0.65;

export const stability: Dialect = {
  name: "stability",
  begin,
  expectedSize: (work) => (work.model.kind === "upscale" ? upscaledSize(work) : undefined),
  expectedFormat: chooseFormat,
};

function begin(work: Work, target: Target): Result<Begun, AttemptFailure> {
  const unset = missingSecret(target);
  if (unset !== undefined) return { ok: false, failure: unset };
  const options = decideOptions(work, TAKES);
  if (!options.ok) return options;
  return {
    ok: true,
    value:
      work.model.kind === "upscale" ? beginUpscale(work, target, options.value) : beginSd3(work, target, options.value),
  };
}

function beginSd3(work: Work, target: Target, options: Options): Begun {
  const { request, model } = work;
  const { takes } = options;
  const { ratio } = nearestRatio(request, RATIOS);
  const asked: Asked = {
    work,
    sentSeed: takes.seed ? seedToSend(request.seed) : undefined,
    size: { width: 1024, height: 1024 },
  };
  const guidance = work.guidance ?? model.parameters.guidance;
  const clamped = guidance === undefined ? undefined : Math.min(MAX_GUIDANCE, Math.max(MIN_GUIDANCE, guidance));
  const { strength = DEFAULT_STRENGTH, ...others } = model.parameters.extra;
  const fields = {
    ...others,
    prompt: withOverlayText(request.prompt, request.text),
    model: model.upstreamName,
    output_format: options.format,
    ...(asked.sentSeed === undefined ? {} : { seed: asked.sentSeed }),
    ...(takes.negativePrompt && request.negativePrompt !== undefined
      ? { negative_prompt: request.negativePrompt }
      : {}),
    ...(takes.guidance && clamped !== undefined ? { cfg_scale: clamped } : {}),
    ...(request.image === undefined
      ? { mode: "text-to-image", aspect_ratio: ratio }
      : { mode: "image-to-image", strength }),
  };
  const form = formOf(fields, { image: request.image });
  const warnings = [...options.warnings];
  if (request.guidance !== undefined && takes.guidance && clamped !== guidance) {
    warnings.push(`guidance ${guidance} becomes ${clamped}`);
  }
  if (request.image !== undefined) warnings.push("size follows the reference picture");
  else if (!(ratio === "1:1" && request.width === 1024 && request.height === 1024)) {
    warnings.push(`size ${request.width}x${request.height} becomes ${ratio} at about 1 megapixel`);
  }
  const call = callOf({ work, target, path: "/v2beta/stable-image/generate/sd3", form, accept: "image/*" });
  return { step: { call, receive: (head) => receivePicture(head, asked) }, warnings };
}

function beginUpscale(work: Work, target: Target, options: Options): Begun {
  const { request, model } = work;
  const upscaler = upscalerOf(model.upstreamName);
  const sentSeed = upscaler === "fast" ? undefined : seedToSend(request.seed);
  const size: Size = upscaledSize(work) ?? request;
  const asked: Asked = { work, sentSeed, size };
  const fields = { ...model.parameters.extra, ...upscaleFields(work, options, sentSeed ?? 0) };
  const form = formOf(fields, { image: request.image });
  const path = `/v2beta/stable-image/upscale/${upscaler}`;
  const isLater = upscaler === "creative";
  const call = callOf({ work, target, path, form, accept: isLater ? "application/json" : "image/*" });
  return {
    step: {
      call,
      receive: (head) => (isLater ? receiveId(head, asked, target) : receivePicture(head, asked)),
    },
    warnings: options.warnings,
  };
}

interface CallParts {
  readonly work: Work;
  readonly target: Target;
  readonly path: string;
  readonly form: FormData;
  readonly accept: string;
}

function callOf(parts: CallParts): Call {
  const { work, target, path, form, accept } = parts;
  return {
    method: "POST",
    url: upstreamUrl(target.endpoint.url, path),
    headers: { accept, ...workHeaders(work), ...bearer(target.key) },
    body: form,
  };
}

/**
 * The size of a picture: what is drawn when the caller asks for none, and what a model makes of what was asked.
 */
import type { Model, Purpose } from "../config/snapshot.ts";
import type { RequestFailure, Result } from "../failure/index.ts";
import { floorTo, pixelsOf, roundSize, roundTo, type Size } from "../image/size.ts";

/** Side of the square that a purpose gets by default, px: drafts are looked at small, exports are printed. */
const DEFAULT_SIDES: Readonly<Record<Purpose, number>> = {
  "draft-art": 768,
  preview: 1_024,
  compositing: 1_024,
  "high-res-export": 2_048,
};

/** One megapixel: what the preview models were trained on. */
const DEFAULT_SIDE = 1_024;

/**
 * The size for a caller who asks for none: the purpose's square, or the largest square that the model draws. Models with sizes of their
 * own draw a megapixel at the least (providers.md §1.1, §2.1): asking them for less would only be answered with a warning.
 */
export function defaultSize(model: Model, purpose: Purpose): Size {
  const { maxPixels, sizeMultiple, size } = model.capabilities;
  const ofPurpose = (Object.hasOwn(DEFAULT_SIDES, purpose) && DEFAULT_SIDES[purpose]) || DEFAULT_SIDE;
  const wanted = size === "ratio" ? Math.max(ofPurpose, DEFAULT_SIDE) : ofPurpose;
  const side = Math.min(roundTo(wanted, sizeMultiple), floorTo(Math.sqrt(maxPixels), sizeMultiple));
  return { width: side, height: side };
}

/** `roundSize` of a size that the model can draw; `invalid_request` at `/width`, naming the limit, of a larger one. */
export function fitSize(model: Model, asked: Size): Result<Size, RequestFailure> {
  const size = roundSize(asked, model.capabilities);
  return pixelsOf(size) <= model.capabilities.maxPixels
    ? { ok: true, value: size }
    : { ok: false, failure: tooLarge(model, { asked, limitPixels: model.capabilities.maxPixels }) };
}

/** Says which size is too large for which model, and the limit. */
export function tooLarge(model: Model, bounds: { readonly asked: Size; readonly limitPixels: number }): RequestFailure {
  const { asked, limitPixels } = bounds;
  return {
    code: "invalid_request",
    path: "/width",
    detail: `${asked.width} x ${asked.height} is ${pixelsOf(asked)} pixels; ${model.name} draws at most ${limitPixels}.`,
    cause: { reason: "unsupported", option: "size" },
  };
}

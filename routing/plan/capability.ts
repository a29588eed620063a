/**
 * Can a model draw what is asked? Each reason why not is a failure that names the member and the limit.
 */
import type { Model } from "../config/snapshot.ts";
import type { RequestFailure } from "../failure/index.ts";
import { pixelsOf, roundSize, type Size } from "../image/size.ts";
import { tooLarge } from "./size.ts";

/** What of a request a model may not be able to do. */
export interface AskedPicture extends Size {
  readonly steps?: number;
  readonly hasImage: boolean;
  /** Reference pictures beside the first; absent: none. */
  readonly moreImages?: number;
  readonly hasMask: boolean;
  /** Only when the caller asked for one: without it, any format will do. */
  readonly format?: "png" | "webp" | "jpeg";
}

/** Why a model cannot draw it; `undefined` when it can. `enlargeBy`: the factor by which the result is upscaled, 1 for none. */
export function unfitness(
  model: Model,
  work: { readonly picture: AskedPicture; readonly enlargeBy: number },
): RequestFailure | undefined {
  const { picture, enlargeBy } = work;
  const { capabilities } = model;
  if (picture.hasMask && !capabilities.mask) return lacks(model, { option: "mask", words: "takes no mask" });
  if (picture.hasImage && !capabilities.image) return lacks(model, { option: "image", words: "takes no picture" });
  const { maxImages = 1 } = capabilities;
  if (1 + (picture.moreImages ?? 0) > maxImages) {
    return lacks(model, {
      option: "image",
      words: maxImages === 1 ? "takes one picture" : `takes ${maxImages} pictures`,
    });
  }
  if (picture.format !== undefined && !capabilities.formats.includes(picture.format)) {
    return lacks(model, { option: "format", words: `makes ${capabilities.formats.join(", ")} only` });
  }
  const limitPixels = capabilities.maxPixels * enlargeBy ** 2;
  return pixelsOf(roundSize(picture, model.capabilities)) > limitPixels
    ? tooLarge(model, { asked: picture, limitPixels })
    : undefined;
}

function lacks(model: Model, lack: { readonly option: string; readonly words: string }): RequestFailure {
  return {
    code: "invalid_request",
    path: `/${lack.option}`,
    detail: `${model.name} ${lack.words}.`,
    cause: { reason: "unsupported", option: lack.option },
  };
}

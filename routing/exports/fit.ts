/**
 * The crop rule: how a picture of one size becomes one of exactly the asked size, and what is still to be done to a drawn one.
 *
 * A picture is scaled until it covers the asked size and is cut about its middle, as CSS `object-fit: cover` does. Scaling down is
 * always done, scaling up by a tenth at most: more than that is an upscaler's work. At most a quarter of what was drawn is cut away;
 * beyond that it is another composition than the one asked for. Pure. Fails closed: what cannot become the asked size is refused.
 */
import type { RequestFailure } from "../failure/index.ts";
import type { PictureFormat } from "../image/request.ts";
import { pixelsOf, type Size, type SizeBounds } from "../image/size.ts";

/**
 * Most of the drawn area that is cut away. Between two neighbours of Gemini's ratios (providers.md §1.1) it is 13 % at most; a quarter
 * is reached at 3.1:1 and at 0.42:1, beyond the widest and the tallest of them.
 */
export const MAX_CUT_SHARE = 0.25;

/** Most that a picture is enlarged by plain resampling, by side: the widest gap that a ratio leaves is 7 %. */
export const MAX_STRETCH = 1.1;

/** From this scale on pixels are cut and not resampled: sharper, and nothing but PNG's own rows is needed. */
const CUT_FROM_SCALE = 0.97;

/** Where the asked size lies in a larger picture, px. */
export interface Box extends Size {
  readonly left: number;
  readonly top: number;
}

export type Fit =
  | { readonly how: "as-is" }
  /** Every pixel stays what it was. */
  | { readonly how: "cut"; readonly box: Box }
  /** Scaled to cover, then cut about the middle. */
  | { readonly how: "scale" }
  | { readonly how: "refuse"; readonly why: "too-small" | "other-shape" };

/** How `have` becomes `want`. */
export function decideFit(have: Size, want: Size): Fit {
  if (have.width === want.width && have.height === want.height) return { how: "as-is" };
  const scale = Math.max(want.width / have.width, want.height / have.height);
  const keptShare = (want.width * want.height) / (have.width * have.height * scale * scale);
  if (1 - keptShare > MAX_CUT_SHARE) return { how: "refuse", why: "other-shape" };
  if (scale > MAX_STRETCH) return { how: "refuse", why: "too-small" };
  if (scale > 1 || scale < CUT_FROM_SCALE) return { how: "scale" };
  const left = Math.floor((have.width - want.width) / 2);
  const top = Math.floor((have.height - want.height) / 2);
  return { how: "cut", box: { left, top, width: want.width, height: want.height } };
}

/** What an upscaler makes of a picture. */
export interface Enlarging {
  /** By which each side grows. */
  readonly factor: number;
  /** Most pixels of what it makes. */
  readonly maxPixels: number;
}

/** A size and a format. */
export interface Shape extends Size {
  readonly format: PictureFormat;
}

/** What is to be done next with a picture that is there. */
export type NextStep =
  | { readonly step: "store" }
  | { readonly step: "shape"; readonly fit: Extract<Fit, { how: "cut" | "scale" }>; readonly to: Shape }
  | { readonly step: "upscale" }
  | { readonly step: "refuse"; readonly failure: RequestFailure };

export interface NextStepAsk {
  readonly have: Shape;
  /** `format` where the caller insists on one. */
  readonly want: Size & { readonly format?: PictureFormat };
  /** Absent: nothing may enlarge it, or something has. */
  readonly enlarging?: Enlarging;
}

/** Decides. An upscaler is not paid for what is there already; it gets the whole picture where it takes that much, else a smaller one. */
export function decideNextStep({ have, want, enlarging }: NextStepAsk): NextStep {
  const fit = decideFit(have, want);
  const to: Shape = { width: want.width, height: want.height, format: want.format ?? have.format };
  if (fit.how !== "refuse") {
    if (to.format !== have.format) return { step: "shape", fit: { how: "scale" }, to };
    return fit.how === "as-is" ? { step: "store" } : { step: "shape", fit, to };
  }
  if (fit.why === "other-shape" || enlarging === undefined) {
    return { step: "refuse", failure: refusal(fit.why, have, want) };
  }
  const { factor, maxPixels } = enlarging;
  if (have.width * have.height * factor ** 2 <= maxPixels) return { step: "upscale" };
  const small = { width: Math.ceil(want.width / factor), height: Math.ceil(want.height / factor) };
  const smaller = decideFit(have, small);
  if (smaller.how === "as-is") return { step: "upscale" };
  if (smaller.how === "refuse") return { step: "refuse", failure: refusal(smaller.why, have, want) };
  return { step: "shape", fit: smaller, to: { ...small, format: have.format } };
}

/** Not to be repeated: the same model would draw the same size again, for money. */
function refusal(why: "too-small" | "other-shape", have: Size, want: Size): RequestFailure {
  const [drawn, asked] = [`${have.width}x${have.height}`, `${want.width}x${want.height}`];
  const detail =
    why === "too-small"
      ? `The model drew ${drawn}, too small for ${asked}. Send \`upscale: true\`, or ask for less.`
      : `The model drew ${drawn}; of that more than a quarter would be cut away for ${asked}. Ask for a proportion nearer to the model's.`;
  return { code: "invalid_request", path: "/width", detail };
}

/**
 * The size to ask a model for: each side up to the next multiple that it draws, so that what comes covers the asked size; the asked size
 * itself where that would be more than it draws.
 */
export function sizeToDraw(want: Size, has: SizeBounds): Size {
  const up = (side: number): number => Math.ceil(side / has.sizeMultiple) * has.sizeMultiple;
  const size = { width: up(want.width), height: up(want.height) };
  return pixelsOf(size) <= has.maxPixels ? size : want;
}

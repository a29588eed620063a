/**
 * Which size to ask for: rounding for models that draw any size, the nearest shape for models that have their own.
 */
import type { Capabilities } from "../config/snapshot.ts";
import type { AttemptFailure, Result } from "../failure/index.ts";
import { floorTo, pixelsOf, roundSize, type Size } from "../image/size.ts";

/** The size that an exact model will draw; `unsupported` where that is more than it draws. */
export function fitSize(asked: Size, has: Capabilities): Result<Size, AttemptFailure> {
  const size = roundSize(asked, has);
  return pixelsOf(size) > has.maxPixels
    ? { ok: false, failure: { reason: "unsupported", option: "size" } }
    : { ok: true, value: size };
}

/** The asked shape, made smaller where it passes the model's pixel limit, on multiples: for models that draw what they can. */
export function shrinkSize(asked: Size, has: Capabilities): Size {
  const scale = Math.min(1, Math.sqrt(has.maxPixels / (asked.width * asked.height)));
  return {
    width: floorTo(asked.width * scale, has.sizeMultiple),
    height: floorTo(asked.height * scale, has.sizeMultiple),
  };
}

/** Words for a size other than the asked one; none when it is the same. */
export function sizeWarnings(asked: Size, coming: Size): readonly string[] {
  if (asked.width === coming.width && asked.height === coming.height) return [];
  return [`size ${asked.width}x${asked.height} becomes ${coming.width}x${coming.height}`];
}

/** The shape whose proportion is nearest to the asked one, by the logarithm, so that 2:1 and 1:2 are equally far from 1:1. */
export function nearestRatio<Shape extends Size>(asked: Size, shapes: readonly [Shape, ...Shape[]]): Shape {
  const target = Math.log(asked.width / asked.height);
  const distance = (shape: Size): number => Math.abs(Math.log(shape.width / shape.height) - target);
  return shapes.reduce((best, shape) => (distance(shape) < distance(best) ? shape : best), shapes[0]);
}

/** `"16:9"` → `{ width: 16, height: 9 }`, for tables that are written as providers write them. */
export function shapeOf(ratio: string): Size & { readonly ratio: string } {
  const [width = 1, height = 1] = ratio.split(":").map(Number);
  return { ratio, width, height };
}

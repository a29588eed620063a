/**
 * Classes of work by which service times are kept apart: asked pixels, and denoising steps.
 *
 * Coarse on purpose: a class that is seldom seen learns nothing.
 */
import type { SizeClass } from "./contract.ts";

/** Upper bound of each class but the last, megapixels (10⁶ px), as execute's ports state them. */
const UPPER_MEGAPIXELS: readonly (readonly [SizeClass, number])[] = [
  ["xs", 0.3],
  ["s", 0.7],
  ["m", 1.2],
  ["l", 2.5],
  ["xl", 5],
];

/** Steps are rounded up to one of these; more than the last count as the last. */
const STEP_BOUNDS = [4, 8, 12, 16, 20, 25, 30, 40, 50, 75, 100, 150];

/** The size class of a picture of `width` × `height` px. */
export function sizeClassOf(width: number, height: number): SizeClass {
  const megapixels = (width * height) / 1e6;
  return UPPER_MEGAPIXELS.find(([, upper]) => megapixels <= upper)?.[0] ?? "xxl";
}

/** Size class and steps of a piece of work. */
export interface Shape {
  readonly sizeClass: SizeClass;
  readonly steps?: number;
}

/** One word for a shape, for use in keys: `m/30`, or `m/-` where the model's own steps are used. */
export function shapeKey(shape: Shape): string {
  if (shape.steps === undefined) return `${shape.sizeClass}/-`;
  const { steps } = shape;
  return `${shape.sizeClass}/${STEP_BOUNDS.find((bound) => steps <= bound) ?? 150}`;
}

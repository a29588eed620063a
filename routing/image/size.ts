/**
 * Sizes of pictures, and how an asked one becomes one that a model draws. Pure.
 */

/** px. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** What a model draws: sides in multiples of so many px, no more pixels than so many. */
export interface SizeBounds {
  readonly sizeMultiple: number;
  readonly maxPixels: number;
}

/** Width × height. */
export function pixelsOf({ width, height }: Size): number {
  return width * height;
}

/**
 * The size that a model draws for an asked one: each side at the nearest multiple that it knows, at least one; the next lower multiples
 * where the nearest ones would be more than it draws. Larger than that all the same where the asked size is.
 */
export function roundSize(asked: Size, { sizeMultiple, maxPixels }: SizeBounds): Size {
  const nearest = { width: roundTo(asked.width, sizeMultiple), height: roundTo(asked.height, sizeMultiple) };
  if (pixelsOf(nearest) <= maxPixels) return nearest;
  return { width: floorTo(asked.width, sizeMultiple), height: floorTo(asked.height, sizeMultiple) };
}

/** The nearest multiple, at least one. */
export function roundTo(value: number, multiple: number): number {
  return Math.max(1, Math.round(value / multiple)) * multiple;
}

/** The next lower multiple, at least one. */
export function floorTo(value: number, multiple: number): number {
  return Math.max(1, Math.floor(value / multiple)) * multiple;
}

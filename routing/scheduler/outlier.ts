/**
 * Endpoints that answer, but slowly: weighted down, never ejected (control.md §3).
 */

/** Slower than this × the median of its siblings… */
export const SLOW_FACTOR = 2.5;
/** …on at least so many recent samples (its own, and a sibling's to be compared with)… */
export const SLOW_MIN_SAMPLES = 8;
/** …weighs this much in the choice. */
export const SLOW_WEIGHT = 0.25;

/** A verdict that is not renewed ends after this time, ms: what is not chosen any more could never clear itself. */
export const SLOW_FOR_MS = 300_000;

export interface Speed {
  readonly endpoint: string;
  readonly q50Ms: number;
  readonly samples: number;
}

const median = (sorted: readonly number[]): number => {
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
};

/** The endpoints among siblings of one model and shape that are slow. */
export function slowOnes(siblings: readonly Speed[]): ReadonlySet<string> {
  const known = siblings.filter((speed) => speed.samples >= SLOW_MIN_SAMPLES);
  const slow = known.filter((speed) => {
    const others = known.filter((other) => other !== speed).map((other) => other.q50Ms);
    return others.length > 0 && speed.q50Ms > SLOW_FACTOR * median(others.sort((a, b) => a - b));
  });
  return new Set(slow.map((speed) => speed.endpoint));
}

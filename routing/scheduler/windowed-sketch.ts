/**
 * Recent and long memory of one class of service times: a ring of 6 × 10 s for what is so now, and a copy that fades with a
 * half-life of 600 s for classes that are asked seldom (control.md §5).
 *
 * The sum of the ring is kept up to date by adding and by taking expired buckets out, so that reading costs no merge.
 * Time is passed in; a bucket from the future (the clock was set back) is dropped like an expired one.
 */
import {
  addValue,
  decay,
  emptySketch,
  mergeInto,
  quantileOf,
  type Sketch,
  sketchFromText,
  sketchToText,
} from "./sketch.ts";

/** Length of one bucket of the ring, ms, and their number. */
export const RING_BUCKET_MS = 10_000;
export const RING_BUCKETS = 6;
/** The long memory halves in this time, ms. */
export const LONG_HALF_LIFE_MS = 600_000;
const DECAY_STEP_MS = 10_000;

interface Bucket {
  readonly index: number;
  readonly sketch: Sketch;
}

export interface WindowedSketch {
  ring: Bucket[];
  recent: Sketch;
  long: Sketch;
  decayedAtMs: number;
}

/** A windowed sketch as JSON: the ring as one sketch, the long memory, and when that was. */
export interface StoredWindowedSketch {
  readonly recent: string;
  readonly long: string;
  readonly atMs: number;
}

/** A windowed sketch that holds nothing. */
export function emptyWindowedSketch(nowMs: number): WindowedSketch {
  return { ring: [], recent: emptySketch(), long: emptySketch(), decayedAtMs: nowMs };
}

const bucketIndex = (nowMs: number): number => Math.floor(nowMs / RING_BUCKET_MS);

/** Forgets what is older than the window and fades the long memory. */
export function rollForward(windowed: WindowedSketch, nowMs: number): void {
  const index = bucketIndex(nowMs);
  const keeps = (bucket: Bucket) => bucket.index <= index && bucket.index > index - RING_BUCKETS;
  for (const bucket of windowed.ring) if (!keeps(bucket)) mergeInto(windowed.recent, bucket.sketch, -1);
  if (!windowed.ring.every(keeps)) windowed.ring = windowed.ring.filter(keeps);
  const sinceMs = nowMs - windowed.decayedAtMs;
  if (sinceMs < 0) windowed.decayedAtMs = nowMs;
  if (sinceMs < DECAY_STEP_MS) return;
  decay(windowed.long, 2 ** (-sinceMs / LONG_HALF_LIFE_MS));
  windowed.decayedAtMs = nowMs;
}

/** Records one value, ms, in both memories. */
export function recordValue(windowed: WindowedSketch, ms: number, nowMs: number): void {
  rollForward(windowed, nowMs);
  const index = bucketIndex(nowMs);
  let bucket = windowed.ring.find((candidate) => candidate.index === index);
  if (bucket === undefined) {
    bucket = { index, sketch: emptySketch() };
    windowed.ring.push(bucket);
  }
  addValue(bucket.sketch, ms);
  addValue(windowed.recent, ms);
  addValue(windowed.long, ms);
}

/** Samples needed before the `q`-quantile may be quoted: 10/(1−q) (p75: 40, p90: 100, p95: 200, p99: 1,000). */
export function samplesNeeded(q: number): number {
  return Math.ceil(10 / (1 - q) - 1e-9);
}

/** The recent memory where it holds enough samples, else the long one where that does, else `undefined`. */
export function memoryWith(windowed: WindowedSketch, samples: number, nowMs: number): Sketch | undefined {
  rollForward(windowed, nowMs);
  if (windowed.recent.total >= samples) return windowed.recent;
  if (windowed.long.total >= samples) return windowed.long;
  return undefined;
}

/** The `q`-quantile, ms, where the sample rule allows it to be quoted. */
export function quotedQuantile(windowed: WindowedSketch, q: number, nowMs: number): number | undefined {
  const memory = memoryWith(windowed, samplesNeeded(q), nowMs);
  return memory === undefined ? undefined : quantileOf(memory, q);
}

/** The `q`-quantile as a multiple of the median of the same memory, where the sample rule allows it to be quoted. */
export function quotedSpread(windowed: WindowedSketch, q: number, nowMs: number): number | undefined {
  const memory = memoryWith(windowed, samplesNeeded(q), nowMs);
  return memory === undefined ? undefined : quantileOf(memory, q)! / quantileOf(memory, 0.5)!;
}

/** JSON of a windowed sketch. */
export function toStoredWindow(windowed: WindowedSketch, nowMs: number): StoredWindowedSketch {
  rollForward(windowed, nowMs);
  return { recent: sketchToText(windowed.recent), long: sketchToText(windowed.long), atMs: nowMs };
}

/** Reads `toStoredWindow`; the whole ring comes back as the bucket of the time of writing. */
export function fromStoredWindow(stored: StoredWindowedSketch, nowMs: number): WindowedSketch {
  const bucket = { index: bucketIndex(stored.atMs), sketch: sketchFromText(stored.recent) };
  const windowed: WindowedSketch = {
    ring: [bucket],
    recent: sketchFromText(stored.recent),
    long: sketchFromText(stored.long),
    decayedAtMs: Math.min(stored.atMs, nowMs),
  };
  rollForward(windowed, nowMs);
  return windowed;
}

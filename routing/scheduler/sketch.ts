/**
 * A quantile sketch with bounded relative error (DDSketch, VLDB '19): every answer is within α = 2 % of the true sample.
 *
 * Values fall into bins that grow by γ = (1+α)/(1−α); a merge adds counts, so it is exact and its order does not matter.
 * Counts may be fractions, because the long memory decays. Values outside 1 ms … 20 min are taken as the nearer bound.
 */

/** Greatest relative error of a quantile (control.md §5: 0.02 gives at most 235 bins from 10 ms to 120 s). */
export const SKETCH_ALPHA = 0.02;

const GAMMA = (1 + SKETCH_ALPHA) / (1 - SKETCH_ALPHA);
const LN_GAMMA = Math.log(GAMMA);
const MIN_MS = 1;
const MAX_MS = 1_200_000;
/** Counts travel as eighths, so that whole counts round-trip exactly and a decayed bin disappears below a sixteenth. */
const COUNT_SCALE = 8;

/** Bins from `firstKey` on; mutable, owned by whoever made it. */
export interface Sketch {
  firstKey: number;
  counts: number[];
  /** Sum of all counts. */
  total: number;
}

/** A sketch that holds nothing. */
export function emptySketch(): Sketch {
  return { firstKey: 0, counts: [], total: 0 };
}

const keyOf = (ms: number): number => Math.ceil(Math.log(Math.min(MAX_MS, Math.max(MIN_MS, ms))) / LN_GAMMA);

const msOf = (key: number): number => (2 * GAMMA ** key) / (GAMMA + 1);

function addToBin(sketch: Sketch, key: number, count: number): void {
  if (sketch.counts.length === 0) sketch.firstKey = key;
  while (key < sketch.firstKey) {
    sketch.counts.unshift(0);
    sketch.firstKey -= 1;
  }
  const index = key - sketch.firstKey;
  while (sketch.counts.length <= index) sketch.counts.push(0);
  sketch.counts[index] = sketch.counts[index]! + count;
  sketch.total += count;
}

/** Records one value, ms. NaN and infinities are dropped: a broken clock must not poison the quantiles. */
export function addValue(sketch: Sketch, ms: number): void {
  if (Number.isFinite(ms)) addToBin(sketch, keyOf(ms), 1);
}

/** Adds `factor` × every count of `source` to `target`; `factor` −1 takes a merged part out again. */
export function mergeInto(target: Sketch, source: Sketch, factor = 1): void {
  source.counts.forEach((count, index) => {
    if (count !== 0) addToBin(target, source.firstKey + index, count * factor);
  });
  trim(target);
}

/** Multiplies every count by `factor` (0…1): what was seen long ago weighs less. */
export function decay(sketch: Sketch, factor: number): void {
  sketch.total = 0;
  sketch.counts.forEach((count, index) => {
    const left = count * factor;
    sketch.counts[index] = left < 1 / (2 * COUNT_SCALE) ? 0 : left;
    sketch.total += sketch.counts[index]!;
  });
  trim(sketch);
}

function trim(sketch: Sketch): void {
  const { counts } = sketch;
  while (counts.length > 0 && counts[counts.length - 1] === 0) counts.pop();
  let zeros = 0;
  while (zeros < counts.length && counts[zeros] === 0) zeros += 1;
  if (zeros > 0) counts.splice(0, zeros);
  sketch.firstKey += zeros;
  if (counts.length === 0) sketch.total = 0;
}

/** The `q`-quantile (0…1), ms, within `SKETCH_ALPHA`; `undefined` when nothing was recorded. */
export function quantileOf(sketch: Sketch, q: number): number | undefined {
  if (sketch.total <= 0) return undefined;
  const rank = q * Math.max(0, sketch.total - 1);
  let seen = 0;
  let last = sketch.firstKey;
  for (let index = 0; index < sketch.counts.length; index += 1) {
    const count = sketch.counts[index]!;
    if (count <= 0) continue;
    seen += count;
    last = sketch.firstKey + index;
    if (seen > rank) break;
  }
  return msOf(last);
}

/** Mean of (T − `aboveMs`) over the values T > `aboveMs`, ms; 0 when there is none. */
export function meanExcess(sketch: Sketch, aboveMs: number): number {
  let count = 0;
  let excess = 0;
  sketch.counts.forEach((binCount, index) => {
    const value = msOf(sketch.firstKey + index);
    if (value <= aboveMs || binCount <= 0) return;
    count += binCount;
    excess += binCount * (value - aboveMs);
  });
  return count > 0 ? excess / count : 0;
}

function pushVarint(out: number[], value: number): void {
  let rest = value;
  while (rest >= 0x80) {
    out.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  out.push(rest);
}

/** Bytes: for each filled bin the varint distance from the former key and the varint count in eighths. */
export function sketchToBytes(sketch: Sketch): Uint8Array {
  const out: number[] = [];
  let formerKey = 0;
  sketch.counts.forEach((count, index) => {
    const eighths = Math.round(count * COUNT_SCALE);
    if (eighths <= 0) return;
    const key = sketch.firstKey + index;
    pushVarint(out, key - formerKey);
    pushVarint(out, eighths);
    formerKey = key;
  });
  return Uint8Array.from(out);
}

/** The sketch that `sketchToBytes` wrote; bytes that break off end it early, so a damaged checkpoint only forgets. */
export function sketchFromBytes(bytes: Uint8Array): Sketch {
  const sketch = emptySketch();
  let at = 0;
  const varint = (): number | undefined => {
    let value = 0;
    let scale = 1;
    while (at < bytes.length) {
      const byte = bytes[at]!;
      at += 1;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 0x80;
    }
    return undefined;
  };
  const maxKey = keyOf(MAX_MS);
  let key = 0;
  for (;;) {
    const step = varint();
    const eighths = varint();
    if (step === undefined || eighths === undefined) return sketch;
    key += step;
    if (key > maxKey) return sketch;
    addToBin(sketch, key, eighths / COUNT_SCALE);
  }
}

/** Base64 of `sketchToBytes`, for JSON. */
export function sketchToText(sketch: Sketch): string {
  return btoa(String.fromCharCode(...sketchToBytes(sketch)));
}

/** Reads `sketchToText`; text that is not base64 gives an empty sketch. */
export function sketchFromText(text: string): Sketch {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 !== 0) return emptySketch();
  return sketchFromBytes(Uint8Array.from(atob(text), (char) => char.charCodeAt(0)));
}

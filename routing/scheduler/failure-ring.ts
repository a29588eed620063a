/**
 * Attempts and failures of the last minute, in a ring of 10 × 6 s, and the bound that decides when a share of failures is no accident.
 *
 * Counts, not averages: a fast burst of failures would hide inside a smoothed figure. Buckets expire by themselves. Pure.
 */

/** Ring of 10 × 6 s (control.md §3). */
export const BUCKET_MS = 6_000;
export const BUCKETS = 10;
/** One-sided 95 %. */
const WILSON_Z = 1.645;

export interface Bucket {
  readonly index: number;
  readonly attempts: number;
  readonly failures: number;
}

export type FailureRing = readonly Bucket[];

/** One-sided lower bound of the true failure share, given `failures` of `attempts` (≥ 1). */
export function wilsonLowerBound(failures: number, attempts: number): number {
  const share = failures / attempts;
  const zz = WILSON_Z ** 2;
  const centre = share + zz / (2 * attempts);
  const spread = WILSON_Z * Math.sqrt((share * (1 - share)) / attempts + zz / (4 * attempts ** 2));
  return (centre - spread) / (1 + zz / attempts);
}

const bucketIndex = (nowMs: number): number => Math.floor(nowMs / BUCKET_MS);

const inWindow = (bucket: Bucket, nowMs: number): boolean =>
  bucket.index <= bucketIndex(nowMs) && bucket.index > bucketIndex(nowMs) - BUCKETS;

/** Attempts and failures of the last minute. */
export function sumOf(ring: FailureRing, nowMs: number): { readonly attempts: number; readonly failures: number } {
  let attempts = 0;
  let failures = 0;
  for (const bucket of ring) {
    if (!inWindow(bucket, nowMs)) continue;
    attempts += bucket.attempts;
    failures += bucket.failures;
  }
  return { attempts, failures };
}

/** The ring with one more attempt in it. */
export function countAttempt(ring: FailureRing, failed: boolean, nowMs: number): FailureRing {
  const index = bucketIndex(nowMs);
  const kept = ring.filter((bucket) => inWindow(bucket, nowMs));
  const current = kept.find((bucket) => bucket.index === index) ?? { index, attempts: 0, failures: 0 };
  const counted = { index, attempts: current.attempts + 1, failures: current.failures + (failed ? 1 : 0) };
  return [...kept.filter((bucket) => bucket.index !== index), counted];
}

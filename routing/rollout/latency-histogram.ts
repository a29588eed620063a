/**
 * Latencies in bins that grow by 4 %, for the quantiles of an experiment's report.
 *
 * A quantile is within 2 % of the true sample, as in the scheduler's sketches; this one only counts, holds days and is plain sparse JSON.
 */

const GROWTH = 1.04;
const LOG_GROWTH = Math.log(GROWTH);

/** Bin number → count. Bin k holds (1.04^(k−1), 1.04^k] ms. */
export interface LatencyHistogram {
  total: number;
  readonly bins: Record<number, number>;
}

export function createLatencyHistogram(): LatencyHistogram {
  return { total: 0, bins: {} };
}

/** Records one latency, ms; below 1 ms counts as 1 ms, and what is no number is dropped. */
export function recordLatency(histogram: LatencyHistogram, ms: number): void {
  if (!Number.isFinite(ms)) return;
  const bin = Math.ceil(Math.log(Math.max(1, ms)) / LOG_GROWTH);
  histogram.bins[bin] = (histogram.bins[bin] ?? 0) + 1;
  histogram.total += 1;
}

/** The quantile (0…1), ms; `undefined` while too few to tell: 10 / (1 − q) (control.md §5). */
export function latencyQuantileMs(histogram: LatencyHistogram, quantile: number): number | undefined {
  if (histogram.total < 10 / (1 - quantile)) return undefined;
  const rank = quantile * (histogram.total - 1);
  let below = 0;
  const bins = Object.keys(histogram.bins).map(Number);
  for (const bin of bins.sort((one, other) => one - other)) {
    below += histogram.bins[bin]!;
    if (below > rank) return (2 * GROWTH ** bin) / (GROWTH + 1);
  }
  return undefined;
}

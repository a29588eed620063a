/**
 * What the catalogue's first guess of service times says about other quantiles, until something was measured.
 */
import type { Model } from "./snapshot.ts";

/** z(0.75) / z(0.95) of the normal distribution. */
const QUARTER_OF_THE_WAY = 0.6745 / 1.6449;

/** 75th percentile of a log-normal that has the model's expected p50 and p95, ms: the least useful time of an attempt (control.md §2). */
export function expectedQ75Ms({ p50Ms, p95Ms }: Model["expected"]): number {
  return Math.round(p50Ms * (p95Ms / p50Ms) ** QUARTER_OF_THE_WAY);
}

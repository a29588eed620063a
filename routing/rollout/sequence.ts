/**
 * How far apart two means are, with bounds that stay valid however often one looks: for the cost and latency lines of a report.
 *
 * Asymptotic confidence sequence of Waudby-Smith et al. (arXiv 2103.06476, by control.md §6). It takes requests as independent and
 * decides nothing; decisions rest on the e-processes.
 */

/** Running mean and spread (Welford). JSON state, mutable. */
export interface Moments {
  count: number;
  mean: number;
  /** Sum of squared distances from the mean. */
  squares: number;
}

/** Requests at which the bounds are tightest: about when a decision is due (control.md §6: some 500). */
const TUNED_FOR = 500;
/** Below this many in an arm its spread is not known. */
const MIN_COUNT = 30;

export interface MeanDifference {
  /** canary − baseline */
  readonly estimate: number;
  readonly low: number;
  readonly high: number;
}

export function createMoments(): Moments {
  return { count: 0, mean: 0, squares: 0 };
}

export function recordMoment(moments: Moments, value: number): void {
  moments.count += 1;
  const distance = value - moments.mean;
  moments.mean += distance / moments.count;
  moments.squares += distance * (value - moments.mean);
}

/** Two-sided bounds at level 1 − `alpha` for the difference of the means; `undefined` while an arm has fewer than 30. */
export function differenceOfMeans(canary: Moments, baseline: Moments, alpha: number): MeanDifference | undefined {
  if (canary.count < MIN_COUNT || baseline.count < MIN_COUNT) return undefined;
  const errorOf = ({ squares, count }: Moments) => squares / (count - 1) / count;
  const count = canary.count + baseline.count;
  const width = halfWidth((errorOf(canary) + errorOf(baseline)) * count, count, alpha);
  const estimate = canary.mean - baseline.mean;
  return { estimate, low: estimate - width, high: estimate + width };
}

/** Two-sided bounds at level 1 − `alpha` for the mean of paired differences; `undefined` while there are fewer than 30. */
export function meanOfPairs({ count, mean, squares }: Moments, alpha: number): MeanDifference | undefined {
  if (count < MIN_COUNT) return undefined;
  const width = halfWidth(squares / (count - 1), count, alpha);
  return { estimate: mean, low: mean - width, high: mean + width };
}

/** Half of the interval around a mean of `count` values with this variance. */
function halfWidth(variance: number, count: number, alpha: number): number {
  const logInverse = -2 * Math.log(alpha);
  const tuning = (logInverse + Math.log(1 + logInverse)) / TUNED_FOR;
  const grown = count * tuning + 1;
  return Math.sqrt(((variance * 2 * grown) / (count * count * tuning)) * Math.log(Math.sqrt(grown) / alpha));
}

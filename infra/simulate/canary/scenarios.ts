/**
 * What is simulated, what was promised for it, and how the results are summed up.
 */
import { createRollbackTest, type LogKind, recordRollbackBlock, rollbackLogE } from "../../../routing/index.ts";
import { createRandom, quantileOf } from "./chance.ts";
import { type Shape, TRAFFIC } from "./traffic.ts";
import type { TrialOptions, TrialResult } from "./trial.ts";

export type Scenario = Omit<TrialOptions, "seed">;

/** α of the rollback: the promise is that this many A/A experiments end in a false rollback. */
export const ROLLBACK_ALPHA = 0.01;
/** α of the promotion: the promise at the margin. */
export const PROMOTE_ALPHA = 0.05;

/** Ends by evidence against the candidate only: time never suffices for a promotion. */
const NEVER_PROMOTES = { minHours: 1e6 } as const;

/** Both arms alike. */
export function aaScenario(shape: Shape, maxRequests: number): Scenario {
  return { traffic: TRAFFIC[shape], maxRequests, spec: NEVER_PROMOTES };
}

/** The candidate fails `ratio` times as often; SLO misses and checks are alike. */
export function plantedScenario(shape: Shape, ratio: number, maxRequests: number): Scenario {
  return { traffic: TRAFFIC[shape], maxRequests, ratios: { errors: ratio }, spec: NEVER_PROMOTES };
}

/**
 * Promotion hangs on the errors alone: margins far away let the other metrics pass at once, so that nothing but the tested claim stands in the way.
 * Without `withRollback` nothing ends a bad candidate but the end of the requests.
 */
export function promotionScenario(shape: Shape, ratio: number, maxRequests: number, withRollback: boolean): Scenario {
  const far = 1_000;
  return {
    traffic: TRAFFIC[shape],
    maxRequests,
    ratios: { errors: ratio },
    spec: { margins: { errors: 1.5, sloMisses: far, checks: far, unserved: far } },
    ...(withRollback ? {} : { limits: { rollbackAlpha: 1e-12 } }),
  };
}

export interface Summary {
  readonly runs: number;
  readonly endings: Readonly<Partial<Record<LogKind | "open", number>>>;
  /** Counted bad events until the ending asked for; `undefined` where fewer runs than the quantile ended so. */
  readonly medianBad: number | undefined;
  readonly p90Bad: number | undefined;
  readonly medianRequests: number | undefined;
}

/** Sums up trials; quantiles are over all runs, those without the `ending` as infinitely late. */
export function summarize(results: readonly TrialResult[], ending: LogKind): Summary {
  const endings: Partial<Record<LogKind | "open", number>> = {};
  for (const result of results) {
    const name = result.ending ?? "open";
    endings[name] = (endings[name] ?? 0) + 1;
  }
  const lateness = (pick: (result: TrialResult) => number) =>
    results.map((result) => (result.ending === ending ? pick(result) : Number.POSITIVE_INFINITY));
  const at = (values: readonly number[], quantile: number) => {
    const value = quantileOf(values, quantile);
    return value === undefined || !Number.isFinite(value) ? undefined : value;
  };
  const bad = lateness((result) => result.badEvents);
  return {
    runs: results.length,
    endings,
    medianBad: at(bad, 0.5),
    p90Bad: at(bad, 0.9),
    medianRequests: at(
      lateness((result) => result.requests),
      0.5,
    ),
  };
}

/** Most false endings that chance may give at rate `alpha`: mean and three standard errors. */
export function falseEndingLimit(alpha: number, runs: number): number {
  return alpha + 3 * Math.sqrt((alpha * (1 - alpha)) / runs);
}

/** control.md §6, share 30 %: bad events to decision with one metric. */
export const REFERENCE = [
  { ratio: 2, medianAlpha05: 55, p90Alpha05: 140, medianAlpha01: 85 },
  { ratio: 3, medianAlpha05: 22, p90Alpha05: 52, medianAlpha01: 32 },
  { ratio: 5, medianAlpha05: 11, p90Alpha05: 24, medianAlpha01: 17 },
] as const;

/** control.md §6: bad events to promotion at margin 1.5 where both arms are alike. */
export const PROMOTION_REFERENCE = { median: 126, p90: 401 } as const;

/** The bare test as in the reference: one metric, every bad event by itself, planned share. Bad events to `alpha`. */
export function bareTestEvents(ratio: number, alpha: number, seed: number): number {
  const random = createRandom(seed);
  const test = createRollbackTest();
  const share = 0.3;
  const chance = (share * ratio) / (share * ratio + 1 - share);
  for (let events = 1; events <= 100_000; events++) {
    const isCanary = random() < chance;
    recordRollbackBlock(test, { canaryBad: isCanary ? 1 : 0, baselineBad: isCanary ? 0 : 1, share });
    if (rollbackLogE(test) >= Math.log(1 / alpha)) return events;
  }
  return Number.POSITIVE_INFINITY;
}

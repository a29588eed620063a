/**
 * Is the canary surely not much worse? "No alarm" is no proof, so promotion asks for one.
 *
 * Null hypothesis: the rate ratio is at least the margin, and the canary's own rate is not negligible. Two e-processes are mixed: one over the
 * ratio (moves with bad events of either arm), one over the canary's rate (moves with every good request, for metrics that never fire).
 * Promoting at E ≥ 1/α is wrong with chance at most α. One test a metric and a ramp step; all metrics must pass, so no α is split.
 */
import { type BlockCounts, blockLogRatio, logMeanExp, logWeightedSumExp } from "./likelihood.ts";

/** Ratios for which the test hopes (control.md §6). */
export const PROMOTION_RATIOS = [1, 0.9, 0.75, 0.5] as const;
/** The same for the canary's own rate, in parts of the negligible rate. */
const RATE_PARTS = [0.5, 0.25, 0.1, 0.02] as const;

/** Part of the evidence that stands on the ratio; it costs ln(1/0.8) = 0.22 there, and the rate alone needs some 2,700 good requests. */
const RATIO_WEIGHT = 0.8;

/** JSON state. */
export interface PromotionTest {
  readonly ratioLogs: number[];
  readonly rateLogs: number[];
}

export interface PromotionBlock extends BlockCounts {
  /** Canary requests that could have gone bad. */
  readonly canaryTrials: number;
}

export interface PromotionNull {
  /** Ratio that must be shown to be out of reach, > 1. */
  readonly margin: number;
  /** 0…1 */
  readonly negligibleRate: number;
}

export function createPromotionTest(): PromotionTest {
  return { ratioLogs: PROMOTION_RATIOS.map(() => 0), rateLogs: RATE_PARTS.map(() => 0) };
}

/** Records one block. */
export function recordPromotionBlock(test: PromotionTest, block: PromotionBlock, against: PromotionNull): void {
  PROMOTION_RATIOS.forEach((ratio, at) => {
    test.ratioLogs[at] = test.ratioLogs[at]! + blockLogRatio(block, ratio, against.margin);
  });
  const good = block.canaryTrials - block.canaryBad;
  RATE_PARTS.forEach((part, at) => {
    const rate = part * against.negligibleRate;
    const gain = block.canaryBad * Math.log(part) + good * Math.log((1 - rate) / (1 - against.negligibleRate));
    test.rateLogs[at] = test.rateLogs[at]! + gain;
  });
}

/** log E of the two processes' mixture. */
export function promotionLogE(test: PromotionTest): number {
  return logWeightedSumExp([
    { log: logMeanExp(test.ratioLogs), weight: RATIO_WEIGHT },
    { log: logMeanExp(test.rateLogs), weight: 1 - RATIO_WEIGHT },
  ]);
}

/**
 * The figures behind a decision, or behind none yet: computed from the state on demand.
 */
import type { MetricReport, Numbers } from "./decision-log.ts";
import { toArmReport } from "./evidence.ts";
import { type EvidenceContext, metricWorseE, worseLogE } from "./evidence-tests.ts";
import type { ExperimentState } from "./experiment-state.ts";
import { toEValue } from "./likelihood.ts";
import { promotionLogE } from "./promotion-test.ts";
import { shareOf } from "./ramp.ts";
import { estimateRatio } from "./risk-set.ts";
import { sampleRatioBar } from "./sample-ratio.ts";
import { differenceOfMeans, type MeanDifference, meanOfPairs } from "./sequence.ts";
import { shadowRemainingMs } from "./shadow.ts";
import { signLogE } from "./sign-test.ts";
import type { Metric } from "./spec.ts";

const HOUR_MS = 3_600_000;
/** Level of the intervals in reports. */
const REPORT_ALPHA = 0.05;

/** All figures at `nowMs`. */
export function toNumbers(state: ExperimentState, context: EvidenceContext, nowMs: number): Numbers {
  const { spec, limits } = context;
  const { ramp, arms, sampleRatio, shadow } = state;
  const metric = (name: Metric) => toMetricReport(state, context, name);
  return {
    share: shareOf(ramp, spec),
    step: ramp.step,
    worseE: toEValue(worseLogE(state.tests)),
    worseBar: 1 / limits.rollbackAlpha,
    withinMarginBar: 1 / limits.promoteAlpha,
    metrics: {
      errors: metric("errors"),
      sloMisses: metric("sloMisses"),
      checks: metric("checks"),
      unserved: metric("unserved"),
    },
    sampleRatio: {
      units: { ...sampleRatio.counts },
      factor: toEValue(sampleRatio.logBayes),
      bar: toEValue(sampleRatioBar(sampleRatio, limits.sampleRatioAlpha)),
    },
    stepHours: (nowMs - ramp.stepStartedAtMs) / HOUR_MS,
    stepRequests: state.step.canaryRequests,
    arms: { baseline: toArmReport(arms.baseline), canary: toArmReport(arms.canary) },
    costDifferenceUsd: differenceOfMeans(arms.canary.cost, arms.baseline.cost, REPORT_ALPHA),
    latencyRatio: toRatio(differenceOfMeans(arms.canary.logLatency, arms.baseline.logLatency, REPORT_ALPHA)),
    shadow: {
      pairs: shadow.pairs,
      failuresE: toEValue(signLogE(shadow.failures)),
      checksE: toEValue(signLogE(shadow.checks)),
      slowerE: toEValue(signLogE(shadow.slower)),
      share: spec.shadowShare,
      gaveWay: shadow.gaveWay,
      failures: { worse: shadow.failures.worse, better: shadow.failures.better },
      checks: { worse: shadow.checks.worse, better: shadow.checks.better },
      latencyRatio: toRatio(meanOfPairs(shadow.logLatency, REPORT_ALPHA)),
      gpuMs: limits.shadowGpuMsPerDay - shadowRemainingMs(shadow, limits.shadowGpuMsPerDay, nowMs),
      gpuCapMs: limits.shadowGpuMsPerDay,
    },
  };
}

function toMetricReport(state: ExperimentState, { spec }: EvidenceContext, metric: Metric): MetricReport {
  const { riskSet, promotion } = state.tests[metric];
  return {
    trials: { ...riskSet.trials },
    bad: { ...riskSet.bad },
    ratio: estimateRatio(riskSet),
    worseE: metricWorseE(state.tests, metric),
    withinMarginE: toEValue(promotionLogE(promotion)),
    margin: spec.margins[metric],
  };
}

/** A difference of logs is the log of a ratio. */
function toRatio(difference: MeanDifference | undefined): MeanDifference | undefined {
  if (difference === undefined) return undefined;
  const { estimate, low, high } = difference;
  return { estimate: Math.exp(estimate), low: Math.exp(low), high: Math.exp(high) };
}

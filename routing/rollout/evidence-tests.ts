/**
 * The e-processes of an experiment, metric by metric: fed with verdicts, asked whether the canary is worse or good enough.
 *
 * The rollback processes run through all steps; the promotion tests begin anew with each. All state is plain JSON beside the unit table.
 */
import type { Arm } from "./assign.ts";
import { logMeanExp, toEValue } from "./likelihood.ts";
import type { Verdict } from "./outcome.ts";
import { createPromotionTest, type PromotionTest, promotionLogE, recordPromotionBlock } from "./promotion-test.ts";
import { type Block, closeStaleBlock, createRiskSet, pooledRate, type RiskSet, recordTrial } from "./risk-set.ts";
import {
  createRollbackTest,
  type RollbackTest,
  recordRollbackBlock,
  rollbackLogE,
  startRollbackProcess,
} from "./rollback-test.ts";
import { type ExperimentLimits, type ExperimentSpec, GUARDED, METRICS, type Metric } from "./spec.ts";
import { recordUnitTrial, type UnitTable } from "./unit-table.ts";

/** JSON state of one metric, mutable. */
export interface MetricTests {
  readonly riskSet: RiskSet;
  readonly rollback: RollbackTest;
  promotion: PromotionTest;
}

/** JSON state, mutable. */
export type EvidenceTests = Record<Metric, MetricTests>;

export interface EvidenceContext {
  readonly spec: ExperimentSpec;
  readonly limits: ExperimentLimits;
  /** `undefined` where every request is a unit of its own. */
  readonly units: UnitTable | undefined;
}

export interface JudgedOutcome {
  readonly atMs: number;
  readonly arm: Arm;
  readonly unit: number;
  readonly verdict: Verdict;
}

export function createEvidenceTests(): EvidenceTests {
  const tests = (): MetricTests => ({
    riskSet: createRiskSet(),
    rollback: createRollbackTest(),
    promotion: createPromotionTest(),
  });
  return { errors: tests(), sloMisses: tests(), checks: tests(), unserved: tests() };
}

/** Records what one outcome says; `true` when a block filled up, so that the e-values may have moved. */
export function recordJudged(tests: EvidenceTests, judged: JudgedOutcome, context: EvidenceContext): boolean {
  let moved = false;
  for (const metric of METRICS) {
    const bad = judged.verdict[metric];
    if (bad === undefined) continue;
    const { riskSet } = tests[metric];
    const { atMs, arm, unit } = judged;
    const weight =
      context.units === undefined
        ? 1
        : recordUnitTrial(context.units, { unit, metric, bad, atMs, rate: pooledRate(riskSet) }, context.limits);
    if (weight === undefined) continue;
    const block = recordTrial(riskSet, { atMs, arm, bad, weight }, context.limits);
    if (block !== undefined) {
      settle(tests[metric], metric, block, context);
      moved = true;
    }
  }
  return moved;
}

/** Closes blocks that stayed open for longer than the window; `true` when there was one. */
export function closeStaleBlocks(tests: EvidenceTests, nowMs: number, context: EvidenceContext): boolean {
  let moved = false;
  for (const metric of METRICS) {
    const block = closeStaleBlock(tests[metric].riskSet, nowMs, context.limits);
    if (block === undefined) continue;
    settle(tests[metric], metric, block, context);
    moved = true;
  }
  return moved;
}

/** Begins fresh rollback processes beside the running ones. */
export function startRollbackProcesses(tests: EvidenceTests): void {
  for (const metric of GUARDED) startRollbackProcess(tests[metric].rollback);
}

/** Begins the promotion tests anew: another step, or doubt about the evidence. */
export function restartPromotionTests(tests: EvidenceTests): void {
  for (const metric of METRICS) tests[metric].promotion = createPromotionTest();
}

/**
 * log of the evidence that the canary is worse in any guarded metric: the mean of their e-values.
 * An e-value itself, and never later than Bonferroni: one metric at m/α lifts the mean of m to 1/α.
 */
export function worseLogE(tests: EvidenceTests): number {
  return logMeanExp(GUARDED.map((metric) => rollbackLogE(tests[metric].rollback)));
}

/** e-value for "worse" of one metric; `undefined` for a metric that never rolls back. */
export function metricWorseE(tests: EvidenceTests, metric: Metric): number | undefined {
  return GUARDED.some((guarded) => guarded === metric) ? toEValue(rollbackLogE(tests[metric].rollback)) : undefined;
}

/** Metrics that are not yet shown to be within their margin. */
export function unprovenMetrics(tests: EvidenceTests, limits: ExperimentLimits): readonly Metric[] {
  return METRICS.filter((metric) => promotionLogE(tests[metric].promotion) < Math.log(1 / limits.promoteAlpha));
}

function settle(tests: MetricTests, metric: Metric, block: Block, { spec, limits }: EvidenceContext): void {
  const { canaryBad, baselineBad, canaryTrials } = block;
  // The weighted share would forgive a bad candidate in its own units, so only the test that must not cry wolf uses it.
  recordRollbackBlock(tests.rollback, { canaryBad, baselineBad, share: block.weightedShare });
  recordPromotionBlock(
    tests.promotion,
    { canaryBad, baselineBad, canaryTrials, share: block.share },
    { margin: spec.margins[metric], negligibleRate: limits.negligibleRate },
  );
}

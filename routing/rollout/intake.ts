/**
 * What happens to one outcome on its way into the evidence: left out, or counted, in both arms by the same rules.
 */
import { type Exclusion, recordExclusion, recordRequest, recordVerdict } from "./evidence.ts";
import { type EvidenceContext, recordJudged } from "./evidence-tests.ts";
import type { ExperimentState } from "./experiment-state.ts";
import { judgeRequest, type Outcome } from "./outcome.ts";
import { isEnded, shareOf } from "./ramp.ts";
import { recordSampledUnit } from "./sample-ratio.ts";
import { METRICS, modelOf } from "./spec.ts";

/** Records one outcome; `true` when the e-values may have moved. */
export function recordOutcome(state: ExperimentState, outcome: Outcome, context: EvidenceContext): boolean {
  const { arm, unit } = outcome;
  const evidence = state.arms[arm];
  const exclusion = exclusionOf(state, outcome, context);
  if (exclusion !== undefined || unit === undefined) {
    recordExclusion(evidence, exclusion ?? "no-unit");
    return false;
  }
  const judgedBy = { atMs: outcome.atMs, arm, unit };
  if (outcome.kind === "check") {
    const verdict = { checks: !outcome.passed };
    recordVerdict(evidence.metrics, verdict);
    recordVerdict(state.step.tallies[arm], verdict);
    return recordJudged(state.tests, { ...judgedBy, verdict }, context);
  }
  const { spec, limits } = context;
  recordSampledUnit(state.sampleRatio, {
    arm,
    share: outcome.share,
    strength: limits.sampleRatioStrength,
    ...(context.units === undefined ? {} : { unit }),
  });
  const verdict = judgeRequest(outcome, modelOf(spec.subject, arm));
  if (METRICS.every((metric) => verdict[metric] === undefined)) {
    recordExclusion(evidence, "says-nothing");
    return false;
  }
  recordVerdict(evidence.metrics, verdict);
  recordVerdict(state.step.tallies[arm], verdict);
  if (verdict.unserved === true) {
    recordExclusion(evidence, "unserved");
  } else {
    recordRequest(evidence, outcome);
    if (arm === "canary") state.step.canaryRequests += 1;
  }
  return recordJudged(state.tests, { ...judgedBy, verdict }, context);
}

function exclusionOf(
  state: ExperimentState,
  outcome: Outcome,
  { spec, limits }: EvidenceContext,
): Exclusion | undefined {
  if (outcome.excluded !== undefined) return outcome.excluded;
  if (isEnded(state.ramp.phase)) return "ended";
  if (outcome.share !== shareOf(state.ramp, spec)) return "other-share";
  return outcome.atMs < state.startedAtMs + limits.warmupMs ? "warm-up" : undefined;
}

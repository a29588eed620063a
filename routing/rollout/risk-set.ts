/**
 * What could have gone bad, and what did, gathered into short blocks for the e-processes.
 *
 * With sticky units the canary's planned share is the wrong yardstick: ten sessions at work may be six to four. So the share
 * is what was really at risk in the block. It may be weighed only once the block is full, which is fixed by count and never by what went bad:
 * given the arms of its requests, bad events without a cause in the arm fall on them like a draw without replacement, which is
 * never wilder than the independent draws that the likelihood assumes (Hoeffding 1963), so the e-values stay e-values.
 */
import type { Arm } from "./assign.ts";

type PerArm = Record<Arm, number>;

/** A full block. */
export interface Block {
  readonly canaryBad: number;
  readonly baselineBad: number;
  readonly canaryTrials: number;
  readonly baselineTrials: number;
  /** The canary's part of the trials, 0…1. */
  readonly share: number;
  /** The same, each trial weighted by what its unit's own past promises. */
  readonly weightedShare: number;
}

/** JSON state, mutable. */
export interface RiskSet {
  /** When the open block got its first trial, epoch ms. */
  openedAtMs: number;
  readonly open: { weight: PerArm; trials: PerArm; bad: PerArm };
  /** Of all time, the open block included. */
  readonly trials: PerArm;
  readonly bad: PerArm;
  /** Mantel–Haenszel sums over the closed blocks: their quotient estimates the rate ratio, whatever the share did. */
  readonly ratio: { above: number; below: number };
}

export interface Trial {
  readonly atMs: number;
  readonly arm: Arm;
  readonly bad: boolean;
  /** > 0; 1 where nothing is known of the unit. */
  readonly weight: number;
}

export interface BlockLimits {
  readonly blockRequests: number;
  /** A block closes after this span even if it is not full, ms. */
  readonly windowMs: number;
}

const none = (): PerArm => ({ baseline: 0, canary: 0 });

export function createRiskSet(): RiskSet {
  return {
    openedAtMs: 0,
    open: { weight: none(), trials: none(), bad: none() },
    trials: none(),
    bad: none(),
    ratio: { above: 0, below: 0 },
  };
}

/** Records one trial; a block that it fills comes back. */
export function recordTrial(set: RiskSet, trial: Trial, limits: BlockLimits): Block | undefined {
  const { open } = set;
  const { arm } = trial;
  if (open.trials.baseline + open.trials.canary === 0) set.openedAtMs = trial.atMs;
  open.weight[arm] += trial.weight;
  open.trials[arm] += 1;
  set.trials[arm] += 1;
  if (trial.bad) {
    open.bad[arm] += 1;
    set.bad[arm] += 1;
  }
  return open.trials.baseline + open.trials.canary >= limits.blockRequests ? close(set) : undefined;
}

/** Closes a block that stayed open for longer than the window. */
export function closeStaleBlock(set: RiskSet, nowMs: number, limits: BlockLimits): Block | undefined {
  const { trials } = set.open;
  if (trials.baseline + trials.canary === 0 || nowMs - set.openedAtMs < limits.windowMs) return undefined;
  return close(set);
}

/** Estimated ratio of the rates, canary / baseline; `undefined` while the baseline showed nothing to divide by. */
export function estimateRatio(set: RiskSet): number | undefined {
  return set.ratio.below === 0 ? undefined : set.ratio.above / set.ratio.below;
}

/** Chance that a trial goes bad, both arms together; begins at 1 in 20 and is never 0. */
export function pooledRate(set: RiskSet): number {
  return (set.bad.baseline + set.bad.canary + 1) / (set.trials.baseline + set.trials.canary + 20);
}

function close(set: RiskSet): Block {
  const { weight, trials, bad } = set.open;
  const size = trials.baseline + trials.canary;
  set.ratio.above += (bad.canary * trials.baseline) / size;
  set.ratio.below += (bad.baseline * trials.canary) / size;
  const block: Block = {
    canaryBad: bad.canary,
    baselineBad: bad.baseline,
    canaryTrials: trials.canary,
    baselineTrials: trials.baseline,
    share: trials.canary / size,
    weightedShare: weight.canary / (weight.baseline + weight.canary),
  };
  for (const sums of [weight, trials, bad]) {
    sums.baseline = 0;
    sums.canary = 0;
  }
  return block;
}

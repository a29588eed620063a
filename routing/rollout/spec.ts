/**
 * What an experiment is about, and every number that it decides by.
 *
 * A canary of a model and a staged push of a configuration are the same experiment with another subject.
 * Plain JSON, fixed when the experiment starts: a later push of the routing file does not move a running experiment's goal.
 */
import type { Canary, ModelId, RouteName } from "../config/snapshot.ts";
import type { StickTo } from "./assign.ts";

/** What differs between the arms. */
export type Subject =
  | { readonly kind: "model"; readonly route: RouteName; readonly baseline: ModelId; readonly candidate: ModelId }
  /** Two snapshot versions; every model of a snapshot stands for its arm. */
  | { readonly kind: "config"; readonly baseline: string; readonly candidate: string };

/**
 * What can go wrong with one request. The first three roll back; `unserved` (the arm's model had no room, so another one served)
 * only stands in the way of promotion: being full is not being bad, but a candidate that is always full has proved nothing.
 */
export const METRICS = ["errors", "sloMisses", "checks", "unserved"] as const;
export type Metric = (typeof METRICS)[number];
/** Metrics that may roll back. */
export const GUARDED = ["errors", "sloMisses", "checks"] as const satisfies readonly Metric[];

export interface ExperimentSpec {
  readonly name: string;
  readonly subject: Subject;
  /** Shares of the canary in order, each in (0, 1]. */
  readonly ramp: readonly number[];
  readonly stickTo: StickTo;
  readonly salt: string;
  /** `observe` decides and writes down, and changes nothing. */
  readonly mode: "observe" | "enforce";
  /** Ratio of bad-event rates (canary / baseline, > 1) that promotion must show to be out of reach. */
  readonly margins: Readonly<Record<Metric, number>>;
  /** Analysed canary requests before a step may end. */
  readonly minRequests: number;
  /** Hours before a step may end. */
  readonly minHours: number;
  /** Share of previews copied to the candidate, 0…1. */
  readonly shadowShare: number;
}

/** Numbers that no owner needs to choose. Tests and simulations may. */
export interface ExperimentLimits {
  /** Chance of a false rollback over the whole life of the experiment (control.md §6: .01). */
  readonly rollbackAlpha: number;
  /** Chance of promoting at the margin (control.md §6: .05). */
  readonly promoteAlpha: number;
  /** Chance of a false sample-ratio alarm (control.md §6: .001). */
  readonly sampleRatioAlpha: number;
  /** Pseudo-units behind the expected split (control.md §6: 100). */
  readonly sampleRatioStrength: number;
  /** One bad event a unit, a metric and this span, ms (control.md §6: 10 min). */
  readonly windowMs: number;
  /** Not counted after the start: cold caches, autoscaling, ms (control.md §6: 10 min). */
  readonly warmupMs: number;
  /** Requests of one comparison block (`risk-set.ts`): 1 in 30 of the information is lost inside blocks, and a decision waits half a block. */
  readonly blockRequests: number;
  /** A canary whose rate is surely below this needs no ratio, 0…1: with no bad event some 2,700 requests show it. */
  readonly negligibleRate: number;
  /** A step does not widen while the evidence for a rollback stands above this e-value: the geometric middle between none and α = .01. */
  readonly cautionE: number;
  /** GPU time that shadows may cost a UTC day, ms. One GPU-hour: two thousand previews of 1.8 s. */
  readonly shadowGpuMsPerDay: number;
  /** Units whose history is held; the longest unseen is forgotten first. */
  readonly maxUnits: number;
  /** Batch ids remembered to drop repeats. */
  readonly maxBatches: number;
}

export const EXPERIMENT_LIMITS: ExperimentLimits = {
  rollbackAlpha: 0.01,
  promoteAlpha: 0.05,
  sampleRatioAlpha: 0.001,
  sampleRatioStrength: 100,
  windowMs: 600_000,
  warmupMs: 600_000,
  blockRequests: 30,
  negligibleRate: 0.002,
  cautionE: 10,
  shadowGpuMsPerDay: 3_600_000,
  maxUnits: 5_000,
  maxBatches: 2_000,
};

/** The experiment of a canary in the routing file. `baseline` is the route's own model. */
export function toExperimentSpec(canary: Canary, baseline: ModelId): ExperimentSpec {
  const { errors, sloMisses } = canary.guard;
  return {
    name: canary.name,
    subject: { kind: "model", route: canary.route, baseline, candidate: canary.candidate },
    ramp: canary.ramp,
    stickTo: canary.stickTo,
    salt: canary.salt,
    mode: canary.mode,
    margins: { errors, sloMisses, checks: errors, unserved: sloMisses },
    minRequests: canary.minRequests,
    minHours: canary.minHours,
    shadowShare: canary.shadow,
  };
}

export interface ConfigRollout {
  /** Snapshot versions. */
  readonly baseline: string;
  readonly candidate: string;
  readonly ramp: readonly number[];
  readonly stickTo: StickTo;
  readonly mode: ExperimentSpec["mode"];
  readonly guard: Canary["guard"];
  readonly minRequests: number;
  readonly minHours: number;
}

/** The experiment of a staged push. Its name and salt come from the versions, so that two pushes never share their arms. */
export function toRolloutSpec(rollout: ConfigRollout): ExperimentSpec {
  const { baseline, candidate, ramp, stickTo, mode, minRequests, minHours } = rollout;
  const { errors, sloMisses } = rollout.guard;
  return {
    name: `config-${candidate}`,
    subject: { kind: "config", baseline, candidate },
    ramp,
    stickTo,
    salt: `${baseline}-${candidate}`,
    mode,
    margins: { errors, sloMisses, checks: errors, unserved: sloMisses },
    minRequests,
    minHours,
    shadowShare: 0,
  };
}

/** The model that stands for an arm; `undefined`: any model of that arm's snapshot does. */
export function modelOf(subject: Subject, arm: "baseline" | "canary"): ModelId | undefined {
  if (subject.kind === "config") return undefined;
  return arm === "canary" ? subject.candidate : subject.baseline;
}

/**
 * The surface of `rollout`: sticky assignment for the router, the experiment machine for its Durable Object, shadows for both.
 */
export { type Arm, type AssignAsk, type Assignment, assign, assignRoute, chooseUnit, unitKey } from "./assign.ts";
export { describeEntry, type LogEntry, type LogKind, type Numbers } from "./decision-log.ts";
export {
  type CommandResult,
  createExperiment,
  type Experiment,
  type ExperimentStart,
  type ExperimentStatus,
  type OutcomeBatch,
  type PersonCommand,
  restoreExperiment,
} from "./experiment.ts";
export type { ExperimentCheckpoint } from "./experiment-state.ts";
export { murmur3 } from "./murmur.ts";
export type { CheckOutcome, Outcome, OutcomeAttempt, RequestOutcome } from "./outcome.ts";
export type { RampCommand } from "./ramp.ts";
export { createRollbackTest, recordRollbackBlock, rollbackLogE } from "./rollback-test.ts";
export {
  chooseRouteArms,
  type LiveExperiment,
  type LiveStage,
  type RecordedArm,
  type RouteArms,
  type RouteArmsAsk,
} from "./route-arms.ts";
export {
  chooseShadow,
  type ShadowAsk,
  type ShadowChoice,
  type ShadowCopy,
  type ShadowPair,
  type ShadowRun,
  type ShadowSide,
  type ShadowSpent,
  toShadowSide,
} from "./shadow.ts";
export {
  type ConfigRollout,
  EXPERIMENT_LIMITS,
  type ExperimentLimits,
  type ExperimentSpec,
  METRICS as METRIC_NAMES,
  type Metric,
  type Subject,
  toExperimentSpec,
  toRolloutSpec,
} from "./spec.ts";

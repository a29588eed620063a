/**
 * Everything an experiment remembers, and its way to JSON and back.
 *
 * Mutable, owned by one experiment. All of it is plain JSON but the unit table, which is packed into rows.
 */
import type { Arm } from "./assign.ts";
import type { LogEntry } from "./decision-log.ts";
import { type ArmEvidence, createArmEvidence, emptyTallies } from "./evidence.ts";
import {
  createEvidenceTests,
  type EvidenceContext,
  type EvidenceTests,
  restartPromotionTests,
  startRollbackProcesses,
} from "./evidence-tests.ts";
import type { Ramp } from "./ramp.ts";
import { createSampleRatio, type SampleRatio, startSampleRatioEpoch } from "./sample-ratio.ts";
import { createShadowLedger, type ShadowLedger, type ShadowSpent } from "./shadow.ts";
import type { ExperimentLimits, ExperimentSpec } from "./spec.ts";
import { createUnitTable, packUnits, unpackUnits } from "./unit-table.ts";

/** Schema of the stored JSON; an unknown one is not read. */
export const CHECKPOINT_SCHEMA = 1;

export interface ExperimentState {
  readonly startedAtMs: number;
  ramp: Ramp;
  readonly arms: Record<Arm, ArmEvidence>;
  /** Of the present step alone. */
  step: { canaryRequests: number; readonly tallies: Record<Arm, ArmEvidence["metrics"]> };
  readonly tests: EvidenceTests;
  readonly sampleRatio: SampleRatio;
  readonly shadow: ShadowLedger;
  /** When fresh rollback processes were last begun, epoch ms. */
  rollbackStartedAtMs: number;
  /** What an observing experiment has written down already: each finding once a step. */
  readonly observed: string[];
  readonly log: LogEntry[];
  /** Ids of the latest batches, oldest first. */
  readonly batches: string[];
}

export interface ExperimentCheckpoint {
  readonly schema: typeof CHECKPOINT_SCHEMA;
  readonly spec: ExperimentSpec;
  readonly limits: ExperimentLimits;
  readonly state: ExperimentState;
  /** Absent where every request is a unit of its own. */
  readonly units?: readonly (readonly number[])[];
}

export function createState(startedAtMs: number, shadowSpent?: ShadowSpent): ExperimentState {
  return {
    startedAtMs,
    ramp: { phase: "running", step: 0, stepStartedAtMs: startedAtMs },
    arms: { baseline: createArmEvidence(), canary: createArmEvidence() },
    step: freshStep(),
    tests: createEvidenceTests(),
    sampleRatio: createSampleRatio(),
    shadow: createShadowLedger(shadowSpent),
    rollbackStartedAtMs: startedAtMs,
    observed: [],
    log: [],
    batches: [],
  };
}

/** The evidence of a step begins: the share changed, or the former evidence is in doubt. The rollback processes run on beside fresh ones. */
export function beginStep(state: ExperimentState, nowMs: number): void {
  state.step = freshStep();
  restartPromotionTests(state.tests);
  startRollbackProcesses(state.tests);
  state.rollbackStartedAtMs = nowMs;
  startSampleRatioEpoch(state.sampleRatio);
}

/** What the tests need beside their state. */
export function createContext(spec: ExperimentSpec, limits: ExperimentLimits): EvidenceContext {
  return { spec, limits, units: spec.stickTo === "request" ? undefined : createUnitTable() };
}

/** A copy as plain JSON. */
export function toCheckpoint(state: ExperimentState, { spec, limits, units }: EvidenceContext): ExperimentCheckpoint {
  return {
    schema: CHECKPOINT_SCHEMA,
    spec,
    limits,
    state: structuredClone(state),
    ...(units === undefined ? {} : { units: packUnits(units) }),
  };
}

/** State and context of a checkpoint, which is copied. */
export function fromCheckpoint(checkpoint: ExperimentCheckpoint): {
  readonly state: ExperimentState;
  readonly context: EvidenceContext;
} {
  const { spec, limits, state: stored, units } = structuredClone(checkpoint);
  // Checkpoints of the former release know less of shadows.
  const state = { ...stored, shadow: { ...createShadowLedger(), ...stored.shadow } };
  return { state, context: { spec, limits, units: units === undefined ? undefined : unpackUnits(units) } };
}

function freshStep(): ExperimentState["step"] {
  return { canaryRequests: 0, tallies: { baseline: emptyTallies(), canary: emptyTallies() } };
}

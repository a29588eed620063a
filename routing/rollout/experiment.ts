/**
 * An experiment as a machine: outcomes in, decisions out, the share in force at any time.
 *
 * Holds the evidence, tests, ramp and log of one canary or one staged push. Time is passed in; the owner (a Durable Object) stores
 * `checkpoint()` and carries out what `decide` returns. Batches and decisions are idempotent. Fails safe: doubt holds the ramp, and the
 * way back is always open.
 */
import type { LogEntry, LogKind, Numbers } from "./decision-log.ts";
import { plainRatio } from "./evidence.ts";
import { closeStaleBlocks, startRollbackProcesses, unprovenMetrics, worseLogE } from "./evidence-tests.ts";
import {
  beginStep,
  CHECKPOINT_SCHEMA,
  createContext,
  createState,
  type ExperimentCheckpoint,
  type ExperimentState,
  fromCheckpoint,
  toCheckpoint,
} from "./experiment-state.ts";
import { recordOutcome } from "./intake.ts";
import type { Outcome } from "./outcome.ts";
import {
  applyCommand,
  applyDecision,
  type Decision,
  decideRamp,
  type Findings,
  type HoldReason,
  isEnded,
  type Phase,
  type Ramp,
  type RampCommand,
  shareOf,
} from "./ramp.ts";
import { toNumbers } from "./report.ts";
import { isSampleRatioOff } from "./sample-ratio.ts";
import { claimShadow, recordShadowCopy, type ShadowCopy, type ShadowSpent, shadowRemainingMs } from "./shadow.ts";
import { signLogE } from "./sign-test.ts";
import { EXPERIMENT_LIMITS, type ExperimentLimits, type ExperimentSpec, METRICS, type Metric } from "./spec.ts";

const DAY_MS = 86_400_000;

/** Outcomes that travel together; sent again with the same id after a lost answer. */
export interface OutcomeBatch {
  /** Unique a batch: a random id, or sender and sequence number. */
  readonly id: string;
  readonly outcomes: readonly Outcome[];
  readonly shadows?: readonly ShadowCopy[];
}

/** A person's word. */
export interface PersonCommand {
  readonly command: RampCommand;
  readonly person: string;
  readonly note?: string;
}

export type CommandResult =
  /** `entry` is absent when it was so already. */
  | { readonly ok: true; readonly entry?: LogEntry }
  | { readonly ok: false; readonly why: "ended" | "not-running" | "last-step"; readonly phase: Phase };

export interface ExperimentStatus {
  readonly spec: ExperimentSpec;
  readonly startedAtMs: number;
  readonly phase: Phase;
  /** Of the canary, in force, 0…1. */
  readonly share: number;
  /** What the next step waits for; `undefined`: `decide` would act now. */
  readonly waitsFor: HoldReason | undefined;
  /** Metrics that are not yet shown to be within their margin. */
  readonly unproven: readonly Metric[];
  readonly numbers: Numbers;
}

export interface Experiment {
  readonly spec: ExperimentSpec;
  /** Takes a batch in; one that was taken before changes nothing. */
  record(batch: OutcomeBatch): "recorded" | "repeated";
  /** Decides at `nowMs` and writes it down: what is new, oldest first; nothing most of the time. Entries with `acted` are to be carried out. */
  decide(nowMs: number): readonly LogEntry[];
  command(word: PersonCommand, nowMs: number): CommandResult;
  /** Of the canary, for assignment, 0…1. */
  shareNow(): number;
  phaseNow(): Phase;
  /** For `chooseShadow`. */
  shadowNow(nowMs: number): { readonly share: number; readonly remainingGpuMs: number };
  /** Sets GPU time aside for one copy, ms; `false` where there is none left today, or nothing is to be copied. */
  claimShadow(gpuMs: number, nowMs: number): boolean;
  /** What shadows have cost on their day, to be written down with each claim. */
  shadowSpent(): ShadowSpent;
  status(nowMs: number): ExperimentStatus;
  /** All decisions, oldest first. */
  log(): readonly LogEntry[];
  /** A copy of everything as JSON, for `restoreExperiment`. */
  checkpoint(): ExperimentCheckpoint;
}

export interface ExperimentStart {
  /** Epoch ms; evidence counts from here plus the warm-up. */
  readonly startedAtMs: number;
  readonly limits?: Partial<ExperimentLimits>;
  /** Who started it. */
  readonly person?: string;
  /** What former runs' shadows cost today: a day has one cap. */
  readonly shadowSpent?: ShadowSpent;
}

/** Begins an experiment at the first share of its ramp. */
export function createExperiment(spec: ExperimentSpec, start: ExperimentStart): Experiment {
  const context = createContext(spec, { ...EXPERIMENT_LIMITS, ...start.limits });
  const state = createState(start.startedAtMs, start.shadowSpent);
  const { machine, write } = createMachine(state, context);
  const atMs = start.startedAtMs;
  write({ kind: "started", acted: true, atMs, person: start.person }, toNumbers(state, context, atMs));
  return machine;
}

/** Goes on from a checkpoint; `undefined` when its schema is not known here. */
export function restoreExperiment(checkpoint: ExperimentCheckpoint): Experiment | undefined {
  if (checkpoint.schema !== CHECKPOINT_SCHEMA) return undefined;
  const { state, context } = fromCheckpoint(checkpoint);
  return createMachine(state, context).machine;
}

interface Writing {
  readonly kind: LogKind;
  readonly acted: boolean;
  readonly atMs: number;
  readonly person: string | undefined;
  readonly note?: string | undefined;
}

interface Judgement {
  readonly worse: boolean;
  readonly suspicious: boolean;
  readonly shadowWorse: boolean;
  readonly unproven: readonly Metric[];
}

const LOG_KINDS: Readonly<Record<Exclude<Decision["kind"], "hold">, LogKind>> = {
  "roll-back": "rolled-back",
  freeze: "frozen",
  widen: "widened",
  promote: "promoted",
};

const COMMAND_KINDS: Readonly<Record<RampCommand, LogKind>> = {
  pause: "paused",
  resume: "resumed",
  widen: "widened",
  promote: "promoted",
  abort: "aborted",
};

function createMachine(state: ExperimentState, context: ReturnType<typeof createContext>) {
  const { spec, limits } = context;
  const batches = new Set(state.batches);
  /** Kept until the e-values move: `decide` is called far more often than they do. */
  let judged: Judgement | undefined;

  const judge = (): Judgement => {
    judged ??= judgeEvidence(state, context);
    return judged;
  };

  const findingsOf = (): Findings => ({
    ...judge(),
    splitOff: isSampleRatioOff(state.sampleRatio, limits.sampleRatioAlpha),
    // A step that serves nobody is judged by its shadows.
    stepRequests: shareOf(state.ramp, spec) === 0 ? state.shadow.pairs : state.step.canaryRequests,
  });

  const write = ({ kind, acted, atMs, person, note }: Writing, numbers: Numbers): LogEntry => {
    const entry: LogEntry = {
      seq: state.log.length + 1,
      atMs,
      kind,
      ...(person === undefined ? {} : { person }),
      ...(note === undefined ? {} : { note }),
      acted,
      phase: state.ramp.phase,
      share: shareOf(state.ramp, spec),
      numbers,
    };
    state.log.push(entry);
    return entry;
  };

  /** An entry carries the numbers that led to it, and the share that follows from it. */
  const moveTo = (ramp: Ramp, writing: Writing): LogEntry => {
    const isNewStep = ramp.step !== state.ramp.step || ramp.stepStartedAtMs !== state.ramp.stepStartedAtMs;
    const numbers = toNumbers(state, context, writing.atMs);
    state.ramp = ramp;
    const entry = write(writing, numbers);
    if (isNewStep) beginStep(state, writing.atMs);
    judged = undefined;
    return entry;
  };

  const refresh = (nowMs: number): void => {
    if (closeStaleBlocks(state.tests, nowMs, context)) judged = undefined;
    if (nowMs - state.rollbackStartedAtMs < DAY_MS) return;
    startRollbackProcesses(state.tests);
    state.rollbackStartedAtMs = nowMs;
    judged = undefined;
  };

  const machine: Experiment = {
    spec,
    record(batch) {
      if (batches.has(batch.id)) return "repeated";
      batches.add(batch.id);
      state.batches.push(batch.id);
      if (state.batches.length > limits.maxBatches) batches.delete(state.batches.shift()!);
      for (const outcome of batch.outcomes) if (recordOutcome(state, outcome, context)) judged = undefined;
      for (const copy of batch.shadows ?? []) recordShadowCopy(state.shadow, copy);
      if (batch.shadows !== undefined) judged = undefined;
      return "recorded";
    },
    decide(nowMs) {
      if (isEnded(state.ramp.phase)) return [];
      refresh(nowMs);
      const decision = decideRamp(state.ramp, spec, findingsOf(), nowMs);
      if (decision.kind === "hold") return [];
      const kind = LOG_KINDS[decision.kind];
      if (spec.mode === "enforce") {
        const ramp = applyDecision(state.ramp, decision, nowMs);
        return [moveTo(ramp, { kind, acted: true, atMs: nowMs, person: undefined })];
      }
      const key = `${kind}@${state.ramp.step}`;
      if (state.observed.includes(key)) return [];
      state.observed.push(key);
      return [write({ kind, acted: false, atMs: nowMs, person: undefined }, toNumbers(state, context, nowMs))];
    },
    command({ command, person, note }, nowMs) {
      const ramp = applyCommand(state.ramp, command, spec, nowMs);
      if (ramp === state.ramp) return { ok: true };
      const { phase } = state.ramp;
      if (ramp === undefined) {
        const why = isEnded(phase) ? "ended" : phase === "running" ? "last-step" : "not-running";
        return { ok: false, why, phase };
      }
      return {
        ok: true,
        entry: moveTo(ramp, { kind: COMMAND_KINDS[command], acted: true, atMs: nowMs, person, note }),
      };
    },
    shareNow: () => shareOf(state.ramp, spec),
    phaseNow: () => state.ramp.phase,
    shadowNow: (nowMs) => ({
      share: state.ramp.phase === "running" ? spec.shadowShare : 0,
      remainingGpuMs: shadowRemainingMs(state.shadow, limits.shadowGpuMsPerDay, nowMs),
    }),
    claimShadow: (gpuMs, nowMs) =>
      state.ramp.phase === "running" &&
      spec.shadowShare > 0 &&
      claimShadow(state.shadow, { gpuMs, capMs: limits.shadowGpuMsPerDay, nowMs }),
    shadowSpent: () => ({ day: state.shadow.day, spentMs: state.shadow.spentMs }),
    status(nowMs) {
      const decision = decideRamp(state.ramp, spec, findingsOf(), nowMs);
      return {
        spec,
        startedAtMs: state.startedAtMs,
        phase: state.ramp.phase,
        share: shareOf(state.ramp, spec),
        waitsFor: decision.kind === "hold" ? decision.why : undefined,
        unproven: judge().unproven,
        numbers: toNumbers(state, context, nowMs),
      };
    },
    log: () => state.log,
    checkpoint: () => toCheckpoint(state, context),
  };
  return { machine, write };
}

function judgeEvidence(state: ExperimentState, { spec, limits }: ReturnType<typeof createContext>): Judgement {
  const logE = worseLogE(state.tests);
  const shadowLogE = Math.max(signLogE(state.shadow.failures), signLogE(state.shadow.checks));
  const proven = new Set<Metric>(METRICS);
  for (const metric of unprovenMetrics(state.tests, limits)) proven.delete(metric);
  // Proof in the blocks and yet a plain rate at or above the margin: the units are too unlike one another to trust the proof.
  for (const metric of METRICS) {
    const { trials, bad } = state.step.tallies.canary[metric];
    const isNegligible = bad <= trials * limits.negligibleRate;
    if (!isNegligible && plainRatio(state.step.tallies, metric) >= spec.margins[metric]) proven.delete(metric);
  }
  return {
    worse: logE >= Math.log(1 / limits.rollbackAlpha),
    suspicious: logE >= Math.log(limits.cautionE),
    // Two tests share the α.
    shadowWorse: shadowLogE >= Math.log(2 / limits.rollbackAlpha),
    unproven: METRICS.filter((metric) => !proven.has(metric)),
  };
}

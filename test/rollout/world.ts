/**
 * Outcomes and experiments for tests: sound by default, each test changes what it is about.
 */
import { type Arm, assign, unitKey } from "../../routing/rollout/assign.ts";
import { createExperiment, type Experiment } from "../../routing/rollout/experiment.ts";
import type { OutcomeAttempt, RequestOutcome } from "../../routing/rollout/outcome.ts";
import type { ExperimentLimits, ExperimentSpec } from "../../routing/rollout/spec.ts";

export const START_MS = Date.UTC(2026, 0, 5, 8);
export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;

export const SPEC: ExperimentSpec = {
  name: "sd35-next",
  subject: { kind: "model", route: "preview", baseline: "sd35-medium", candidate: "sd35-next" },
  ramp: [0.01, 0.05, 0.15, 0.3],
  stickTo: "request",
  salt: "sd35-next",
  mode: "enforce",
  margins: { errors: 1.5, sloMisses: 1.5, checks: 1.5, unserved: 1.5 },
  minRequests: 500,
  minHours: 24,
  shadowShare: 0.02,
};

export function anExperiment(spec: Partial<ExperimentSpec> = {}, limits: Partial<ExperimentLimits> = {}): Experiment {
  return createExperiment(
    { ...SPEC, ...spec },
    { startedAtMs: START_MS, limits: { warmupMs: 0, ...limits }, person: "ada" },
  );
}

export const ok = (model: string): OutcomeAttempt => ({ model, outcome: "ok" });

export const broken = (model: string): OutcomeAttempt => ({
  model,
  outcome: "upstream_error",
  failure: { reason: "upstream_error", status: 500 },
});

export function anOutcome(change: Partial<RequestOutcome> = {}): RequestOutcome {
  const arm: Arm = change.arm ?? "canary";
  const model = arm === "canary" ? "sd35-next" : "sd35-medium";
  return {
    kind: "request",
    atMs: START_MS,
    arm,
    share: 0.3,
    unit: 7,
    elapsedMs: 1_500,
    sloMs: 4_000,
    costUsd: 0.01,
    delivered: true,
    servedBy: model,
    attempts: [ok(model)],
    checks: "passed",
    ...change,
  };
}

/** A failed first attempt that another model made good. */
export function aFailure(change: Partial<RequestOutcome> = {}): RequestOutcome {
  const model = change.arm === "baseline" ? "sd35-medium" : "sd35-next";
  return anOutcome({ servedBy: "flux-fast", attempts: [broken(model), ok("flux-fast")], ...change });
}

/** Mulberry32. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface Load {
  readonly fromMs: number;
  readonly requests: number;
  /** Between two requests, ms. */
  readonly everyMs: number;
  /** Chance of an error, by arm. */
  readonly errors: Readonly<Record<Arm, number>>;
  readonly seed?: number;
  /** One outcome to a batch with a decision after it; by default 100. */
  readonly batch?: number;
  /** Arm of a unit, where assignment itself is broken. */
  readonly armOf?: (unit: string, share: number) => Arm;
}

/** Sends requests through assignment into the experiment, deciding after each batch; comes back with the time after the last one. */
export function send(experiment: Experiment, load: Load): number {
  const random = seeded(load.seed ?? 1);
  const { name, salt, stickTo } = experiment.spec;
  const batch = load.batch ?? 100;
  let outcomes: RequestOutcome[] = [];
  let atMs = load.fromMs;
  for (let at = 0; at < load.requests; at++) {
    atMs = load.fromMs + at * load.everyMs;
    const unit = `${stickTo}-${load.fromMs}-${at}`;
    const share = experiment.shareNow();
    const arm = load.armOf?.(unit, share) ?? assign({ experiment: name, salt, unit, share }).arm;
    const change = { atMs, arm, share, unit: unitKey(name, unit) };
    outcomes.push(random() < load.errors[arm] ? aFailure(change) : anOutcome(change));
    if (outcomes.length === batch || at === load.requests - 1) {
      experiment.record({ id: `${load.fromMs}-${at}`, outcomes });
      experiment.decide(atMs);
      outcomes = [];
    }
  }
  return atMs;
}

/**
 * One experiment from start to end, in virtual time, through the very code that decides in production: hash, evidence, tests, ramp.
 *
 * After every single outcome it is asked to decide, which is the hardest peeking there is.
 */
import {
  assign,
  chooseUnit,
  createExperiment,
  type ExperimentLimits,
  type ExperimentSpec,
  type LogKind,
  type Metric,
  type RequestOutcome,
  unitKey,
} from "../../../routing/index.ts";
import { createRandom } from "./chance.ts";
import { createTraffic, TRAFFIC, type TrafficShape } from "./traffic.ts";

/** Chance that a request of the baseline goes bad, by metric. High, so that a run holds many events; the tests do not depend on it. */
export const BASE_RATES: Readonly<Record<Metric, number>> = {
  errors: 0.04,
  sloMisses: 0.06,
  checks: 0.02,
  unserved: 0.02,
};

export interface TrialOptions {
  readonly seed: number;
  readonly traffic?: TrafficShape;
  /** Rate ratio of the canary, by metric; 1 where absent. */
  readonly ratios?: Partial<Record<Metric, number>>;
  readonly maxRequests: number;
  readonly spec?: Partial<ExperimentSpec>;
  readonly limits?: Partial<ExperimentLimits>;
}

export interface TrialResult {
  /** How the experiment ended; `undefined`: it did not. */
  readonly ending: LogKind | undefined;
  readonly requests: number;
  /** Bad events of the errors metric that were counted, both arms. */
  readonly badEvents: number;
  /** Virtual time, ms. */
  readonly elapsedMs: number;
}

const SLO_MS = 4_000;

/** 30 % at once, errors against a margin of 1.5; nothing but evidence ends it. */
const SPEC: ExperimentSpec = {
  name: "simulated",
  subject: { kind: "model", route: "preview", baseline: "base", candidate: "next" },
  ramp: [0.3],
  stickTo: "session",
  salt: "simulated",
  mode: "enforce",
  margins: { errors: 1.5, sloMisses: 1.5, checks: 1.5, unserved: 1.5 },
  minRequests: 500,
  minHours: 0,
  shadowShare: 0,
};

/** Runs one experiment until it ends or its requests are used up. */
export function runTrial(options: TrialOptions): TrialResult {
  const random = createRandom(options.seed);
  const shape = options.traffic ?? TRAFFIC.steady;
  const traffic = createTraffic(shape, random);
  // Users are numbered alike in every run, so the seed goes into the salt: another draw of the arms.
  const spec = { ...SPEC, stickTo: shape.stickTo, salt: `seed-${options.seed}`, ...options.spec };
  const experiment = createExperiment(spec, {
    startedAtMs: 0,
    limits: { warmupMs: 0, maxBatches: 1, ...options.limits },
  });
  const isBad = (metric: Metric, factor: number) => random() < BASE_RATES[metric] * factor;

  const toOutcome = (): RequestOutcome => {
    const { atMs, user, rate, dragged } = traffic.next();
    const id = `user-${user.id}`;
    const unit = chooseUnit(shape.stickTo, { tenant: "studio", session: id, requestId: id });
    const share = experiment.shareNow();
    const { arm } = assign({ experiment: spec.name, salt: spec.salt, unit, share });
    const factorOf = (metric: Metric) => rate * (arm === "canary" ? (options.ratios?.[metric] ?? 1) : 1);
    const model = arm === "canary" ? "next" : "base";
    const failed = dragged || isBad("errors", factorOf("errors"));
    user.failed = failed;
    const isTurnedAway = !failed && isBad("unserved", factorOf("unserved"));
    const isLate = isBad("sloMisses", factorOf("sloMisses"));
    const isUgly = isBad("checks", factorOf("checks"));
    const saved = { model: "fast", outcome: "ok" } as const;
    const first = failed
      ? ({ model, outcome: "upstream_error", failure: { reason: "upstream_error", status: 500 } } as const)
      : ({ model, outcome: isTurnedAway ? "overloaded" : "ok" } as const);
    return {
      kind: "request",
      atMs,
      arm,
      share,
      ...(unit === undefined ? {} : { unit: unitKey(spec.name, unit) }),
      elapsedMs: isLate ? 2 * SLO_MS : 0.5 * SLO_MS,
      sloMs: SLO_MS,
      costUsd: 0.01,
      delivered: true,
      servedBy: first.outcome === "ok" ? model : "fast",
      attempts: first.outcome === "ok" ? [first] : [first, saved],
      checks: isUgly ? "failed" : "passed",
    };
  };

  let requests = 0;
  let ending: LogKind | undefined;
  let elapsedMs = 0;
  while (requests < options.maxRequests && ending === undefined) {
    const outcome = toOutcome();
    requests += 1;
    elapsedMs = outcome.atMs;
    experiment.record({ id: `${requests}`, outcomes: [outcome] });
    ending = experiment.decide(elapsedMs).at(-1)?.kind;
  }
  const { bad } = experiment.status(elapsedMs).numbers.metrics.errors;
  return { ending, requests, badEvents: bad.baseline + bad.canary, elapsedMs };
}

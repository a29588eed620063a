/**
 * Counts and sums of an experiment for people: who was counted, who was left out and why, cost, latency, and who really served.
 *
 * By the assigned arm first (intention to treat), by served model as a second view. Nothing is decided from these numbers, except that a
 * step needs enough requests and that the canary's plain rate must look no worse than the margin before it is promoted.
 */
import type { Arm } from "./assign.ts";
import {
  createLatencyHistogram,
  type LatencyHistogram,
  latencyQuantileMs,
  recordLatency,
} from "./latency-histogram.ts";
import type { RequestOutcome, Verdict } from "./outcome.ts";
import { createMoments, type Moments, recordMoment } from "./sequence.ts";
import { METRICS, type Metric } from "./spec.ts";

/** Why an outcome is left out, in both arms by the same rule. */
export type Exclusion = "no-unit" | "forced" | "warm-up" | "other-share" | "says-nothing" | "unserved" | "ended";

interface Tally {
  trials: number;
  bad: number;
}

interface ServedTally {
  requests: number;
  late: number;
  costUsd: number;
}

/** JSON state, mutable. */
export interface ArmEvidence {
  requests: number;
  delivered: number;
  readonly excluded: Partial<Record<Exclusion, number>>;
  /** Every request that could go bad, and every one that did: plain, without the one-a-window rule. */
  readonly metrics: Record<Metric, Tally>;
  /** USD a request. */
  readonly cost: Moments;
  /** log of ms, delivered requests. */
  readonly logLatency: Moments;
  /** Delivered requests. */
  readonly latency: LatencyHistogram;
  /** By the model whose picture it was; `none` where there was none. */
  readonly served: Record<string, ServedTally>;
}

/** Models listed by name; the rest goes to `other`. */
const MAX_SERVED = 16;

export function createArmEvidence(): ArmEvidence {
  return {
    requests: 0,
    delivered: 0,
    excluded: {},
    metrics: emptyTallies(),
    cost: createMoments(),
    logLatency: createMoments(),
    latency: createLatencyHistogram(),
    served: {},
  };
}

export function emptyTallies(): Record<Metric, Tally> {
  const tally = (): Tally => ({ trials: 0, bad: 0 });
  return { errors: tally(), sloMisses: tally(), checks: tally(), unserved: tally() };
}

export function recordExclusion(evidence: ArmEvidence, why: Exclusion): void {
  evidence.excluded[why] = (evidence.excluded[why] ?? 0) + 1;
}

/** Adds a verdict's good and bad to the tallies. */
export function recordVerdict(tallies: Record<Metric, Tally>, verdict: Verdict): void {
  for (const metric of METRICS) {
    const bad = verdict[metric];
    if (bad === undefined) continue;
    tallies[metric].trials += 1;
    if (bad) tallies[metric].bad += 1;
  }
}

/** Records an analysed request. */
export function recordRequest(evidence: ArmEvidence, outcome: RequestOutcome): void {
  evidence.requests += 1;
  recordMoment(evidence.cost, outcome.costUsd);
  if (outcome.delivered) {
    evidence.delivered += 1;
    recordMoment(evidence.logLatency, Math.log(Math.max(1, outcome.elapsedMs)));
    recordLatency(evidence.latency, outcome.elapsedMs);
  }
  const served = servedTally(evidence, outcome.servedBy ?? "none");
  served.requests += 1;
  served.costUsd += outcome.costUsd;
  if (outcome.elapsedMs > outcome.sloMs) served.late += 1;
}

/** The plain rate ratio, canary / baseline, each rate by Laplace's rule, so that a zero divides nothing. */
export function plainRatio(arms: Readonly<Record<Arm, Record<Metric, Tally>>>, metric: Metric): number {
  const rate = ({ trials, bad }: Tally) => (bad + 0.5) / (trials + 1);
  return rate(arms.canary[metric]) / rate(arms.baseline[metric]);
}

/** One arm in figures. */
export interface ArmReport {
  readonly requests: number;
  readonly delivered: number;
  readonly excluded: Readonly<Partial<Record<Exclusion, number>>>;
  /** All requests, USD. */
  readonly costUsd: number;
  /** USD; `undefined` before the first picture. */
  readonly costPerPictureUsd: number | undefined;
  /** Delivered requests, ms; `undefined` while too few. */
  readonly p50Ms: number | undefined;
  readonly p95Ms: number | undefined;
  readonly served: Readonly<Record<string, ServedTally>>;
}

export function toArmReport(evidence: ArmEvidence): ArmReport {
  const costUsd = evidence.cost.mean * evidence.cost.count;
  return {
    requests: evidence.requests,
    delivered: evidence.delivered,
    excluded: { ...evidence.excluded },
    costUsd,
    costPerPictureUsd: evidence.delivered === 0 ? undefined : costUsd / evidence.delivered,
    p50Ms: latencyQuantileMs(evidence.latency, 0.5),
    p95Ms: latencyQuantileMs(evidence.latency, 0.95),
    served: structuredClone(evidence.served),
  };
}

function servedTally(evidence: ArmEvidence, model: string): ServedTally {
  const known = evidence.served[model];
  if (known !== undefined) return known;
  const name = Object.keys(evidence.served).length < MAX_SERVED ? model : "other";
  const tally = evidence.served[name] ?? { requests: 0, late: 0, costUsd: 0 };
  evidence.served[name] = tally;
  return tally;
}

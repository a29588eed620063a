/**
 * What was decided, when, by whom and on which numbers: append-only, and readable by itself years later.
 */
import type { Arm } from "./assign.ts";
import type { ArmReport } from "./evidence.ts";
import type { Phase } from "./ramp.ts";
import type { MeanDifference } from "./sequence.ts";
import type { Metric } from "./spec.ts";

/** One metric in figures. */
export interface MetricReport {
  /** As the tests count: at most one bad event a unit and window. */
  readonly trials: Readonly<Record<Arm, number>>;
  readonly bad: Readonly<Record<Arm, number>>;
  /** Estimated rate ratio, canary / baseline; `undefined` before the baseline showed a bad event. */
  readonly ratio: number | undefined;
  /** e-value for "worse", capped at 10^12; `undefined` for a metric that never rolls back. */
  readonly worseE: number | undefined;
  /** e-value for "within the margin", of the present step. */
  readonly withinMarginE: number;
  readonly margin: number;
}

/** Everything that a decision rests on. Plain JSON. */
export interface Numbers {
  readonly share: number;
  readonly step: number;
  /** Mean of the guarded metrics' e-values, and what it must reach to roll back. */
  readonly worseE: number;
  readonly worseBar: number;
  /** What each metric's `withinMarginE` must reach to promote. */
  readonly withinMarginBar: number;
  readonly metrics: Readonly<Record<Metric, MetricReport>>;
  readonly sampleRatio: {
    readonly units: Readonly<Record<Arm, number>>;
    /** Bayes factor of the present epoch and what it must reach to freeze. */
    readonly factor: number;
    readonly bar: number;
  };
  readonly stepHours: number;
  readonly stepRequests: number;
  readonly arms: Readonly<Record<Arm, ArmReport>>;
  /** canary − baseline, USD a request, 95 %; `undefined` while too few. */
  readonly costDifferenceUsd: MeanDifference | undefined;
  /** Geometric mean latency, canary / baseline, 95 %; `undefined` while too few. */
  readonly latencyRatio: MeanDifference | undefined;
  readonly shadow: {
    readonly pairs: number;
    readonly failuresE: number;
    readonly checksE: number;
    readonly slowerE: number;
    /** Of eligible previews, 0…1. */
    readonly share: number;
    /** Copies that found the pool busy, or made room. */
    readonly gaveWay: number;
    /** Pairs in which only the candidate, or only the baseline, was at fault. */
    readonly failures: PairCounts;
    readonly checks: PairCounts;
    /** Geometric mean of service time, candidate / baseline, over pairs, 95 %; `undefined` while too few. */
    readonly latencyRatio: MeanDifference | undefined;
    /** GPU time of the UTC day, ms, and its cap. */
    readonly gpuMs: number;
    readonly gpuCapMs: number;
  };
}

export interface PairCounts {
  readonly worse: number;
  readonly better: number;
}

export type LogKind = "started" | "rolled-back" | "frozen" | "widened" | "promoted" | "paused" | "resumed" | "aborted";

/** One line of the log. `seq` counts from 1 without gaps: the key under which acting on it stays idempotent. */
export interface LogEntry {
  readonly seq: number;
  readonly atMs: number;
  readonly kind: LogKind;
  /** `undefined`: the machine. */
  readonly person?: string;
  readonly note?: string;
  /** `false`: only observed; phase and share stayed. */
  readonly acted: boolean;
  /** After it. */
  readonly phase: Phase;
  /** Of the canary after it, 0…1. */
  readonly share: number;
  readonly numbers: Numbers;
}

const count = (value: number): string => (value >= 1e6 ? value.toExponential(0) : `${Number(value.toPrecision(3))}`);
const percent = (share: number): string => `${Number((share * 100).toFixed(2))} %`;

/** One line of the log as a sentence or two for people. */
export function describeEntry(entry: LogEntry): string {
  const { numbers, person } = entry;
  const what = `${entry.acted ? "" : "would have "}${entry.kind.replace("-", " ")}`;
  const by = person === undefined ? "" : ` by ${person}`;
  const to = `canary at ${percent(entry.share)}`;
  const note = entry.note === undefined ? "" : ` (${entry.note})`;
  return `${what}${by}, ${to}${note}. ${reasonOf(entry.kind, numbers)}`.trim();
}

function reasonOf(kind: LogKind, numbers: Numbers): string {
  const metrics = Object.entries(numbers.metrics);
  if (kind === "rolled-back") {
    const [name, worst] = metrics.reduce((top, next) => ((next[1].worseE ?? 0) > (top[1].worseE ?? 0) ? next : top));
    const { bad, trials } = worst;
    const counts = `${bad.canary} of ${trials.canary} against ${bad.baseline} of ${trials.baseline}`;
    return `${name}: ${counts} in the baseline; evidence ${count(numbers.worseE)}, needed ${count(numbers.worseBar)}.`;
  }
  if (kind === "frozen") {
    const { units, factor, bar } = numbers.sampleRatio;
    const split = `${units.canary} of ${units.canary + units.baseline} units came as canary, planned ${percent(numbers.share)}`;
    return `The split is off: ${split}; evidence ${count(factor)}, needed ${count(bar)}.`;
  }
  if (kind === "promoted" && metrics.length > 0) {
    const shown = metrics.map(([name, { ratio, margin, bad }]) => {
      const none = bad.canary === 0 ? "no bad events" : `${bad.canary} bad, none in the baseline`;
      const estimate = ratio === undefined ? none : `ratio about ${count(ratio)}`;
      return `${name} ${estimate}, margin ${count(margin)}`;
    });
    return `${shown.join("; ")}.`;
  }
  if (kind === "widened")
    return `${numbers.stepRequests} canary requests in ${count(numbers.stepHours)} h without suspicion.`;
  return "";
}

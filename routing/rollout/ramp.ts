/**
 * The ramp: which share the canary has, and what may happen next. 1 → 5 → 15 → 30 % → promoted, or back to 0.
 *
 * A step ends after its least requests and hours without suspicion; the last one ends with proof. A freeze (the split is off) and a
 * pause (a person) hold the share and leave only the way back open. The end of an experiment is final: what follows is a new one.
 */
import type { ExperimentSpec, Metric } from "./spec.ts";

const HOUR_MS = 3_600_000;

export type Phase = "running" | "paused" | "frozen" | "rolled-back" | "aborted" | "promoted";

/** JSON state, replaced as a whole. */
export interface Ramp {
  readonly phase: Phase;
  /** Index into the spec's `ramp`. */
  readonly step: number;
  readonly stepStartedAtMs: number;
}

/** What the evidence says now. */
export interface Findings {
  /** The canary is surely worse. */
  readonly worse: boolean;
  /** Not surely, but enough not to widen. */
  readonly suspicious: boolean;
  /** The split is surely not as planned. */
  readonly splitOff: boolean;
  /** Shadows fail surely more often than their originals. */
  readonly shadowWorse: boolean;
  /** Analysed canary requests of this step. */
  readonly stepRequests: number;
  /** Metrics that still lack the proof of being within their margin. */
  readonly unproven: readonly Metric[];
}

/** Why nothing happens. */
export type HoldReason =
  | "ended"
  | "paused"
  | "frozen"
  | "too-early"
  | "too-few-requests"
  | "suspicious"
  | "shadow-worse"
  | "not-proven";

export type Decision =
  | { readonly kind: "hold"; readonly why: HoldReason }
  | { readonly kind: "roll-back" }
  | { readonly kind: "freeze" }
  | { readonly kind: "widen"; readonly toStep: number }
  | { readonly kind: "promote" };

/** What a person may ask for. `widen` is for experiments that only observe. */
export type RampCommand = "pause" | "resume" | "widen" | "promote" | "abort";

export function isEnded(phase: Phase): boolean {
  return phase === "rolled-back" || phase === "aborted" || phase === "promoted";
}

/** The canary's share, 0…1. */
export function shareOf(ramp: Ramp, spec: ExperimentSpec): number {
  if (ramp.phase === "promoted") return 1;
  return isEnded(ramp.phase) ? 0 : (spec.ramp[ramp.step] ?? 0);
}

/** What should happen now. The way back comes before everything else. */
export function decideRamp(ramp: Ramp, spec: ExperimentSpec, findings: Findings, nowMs: number): Decision {
  if (isEnded(ramp.phase)) return { kind: "hold", why: "ended" };
  if (findings.worse) return { kind: "roll-back" };
  if (ramp.phase === "paused" || ramp.phase === "frozen") return { kind: "hold", why: ramp.phase };
  if (findings.splitOff) return { kind: "freeze" };
  if (findings.suspicious) return { kind: "hold", why: "suspicious" };
  if (findings.shadowWorse) return { kind: "hold", why: "shadow-worse" };
  if (nowMs - ramp.stepStartedAtMs < spec.minHours * HOUR_MS) return { kind: "hold", why: "too-early" };
  if (findings.stepRequests < spec.minRequests) return { kind: "hold", why: "too-few-requests" };
  if (ramp.step < spec.ramp.length - 1) return { kind: "widen", toStep: ramp.step + 1 };
  return findings.unproven.length === 0 ? { kind: "promote" } : { kind: "hold", why: "not-proven" };
}

/** The ramp after a decision. */
export function applyDecision(ramp: Ramp, decision: Decision, nowMs: number): Ramp {
  switch (decision.kind) {
    case "hold":
      return ramp;
    case "roll-back":
      return { ...ramp, phase: "rolled-back" };
    case "freeze":
      return { ...ramp, phase: "frozen" };
    case "widen":
      return { phase: "running", step: decision.toStep, stepStartedAtMs: nowMs };
    case "promote":
      return { ...ramp, phase: "promoted" };
  }
}

/** The ramp after a person's word: the same ramp where it is so already, `undefined` where it cannot be. */
export function applyCommand(ramp: Ramp, command: RampCommand, spec: ExperimentSpec, nowMs: number): Ramp | undefined {
  const { phase } = ramp;
  if (command === "abort") {
    if (phase === "aborted" || phase === "rolled-back") return ramp;
    return { ...ramp, phase: "aborted" };
  }
  if (command === "promote" && phase === "promoted") return ramp;
  if (isEnded(phase)) return undefined;
  switch (command) {
    case "pause":
      return phase === "paused" || phase === "frozen" ? ramp : { ...ramp, phase: "paused" };
    case "resume":
      // After a freeze the step's evidence is doubtful: its clock begins again.
      if (phase === "running") return ramp;
      return { ...ramp, phase: "running", stepStartedAtMs: phase === "frozen" ? nowMs : ramp.stepStartedAtMs };
    case "widen":
      if (phase !== "running" || ramp.step >= spec.ramp.length - 1) return undefined;
      return { ...ramp, step: ramp.step + 1, stepStartedAtMs: nowMs };
    case "promote":
      return { ...ramp, phase: "promoted" };
  }
}

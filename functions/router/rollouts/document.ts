/** A canary as JSON for people's tools: its terms, how it stands, on which numbers, and its decision log. */
import { type Canary, METRIC_NAMES, type Numbers } from "../../../routing/index.ts";
import type { RolloutView } from "../../rollout/rollout-protocol.ts";

/** A canary. Times are ISO 8601, spans ms, shares 0…1. */
export function canaryDocument(canary: Canary, view: RolloutView | undefined): Record<string, unknown> {
  const { name, route, candidate, stickTo } = canary;
  const terms = { name, kind: "model", route, candidate, stick_to: stickTo };
  if (view === undefined) return { ...terms, phase: "not-started", share: 0, ramp: canary.ramp, mode: canary.mode };
  const { subject } = view.status.spec;
  const models = subject.kind === "model" ? { baseline: subject.baseline, candidate: subject.candidate } : {};
  return { ...terms, ...models, ...standing(view) };
}

/** A staged push: versions in place of models, over every route. */
export function pushDocument(view: RolloutView): Record<string, unknown> {
  const { name, subject } = view.status.spec;
  const { baseline, candidate } = subject;
  return { name, kind: "config", route: "every route", candidate, stick_to: "client", baseline, ...standing(view) };
}

function standing({ status, run, log }: RolloutView): Record<string, unknown> {
  const { spec, numbers } = status;
  return {
    run,
    phase: status.phase,
    share: status.share,
    ramp: spec.ramp,
    step: numbers.step,
    mode: spec.mode,
    started_at: new Date(status.startedAtMs).toISOString(),
    waits_for: status.waitsFor ?? null,
    unproven: status.unproven,
    evidence: { worse: numbers.worseE, needed: numbers.worseBar },
    metrics: METRIC_NAMES.map((metric) => metricFacts(metric, numbers)),
    arms: { baseline: armFacts(numbers, "baseline"), canary: armFacts(numbers, "canary") },
    cost_difference_usd: numbers.costDifferenceUsd ?? null,
    latency_ratio: numbers.latencyRatio ?? null,
    sample_ratio: numbers.sampleRatio,
    shadow: shadowFacts(numbers),
    log: log.map(({ seq, atMs, kind, person, note, acted, share, says }) => ({
      seq,
      at: new Date(atMs).toISOString(),
      kind,
      person: person ?? null,
      note: note ?? null,
      acted,
      share,
      says,
    })),
  };
}

function shadowFacts({ shadow }: Numbers) {
  const { share, pairs, gaveWay, failures, checks, latencyRatio, gpuMs, gpuCapMs } = shadow;
  return {
    share,
    pairs,
    gave_way: gaveWay,
    failures: { ...failures, evidence: shadow.failuresE },
    checks: { ...checks, evidence: shadow.checksE },
    latency_ratio: latencyRatio ?? null,
    gpu_s: Math.round(gpuMs) / 1_000,
    gpu_cap_s: gpuCapMs / 1_000,
  };
}

function metricFacts(metric: keyof Numbers["metrics"], { metrics, withinMarginBar }: Numbers) {
  const { trials, bad, ratio, worseE, withinMarginE, margin } = metrics[metric];
  return {
    name: metric,
    baseline: { trials: trials.baseline, bad: bad.baseline },
    canary: { trials: trials.canary, bad: bad.canary },
    ratio: ratio ?? null,
    worse: worseE ?? null,
    within_margin: withinMarginE,
    within_margin_needed: withinMarginBar,
    margin,
  };
}

function armFacts({ arms }: Numbers, arm: "baseline" | "canary") {
  const { requests, delivered, excluded, costPerPictureUsd, p50Ms, p95Ms, served } = arms[arm];
  return {
    requests,
    delivered,
    excluded,
    cost_per_picture_usd: costPerPictureUsd ?? null,
    p50_ms: p50Ms ?? null,
    p95_ms: p95Ms ?? null,
    served: Object.fromEntries(Object.entries(served).map(([model, tally]) => [model, tally.requests])),
  };
}

/**
 * How long a piece of work will wait and take at an endpoint (control.md §4).
 *
 * W = 0 while a slot is free, else r + ⌊n_ahead / (c·b)⌋ · S, where r is what is left of the job that makes room and c·b are the slots.
 * Completion = W + S + RTT + cold start + learned bias. All ms; pure.
 */
import type { Estimate } from "./latency-book.ts";

/** A smoothed figure and how many samples it has seen. */
export interface Smoothed {
  readonly value: number;
  readonly samples: number;
}

/** Weight of a new sample; the first ones count in full as a plain mean. */
const SMOOTHING = 0.1;

export const NOTHING_SMOOTHED: Smoothed = { value: 0, samples: 0 };

/** Moves a smoothed figure towards `sample`. */
export function smooth(former: Smoothed, sample: number): Smoothed {
  const samples = Math.min(1_000, former.samples + 1);
  const weight = Math.max(SMOOTHING, 1 / samples);
  return { value: former.value + (sample - former.value) * weight, samples };
}

/** The learned error of the median prediction: (actual − predicted), one straggler counting at most as one more prediction. */
export function learnBias(former: Smoothed, actualMs: number, predictedMs: number): Smoothed {
  const errorMs = actualMs - predictedMs;
  return smooth(former, Math.max(-predictedMs, Math.min(predictedMs, errorMs)));
}

/** Share of the prediction beyond which the bias is shown as an alarm (control.md §4). */
export const BIAS_ALARM = 0.25;

/** Expected rest of a job that has run for `elapsedMs`. What is overdue is expected to take as long again as it is overdue. */
export function residualMs(elapsedMs: number, service: Pick<Estimate, "q50Ms" | "q95Ms">): number {
  if (elapsedMs < service.q50Ms) return service.q50Ms - elapsedMs;
  if (elapsedMs < service.q95Ms) return (service.q95Ms - elapsedMs) / 2;
  return Math.max(service.q50Ms / 2, elapsedMs - service.q95Ms);
}

/** One endpoint's slots as the waiting work sees them. */
export interface Lane {
  /** Until each slot is free, ms, ascending; 0 = free now. One a slot, at least one. */
  readonly freeInMs: readonly number[];
  /** Median time that a job holds a slot, ms. */
  readonly serviceMs: number;
}

/** The W formula: wait of the job with `ahead` others before it. */
export function waitMs(lane: Lane, ahead: number): number {
  const slots = lane.freeInMs.length;
  return lane.freeInMs[ahead % slots]! + Math.floor(ahead / slots) * lane.serviceMs;
}

/** What a completion is made of besides the wait and the service time, ms. */
export interface Overheads {
  readonly rttMs: number;
  readonly coldMs: number;
  readonly biasMs: number;
}

/** Predicted span from now until the picture is at the router, for one quantile of the service time, ms. */
export function completionMs(waitedMs: number, serviceMs: number, overheads: Overheads): number {
  return waitedMs + Math.max(0, serviceMs + overheads.biasMs) + overheads.rttMs + overheads.coldMs;
}

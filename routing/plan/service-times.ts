/**
 * How long a picture takes: the catalogue's first guess, brought to the asked size and steps.
 *
 * Measured times, where the caller has them, go before it. Without the wait for a slot: that is the scheduler's to predict.
 */
import { expectedQ75Ms } from "../config/expected.ts";
import type { Model } from "../config/snapshot.ts";

/** Quantiles of the time that one picture takes, ms. */
export interface ServiceTimes {
  readonly q50Ms: number;
  readonly q75Ms: number;
  readonly q95Ms: number;
}

/** How much is drawn. */
export interface DrawnWork {
  /** Width × height. */
  readonly pixels: number;
  /** `undefined`: the model's own. */
  readonly steps?: number | undefined;
}

/** The catalogue's times are for a picture of one megapixel with the model's own steps. */
const REFERENCE_PIXELS = 1_024 * 1_024;

/**
 * Share of the reference time that does not grow with pixels or steps: text encoding, transfer, start. 100 ms of FLUX.1's 4.25 s and
 * its decoding, in round figures (control.md §8); it matters little, for a measurement soon takes the guess's place.
 */
const FIXED_SHARE = 0.1;

/** First guess of a model's times for a piece of work, ms, rounded. Models that draw sizes of their own take the same for any. */
export function expectedTimes(model: Model, work: DrawnWork): ServiceTimes {
  const scale = model.capabilities.size === "ratio" ? 1 : FIXED_SHARE + (1 - FIXED_SHARE) * relativeWork(model, work);
  return {
    q50Ms: Math.round(model.expected.p50Ms * scale),
    q75Ms: Math.round(expectedQ75Ms(model.expected) * scale),
    q95Ms: Math.round(model.expected.p95Ms * scale),
  };
}

/** One after the other. The sum of quantiles is a little more than the quantile of the sum: on the safe side. */
export function addTimes(one: ServiceTimes, other: ServiceTimes): ServiceTimes {
  return {
    q50Ms: one.q50Ms + other.q50Ms,
    q75Ms: one.q75Ms + other.q75Ms,
    q95Ms: one.q95Ms + other.q95Ms,
  };
}

function relativeWork(model: Model, work: DrawnWork): number {
  const ownSteps = model.parameters.steps;
  const steps = ownSteps === undefined || work.steps === undefined ? 1 : work.steps / ownSteps;
  return (work.pixels / REFERENCE_PIXELS) * steps;
}

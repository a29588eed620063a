/**
 * The times of a leg: measured where there are measurements, else the catalogue's guess; and which legs can never be done in time.
 */
import type { Model, ModelId, PlaceId, Policy } from "../config/snapshot.ts";
import { pixelsOf } from "../image/size.ts";
import type { AskedPicture } from "./capability.ts";
import type { Outline } from "./chain.ts";
import type { Leg } from "./plan.ts";
import { addTimes, expectedTimes, type ServiceTimes } from "./service-times.ts";

/** What measured times are wanted of. `steps`: `undefined` for a model that has none. */
export interface MeasuredAsk {
  readonly model: ModelId;
  readonly place: PlaceId;
  readonly pixels: number;
  readonly steps: number | undefined;
}

/** Times that were measured in enough samples to be trusted (control.md §2: 50); `undefined` where there are none. */
export type MeasuredTimes = (ask: MeasuredAsk) => ServiceTimes | undefined;

export interface LegWork {
  readonly outline: Outline;
  readonly model: Model;
  readonly picture: AskedPicture;
  /** The model that the caller's steps are for. */
  readonly askedModel: ModelId;
  /** Enlarges what the leg draws. */
  readonly upscaler?: Model | undefined;
  readonly measured?: MeasuredTimes | undefined;
}

export interface TimedOutline {
  readonly outline: Outline;
  readonly times: ServiceTimes;
  readonly isMeasured: boolean;
}

/** How long a leg takes, with its upscaling. */
export function timeOutline(leg: LegWork): TimedOutline {
  const { outline, model, upscaler } = leg;
  const pixels = pixelsOf(leg.picture);
  const work = { pixels: pixels / upscaleFactor(upscaler) ** 2, steps: stepsOf(leg) };
  const measured = leg.measured?.({ model: model.id, place: outline.place, ...work });
  const times = measured ?? expectedTimes(model, work);
  return {
    outline,
    times: upscaler ? addTimes(times, expectedTimes(upscaler, { pixels })) : times,
    isMeasured: measured !== undefined,
  };
}

/** By how much an upscaler enlarges each side; 1 without one. */
export function upscaleFactor(upscaler: Model | undefined): number {
  return upscaler?.capabilities.upscaleFactor ?? 1;
}

/** The time that a request has for its attempts. */
export interface DrawingTime {
  readonly policy: Policy;
  /** From admission until the picture must be there to be checked, ms. */
  readonly drawingMs: number;
}

/**
 * The leg with its times, or `undefined` when its median is more than it could ever get.
 * Not its upper quartile: what fits half the time is worth a try when nothing better is left.
 */
export function legInTime(timed: TimedOutline, { policy, drawingMs }: DrawingTime): Leg | undefined {
  const { outline, times, isMeasured } = timed;
  const windowMs = Math.min(drawingMs, policy.attemptTimeoutMs ?? drawingMs);
  if (times.q50Ms > windowMs) return undefined;
  const isAdaptive = isMeasured && policy.attemptTimeoutMs === undefined;
  return {
    ...outline,
    minMs: times.q75Ms,
    capMs: windowMs,
    ...(isAdaptive ? { attemptMs: adaptiveTimeoutMs(times, windowMs) } : {}),
  };
}

/** Below this, ms, a timer says more about how busy we are than about the endpoint. */
const LEAST_TIMEOUT_MS = 250;

/**
 * `clamp(1.2 · q95, 1.5 · q50, the window)` (control.md §2), of the attempt and not of the wait for its slot. Not of the catalogue's guess:
 * a guess never cuts work off.
 */
function adaptiveTimeoutMs(times: ServiceTimes, windowMs: number): number {
  return Math.round(Math.min(windowMs, Math.max(1.2 * times.q95Ms, 1.5 * times.q50Ms, LEAST_TIMEOUT_MS)));
}

/** The caller's steps are for the model that was asked; another one does its own, for doing less is why it was chosen. */
function stepsOf({ model, picture, askedModel }: LegWork): number | undefined {
  if (!model.capabilities.steps) return undefined;
  return (model.id === askedModel ? picture.steps : undefined) ?? model.parameters.steps;
}

/**
 * Which leg is begun next, and which are passed over for good.
 *
 * Pure: looks at what has happened and at the clock's word, returns data. Order is the plan's, but for a model that turned out to be
 * gone its declared successor goes first. Fails safe with money: a dear model is not called after, or beside, an attempt that may
 * already be billed for a dear picture, unless the policy accepts a second bill.
 */
import type { EndpointId, Model, ModelId } from "../config/snapshot.ts";
import type { Leg, Plan } from "../plan/plan.ts";
import { DEAR_PICTURE_USD, listPriceUsd } from "./cost.ts";
import { type LegWindow, legWindow } from "./deadline.ts";

/** Why a leg was passed over. Shown in events and, for the first leg, in what the client is told. */
export type SkipReason = "too-little-time" | "no-endpoint" | "already-tried" | "may-be-billed" | "attempts-used-up";

/** What has happened to the request so far. */
export interface Progress {
  readonly nowMs: number;
  /** Deadline less reserve, epoch ms. */
  readonly answerByMs: number;
  /** Indices of legs that were begun or passed over. */
  readonly done: ReadonlySet<number>;
  /** Endpoints that failed this request, with when they may be asked again, epoch ms; infinite: never. */
  readonly tried: ReadonlyMap<EndpointId, number>;
  /** Models that an endpoint said it no longer has. */
  readonly gone: ReadonlySet<ModelId>;
  /** An attempt on a dear model may have been billed, or is running. */
  readonly dearBill: boolean;
  readonly attemptsLeft: number;
  /** An attempt is running: only legs that draw a picture may start beside it. */
  readonly isRunning: boolean;
  /** Indices of legs that had no endpoint as long as another leg could serve: ejected ones are a last resort. */
  readonly passedOver: ReadonlySet<number>;
}

export interface ChooseAsk {
  readonly plan: Plan;
  readonly models: Readonly<Record<ModelId, Model>>;
  /** Asked pixels, for prices. */
  readonly pixels: number;
  readonly progress: Progress;
}

export interface ChosenLeg {
  readonly index: number;
  readonly leg: Leg;
  readonly window: LegWindow;
  /** Not before, epoch ms: a leg that asks an endpoint again waits as long as that wants. */
  readonly notBeforeMs: number;
  readonly avoid: readonly EndpointId[];
  /** Another leg could still draw the picture. A stale one is no reason to leave an ejected endpoint untried. */
  readonly elsewhere: boolean;
}

export interface Choice {
  readonly chosen?: ChosenLeg;
  readonly skipped: readonly { readonly index: number; readonly why: SkipReason }[];
}

/** Least time kept for a stale picture where its leg names none, ms: one read from a store near by. */
const STALE_MIN_MS = 50;

/** Chooses. Legs in `skipped` will not become possible again. */
export function chooseLeg(ask: ChooseAsk): Choice {
  const { plan, progress } = ask;
  const skipped: { index: number; why: SkipReason }[] = [];
  const waiting = waitingLegs(ask);
  const tailMs = waiting
    .filter(({ leg }) => leg.kind === "stale")
    .reduce((sum, { leg }) => sum + Math.max(leg.minMs, STALE_MIN_MS), 0);

  for (const [position, { index, leg }] of waiting.entries()) {
    if (leg.kind === "stale") {
      if (progress.isRunning) continue;
      const lastResort = chooseLastResort(ask, tailMs);
      if (lastResort !== undefined) return { skipped, chosen: lastResort };
      const endsAtMs = progress.answerByMs;
      const window = { endsAtMs, nextLegAtMs: endsAtMs };
      return { skipped, chosen: { index, leg, window, notBeforeMs: progress.nowMs, avoid: [], elsewhere: false } };
    }
    const obstacle = obstacleOf(ask, leg);
    if (obstacle !== undefined) {
      skipped.push({ index, why: obstacle });
      continue;
    }
    const later = waiting
      .slice(position + 1)
      .map((other) => other.leg)
      .filter((other) => other.kind !== "stale" && obstacleOf(ask, other) === undefined);
    const notBeforeMs = Math.max(progress.nowMs, askableAtMs(leg, progress));
    const { answerByMs } = progress;
    const window = legWindow({ nowMs: notBeforeMs, answerByMs, leg, later, tailMs, overlap: plan.policy.overlap });
    if (window === undefined) {
      skipped.push({ index, why: "too-little-time" });
      continue;
    }
    const avoid = leg.candidates.filter((endpoint) => (progress.tried.get(endpoint) ?? 0) > notBeforeMs);
    return { skipped, chosen: { index, leg, window, notBeforeMs, avoid, elsewhere: later.length > 0 } };
  }
  const chosen = progress.isRunning ? undefined : chooseLastResort(ask, tailMs);
  return chosen === undefined ? { skipped } : { skipped, chosen };
}

/**
 * With no other leg left, the first of those whose endpoints were all ejected: never zero endpoints while one is merely unwell
 * (control.md §3). Nothing was called there, so it repeats nothing and costs no extra attempt.
 */
function chooseLastResort(ask: ChooseAsk, tailMs: number): ChosenLeg | undefined {
  const { plan, progress } = ask;
  const { nowMs, answerByMs } = progress;
  for (const index of progress.passedOver) {
    const leg = plan.legs[index];
    if (leg === undefined || obstacleOf(ask, leg) !== undefined) continue;
    const window = legWindow({ nowMs, answerByMs, leg, later: [], tailMs, overlap: plan.policy.overlap });
    const avoid = leg.candidates.filter((endpoint) => progress.tried.has(endpoint));
    if (window !== undefined) return { index, leg, window, notBeforeMs: nowMs, avoid, elsewhere: false };
  }
  return undefined;
}

/** Does the model's list price make it dear? */
export function isDear(model: Model | undefined, pixels: number): boolean {
  return model !== undefined && listPriceUsd(model, pixels) >= DEAR_PICTURE_USD;
}

interface WaitingLeg {
  readonly index: number;
  readonly leg: Leg;
}

/** Could any leg but the one at `except` still draw the picture? */
export function leadsElsewhere(ask: ChooseAsk, except?: number): boolean {
  return waitingLegs(ask).some(
    ({ index, leg }) => index !== except && leg.kind !== "stale" && obstacleOf(ask, leg) === undefined,
  );
}

/** In the plan's order, successors of gone models first, other successors not at all. */
function waitingLegs(ask: ChooseAsk): readonly WaitingLeg[] {
  const { done, gone } = ask.progress;
  const waiting = ask.plan.legs.map((leg, index) => ({ index, leg })).filter(({ index }) => !done.has(index));
  const isCalledFor = ({ leg }: WaitingLeg): boolean =>
    [...gone].some((model) => ask.models[model]?.successor === leg.model);
  const successors = waiting.filter((one) => one.leg.kind === "successor" && isCalledFor(one));
  return [...successors, ...waiting.filter(({ leg }) => leg.kind !== "successor")];
}

function obstacleOf(ask: ChooseAsk, leg: Leg): SkipReason | undefined {
  const { progress, plan, models, pixels } = ask;
  if (leg.candidates.length === 0) return "no-endpoint";
  if (progress.attemptsLeft <= 0) return "attempts-used-up";
  if (askableAtMs(leg, progress) === Number.POSITIVE_INFINITY) return "already-tried";
  if (progress.dearBill && !plan.policy.acceptSecondBill && isDear(models[leg.model], pixels)) return "may-be-billed";
  return undefined;
}

/**
 * When one of the leg's endpoints can be asked, epoch ms: 0 for one that was not tried yet. Only a `same-model` leg goes back to those
 * that were; a job has minutes in which an endpoint gets well.
 */
function askableAtMs(leg: Leg, { tried }: Progress): number {
  if (leg.candidates.some((endpoint) => !tried.has(endpoint))) return 0;
  if (leg.kind !== "same-model") return Number.POSITIVE_INFINITY;
  return Math.min(...leg.candidates.map((endpoint) => tried.get(endpoint) ?? 0));
}

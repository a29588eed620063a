/**
 * Does a second attempt pay? Only against stragglers that strike one attempt by chance; on a tail made by queueing it adds load.
 *
 * The gate of control.md §1: a tail to save, and t + q75_alt + W_alt ≤ deadline, and (the alternative stops cancelled work, or its load is
 * below 0.7), and it has a free slot, and a token is left. The tail is judged by the mean excess E[T − q_h | T > q_h] > q50_alt + RTT at any
 * number of samples: with about 1 % stragglers q99 − q_h stands on a cliff, and over the table's rows it is wrong where this is not (see
 * the test). Adaptive timeouts hide that tail: nothing is ever seen to take longer than they let it. Then what counts is how many of the
 * late attempts were cut off in the end, and whether a hedge is there sooner than what follows their timeout, which may well be nearer.
 * Pure; fails closed: what is not known is a reason not to hedge.
 */
import type { Tail } from "./latency-book.ts";

/** A hedge where cancelling is not honoured needs a load below this; honoured means at least this share of the rest is saved. */
export const MAX_LOAD_WITHOUT_CANCEL = 0.7;
export const MIN_CANCEL_EFFICACY = 0.8;
/** Fewest samples before anything is hedged. */
export const HEDGE_MIN_SAMPLES = 50;

/**
 * Share of the late attempts that have to be cut off in the end for a hedge to pay. Timeouts at 1.2 · q95 cut off fewer than one late
 * attempt in a hundred where service times have CV 0.15 and nothing straggles, and one in five with 1 % of stragglers (`simulate:tail`).
 */
export const MIN_CUT_SHARE = 0.1;

/** The place a hedge would run at. */
export interface Alternative {
  readonly q50Ms: number;
  readonly q75Ms: number;
  readonly rttMs: number;
  /** Predicted wait there, ms. */
  readonly waitMs: number;
  readonly freeSlots: number;
  /** Share of its slots in use, 0…1. */
  readonly load: number;
  /** Share of the remaining GPU time that a cancel saves, 0…1; unknown is 0. */
  readonly cancelEfficacy: number;
}

export type HedgeDecision =
  | { readonly hedge: true }
  | { readonly hedge: false; readonly why: "no_tail" | "no_time" | "no_slot" | "loaded" | "no_token" };

/** What a fresh attempt takes somewhere. */
type Fresh = Pick<Alternative, "q50Ms" | "rttMs">;

const freshMs = ({ q50Ms, rttMs }: Fresh): number => q50Ms + rttMs;

/**
 * Is an attempt that is late by q_h expected to take longer still than a fresh one? Or to be cut off so often that the hedge would be there
 * before what follows then? `next`: what that is; absent: the same alternative.
 */
export function hasTailToSave(tail: Tail | undefined, alternative: Fresh, next: Fresh = alternative): boolean {
  if (tail === undefined) return false;
  if (tail.meanExcessMs > freshMs(alternative)) return true;
  if (tail.cut === undefined || tail.cut.share < MIN_CUT_SHARE) return false;
  return tail.qhMs + freshMs(alternative) < tail.cut.medianMs + freshMs(next);
}

/** Can the alternative take a hedge now and be back before the deadline, without harm to others? */
export function decideAlternative(
  alternative: Alternative,
  at: { readonly nowMs: number; readonly deadlineAtMs: number; readonly token: boolean },
): HedgeDecision {
  if (at.nowMs + alternative.q75Ms + alternative.waitMs > at.deadlineAtMs) return { hedge: false, why: "no_time" };
  if (alternative.freeSlots < 1 || alternative.waitMs > 0) return { hedge: false, why: "no_slot" };
  const cancels = alternative.cancelEfficacy >= MIN_CANCEL_EFFICACY;
  if (!cancels && alternative.load >= MAX_LOAD_WITHOUT_CANCEL) return { hedge: false, why: "loaded" };
  if (!at.token) return { hedge: false, why: "no_token" };
  return { hedge: true };
}

/** The whole gate. */
export function decideHedge(
  tail: Tail | undefined,
  alternative: Alternative,
  at: { readonly nowMs: number; readonly deadlineAtMs: number; readonly token: boolean },
): HedgeDecision {
  if (!hasTailToSave(tail, alternative)) return { hedge: false, why: "no_tail" };
  return decideAlternative(alternative, at);
}

/**
 * What extra attempts may cost: one budget for retries and hedges together, and a slower purse for hedges inside it.
 *
 * Count-based, because at one request a second a time-based budget never pays (control.md §1). A retry draws one token; a hedge draws
 * one from both. A leg of the plan that is begun beside an attempt which is merely late is as much an extra call as a hedge is, and draws
 * like a retry; what follows a failure, or an attempt whose slice of the deadline is over, is the plan's own and draws nothing.
 * Starts empty, so extras never exceed their share of the requests so far. Thousandths, so that sums are exact.
 */
import type { Ask } from "./contract.ts";

/** Share of requests that may cost an extra attempt where the policy says nothing. */
export const EXTRA_SHARE = 0.1;
/** Refill of the hedge purse for each completed preview where the policy says nothing, and its bounds. */
export const HEDGE_REFILL = 0.05;
const MIN_REFILL = 0.001;
const MAX_REFILL = 0.2;
/** Most tokens saved up: of the budget, and of the hedge purse; hedges are off until the purse is more than half full. */
export const EXTRA_CAP = 10;
export const HEDGE_CAP = 5;

const MILLI = 1_000;

export interface Budget {
  readonly extraMilli: number;
  readonly hedgeMilli: number;
}

export const EMPTY_BUDGET: Budget = { extraMilli: 0, hedgeMilli: 0 };

export type ExtraKind = "retry" | "hedge";

/** What an ask draws: nothing for the plan's own legs, unless one starts beside an attempt whose time is not up. */
export function extraKindOf({ kind, beside }: Pick<Ask, "kind" | "beside">): ExtraKind | undefined {
  if (kind === "retry" || kind === "hedge") return kind;
  return beside === true ? "retry" : undefined;
}

const add = (milli: number, share: number, cap: number): number =>
  Math.min(cap * MILLI, milli + Math.round(share * MILLI));

/** A first attempt was made: it earns its share (0…1) of an extra one. */
export function recordFirst(budget: Budget, share: number): Budget {
  return { ...budget, extraMilli: add(budget.extraMilli, Math.min(1, Math.max(0, share)), EXTRA_CAP) };
}

/** A preview completed: it earns `refill` of a hedge. */
export function recordPreview(budget: Budget, refill: number): Budget {
  const share = Math.min(MAX_REFILL, Math.max(MIN_REFILL, refill));
  return { ...budget, hedgeMilli: add(budget.hedgeMilli, share, HEDGE_CAP) };
}

/** May an extra attempt of this kind be made now? */
export function affords(budget: Budget, kind: ExtraKind): boolean {
  if (budget.extraMilli < MILLI) return false;
  return kind === "retry" || budget.hedgeMilli * 2 > HEDGE_CAP * MILLI;
}

/** Takes the price of an extra attempt that `affords` allowed. */
export function draw(budget: Budget, kind: ExtraKind): Budget {
  return {
    extraMilli: budget.extraMilli - MILLI,
    hedgeMilli: budget.hedgeMilli - (kind === "hedge" ? MILLI : 0),
  };
}

/** Gives the price back for an extra attempt that was not made after all. */
export function refund(budget: Budget, kind: ExtraKind): Budget {
  return {
    extraMilli: add(budget.extraMilli, 1, EXTRA_CAP),
    hedgeMilli: kind === "hedge" ? add(budget.hedgeMilli, 1, HEDGE_CAP) : budget.hedgeMilli,
  };
}

/**
 * The arithmetic of the e-processes: how much likelier a block of bad events is under one rate ratio than under another.
 *
 * Conditioning on the bad events takes the base rate out: under ratio r a bad event is the canary's with chance ρr / (ρr + 1 − ρ),
 * where ρ is the canary's share of what could have gone bad (Lindon & Malek 2022, by control.md §6). So a daily wave moves nothing.
 */

/** Bad events of one comparison block. */
export interface BlockCounts {
  readonly canaryBad: number;
  readonly baselineBad: number;
  /** The canary's share of what could have gone bad, 0…1. At 0 and 1 the block says nothing. */
  readonly share: number;
}

/** log of P(block | ratio) / P(block | nullRatio). */
export function blockLogRatio(block: BlockCounts, ratio: number, nullRatio: number): number {
  const { canaryBad, baselineBad, share } = block;
  const weightOf = (value: number) => share * value + 1 - share;
  return (
    canaryBad * Math.log(ratio / nullRatio) +
    (canaryBad + baselineBad) * Math.log(weightOf(nullRatio) / weightOf(ratio))
  );
}

/** log of the mean of exp(values); the values are finite and at least one. */
export function logMeanExp(values: readonly number[]): number {
  return logWeightedSumExp(values.map((log) => ({ log, weight: 1 / values.length })));
}

/** log of Σ weight · exp(log), kept from overflow; weights are positive. */
export function logWeightedSumExp(terms: readonly { readonly log: number; readonly weight: number }[]): number {
  const top = Math.max(...terms.map((term) => term.log));
  return top + Math.log(terms.reduce((sum, term) => sum + term.weight * Math.exp(term.log - top), 0));
}

/** An e-value for people and JSON: capped, because beyond a million millions the size says nothing more. */
export function toEValue(logE: number): number {
  return Math.min(1e12, Math.exp(logE));
}

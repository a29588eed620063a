/**
 * Does the split arrive as planned? A sequential sample-ratio check: where it fails, the evidence is not to be trusted and the ramp freezes.
 *
 * Dirichlet–multinomial Bayes factor against the planned share (Lindon & Malek 2022, by control.md §6), updated one unit at a time, so no
 * gamma function is needed. Sticky units count once: a bit filter remembers who was seen, with errors that fall on both arms alike.
 * A wider share or a full filter begins a new epoch; epoch k may spend α/k(k+1), which adds up to α.
 */
import type { Arm } from "./assign.ts";

/** Bits of the filter, 4 KiB. At half full, about 22,000 units, an epoch ends: a share of .33 for .30 takes 4,000 to find. */
const FILTER_BITS = 32_768;
const FULL_BITS = FILTER_BITS / 2;

/** JSON state, mutable. */
export interface SampleRatio {
  /** From 1. */
  epoch: number;
  readonly counts: Record<Arm, number>;
  /** log of the Bayes factor of this epoch. */
  logBayes: number;
  /** 32 bits an entry, unsigned. */
  seen: number[];
  seenBits: number;
}

export interface SampledUnit {
  readonly arm: Arm;
  /** Planned share of the canary, 0…1. */
  readonly share: number;
  /** `unitKey`; absent where every request is a unit of its own. */
  readonly unit?: number;
  /** Pseudo-units behind the plan. */
  readonly strength: number;
}

const freshBits = (): number[] => new Array<number>(FILTER_BITS / 32).fill(0);

export function createSampleRatio(): SampleRatio {
  return { epoch: 1, counts: { baseline: 0, canary: 0 }, logBayes: 0, seen: freshBits(), seenBits: 0 };
}

/** Begins a new epoch: the share changed, or a person looked into an alarm. */
export function startSampleRatioEpoch(check: SampleRatio): void {
  check.epoch += 1;
  check.counts.baseline = 0;
  check.counts.canary = 0;
  check.logBayes = 0;
  check.seen = freshBits();
  check.seenBits = 0;
}

/** Records a unit, if it was not seen in this epoch. A share of 0 or 1 has nothing to check. */
export function recordSampledUnit(check: SampleRatio, sampled: SampledUnit): void {
  const { arm, share, unit, strength } = sampled;
  if (share <= 0 || share >= 1) return;
  if (unit !== undefined && !markSeen(check, unit)) return;
  const planned = arm === "canary" ? share : 1 - share;
  const seen = check.counts.baseline + check.counts.canary;
  check.logBayes += Math.log((strength * planned + check.counts[arm]) / (strength + seen) / planned);
  check.counts[arm] += 1;
}

/** log of what the Bayes factor must reach in this epoch. */
export function sampleRatioBar(check: SampleRatio, alpha: number): number {
  return Math.log((check.epoch * (check.epoch + 1)) / alpha);
}

/** Is the split surely not as planned? */
export function isSampleRatioOff(check: SampleRatio, alpha: number): boolean {
  return check.logBayes >= sampleRatioBar(check, alpha);
}

/** Sets the unit's bit; `false` if it was set. */
function markSeen(check: SampleRatio, unit: number): boolean {
  if (check.seenBits >= FULL_BITS) startSampleRatioEpoch(check);
  const bit = unit % FILTER_BITS;
  const word = bit >>> 5;
  const mask = 1 << (bit & 31);
  if ((check.seen[word]! & mask) !== 0) return false;
  check.seen[word] = (check.seen[word]! | mask) >>> 0;
  check.seenBits += 1;
  return true;
}

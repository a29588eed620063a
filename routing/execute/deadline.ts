/**
 * Deadline arithmetic: how long the next leg may run, and when the one after it must start.
 *
 * A leg gets min(its cap, what is left − the least that later legs need) and is skipped when that is less than its own minimum
 * (facts: deadlines and budget splitting). Where a long chain asks for more than there is, room is kept for as many later legs as
 * fit, cheapest first, so that a chain never starves its own first legs. The last chance gets all that is left, however little.
 * Where legs overlap, starting the next one takes nothing from a leg; as long as times are only guessed, it starts when half of the time is
 * over, for the least that it needs is a guess too.
 * Pure: the caller passes the time in, with the reserve already taken off.
 */

/** Least time in which any upstream can answer, ms: one round trip to another continent. Less is not worth a GPU's attention. */
export const MIN_ATTEMPT_MS = 50;

/** What the arithmetic needs to know of a leg. */
export interface LegTimes {
  /** Least useful time, ms. */
  readonly minMs: number;
  /** Most it may take, ms; does not bind the last leg. */
  readonly capMs: number;
  /** Absent: its times were not measured. */
  readonly attemptMs?: number;
}

export interface WindowAsk {
  readonly nowMs: number;
  /** When the picture must be checked and ready, epoch ms: the deadline less the policy's reserve. */
  readonly answerByMs: number;
  readonly leg: LegTimes;
  /** The legs after it that draw a picture and have not been begun. */
  readonly later: readonly LegTimes[];
  /** What legs that draw nothing (a stale picture) need at the end, ms. */
  readonly tailMs: number;
  /** The policy lets the next leg start while this one runs. */
  readonly overlap: boolean;
}

export interface LegWindow {
  /** Until when the leg may run, epoch ms. */
  readonly endsAtMs: number;
  /** When the next leg has to start at the latest, epoch ms; with overlap this leg may run on beside it. */
  readonly nextLegAtMs: number;
}

/** The window of a leg that starts now, or `undefined` when it should be skipped. */
export function legWindow(ask: WindowAsk): LegWindow | undefined {
  const { nowMs, leg, later } = ask;
  const leftMs = ask.answerByMs - ask.tailMs - nowMs;
  if (leftMs < MIN_ATTEMPT_MS) return undefined;
  if (later.length === 0) return { endsAtMs: nowMs + leftMs, nextLegAtMs: nowMs + leftMs };

  const neededMs = neededOf(leg);
  const keptMs = keptForLaterMs({ spareMs: leftMs - neededMs, later });
  if (keptMs > 0) {
    const aloneMs = Math.min(leg.capMs, leftMs - keptMs);
    if (!ask.overlap) return { endsAtMs: nowMs + aloneMs, nextLegAtMs: nowMs + aloneMs };
    const isGuessed = leg.attemptMs === undefined;
    return {
      endsAtMs: nowMs + Math.min(leg.capMs, leftMs),
      nextLegAtMs: nowMs + (isGuessed ? Math.min(aloneMs, Math.max(neededMs, leftMs / 2)) : aloneMs),
    };
  }
  const isBetterLater = later.some((other) => neededOf(other) <= leftMs || neededOf(other) < neededMs);
  if (isBetterLater && !(ask.overlap && neededMs <= leftMs)) return undefined;
  const soonestMs = Math.min(...later.map(neededOf));
  return {
    endsAtMs: nowMs + (isBetterLater ? Math.min(leg.capMs, leftMs) : leftMs),
    nextLegAtMs: nowMs + Math.max(0, leftMs - soonestMs),
  };
}

/** A leg whose cap is below its minimum is asked for its cap only; else it could never run. */
function neededOf(leg: LegTimes): number {
  return Math.max(MIN_ATTEMPT_MS, Math.min(leg.minMs, leg.capMs));
}

/** The sum of the later legs' minimums, or of the cheapest of them that fit into `spareMs`; 0 when none does. */
function keptForLaterMs(ask: { readonly spareMs: number; readonly later: readonly LegTimes[] }): number {
  let keptMs = 0;
  for (const neededMs of ask.later.map(neededOf).sort((a, b) => a - b)) {
    if (keptMs + neededMs > ask.spareMs) break;
    keptMs += neededMs;
  }
  return keptMs;
}

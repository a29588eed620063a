/**
 * A pool's trigger for sending previews to a lower tier: enters after several bad ticks, leaves after many good ones, and holds in
 * between (a Schmitt trigger, control.md §4). Thresholds come from the policy. Pure; the caller passes the tick in.
 */
import type { Downgrade } from "../config/snapshot.ts";

export interface Trigger {
  readonly down: boolean;
  /** Ticks in a row above `enterAt` (while up) or below `leaveAt` (while down). */
  readonly streak: number;
  /** Epoch ms. */
  readonly changedAtMs: number;
  readonly tickedAtMs: number;
}

/** A trigger that sends nothing down; free to enter at once. */
export const UP: Trigger = { down: false, streak: 0, changedAtMs: 0, tickedAtMs: 0 };

/** One step, at most once in `tickMs`. `ratio` is the predicted q75 completion of a preview as a share of the deadline. */
export function stepTrigger(trigger: Trigger, ratio: number, thresholds: Downgrade, nowMs: number): Trigger {
  if (nowMs - trigger.tickedAtMs < thresholds.tickMs && nowMs >= trigger.tickedAtMs) return trigger;
  const agrees = trigger.down ? ratio < thresholds.leaveAt : ratio > thresholds.enterAt;
  const streak = agrees ? trigger.streak + 1 : 0;
  const ticked = { ...trigger, streak, tickedAtMs: nowMs };
  const needed = trigger.down ? thresholds.leaveTicks : thresholds.enterTicks;
  const dwelt = trigger.changedAtMs === 0 || nowMs - trigger.changedAtMs >= thresholds.dwellMs;
  if (streak < needed || !dwelt) return ticked;
  return { down: !trigger.down, streak: 0, changedAtMs: nowMs, tickedAtMs: nowMs };
}

/** Does this request go down? A share of `keepUpper` keeps testing the upper tier. `chance` is uniform in [0, 1). */
export function goesDown(trigger: Trigger, thresholds: Downgrade, chance: number): boolean {
  return trigger.down && chance >= thresholds.keepUpper;
}

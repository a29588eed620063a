/** What a storm came to, as data. */
import type { Moment } from "./moments.ts";

export interface StormReport {
  readonly exports: number;
  readonly kills: Readonly<Record<Moment, number>>;
  readonly submissions: number;
  readonly done: number;
  /** Ended in a failure, by code. */
  readonly failed: Readonly<Record<string, number>>;
  /** Accepted with 202, and not there or not over in the end. */
  readonly lost: readonly string[];
  /** Jobs beyond one an idempotency key. */
  readonly doubleJobs: number;
  /** Jobs with more than one end, or whose picture is not the one that their record names, or not of the asked size. */
  readonly doublePictures: readonly string[];
  /** Objects in the store that no job points to. */
  readonly orphans: readonly string[];
  /** Jobs that were told under more than one webhook id, or not at all. */
  readonly webhooksWrong: readonly string[];
  /** Calls that a receiver drops by their id: repeats after a kill or a refusal. */
  readonly webhookRepeats: number;
  readonly eventGaps: readonly string[];
  readonly interruptions: number;
  readonly rendersPerExport: number;
  /** Of those that were to be enlarged. */
  readonly upscalesPerExport: number;
  /** Time taken over the time predicted with the 202: median and 90th percentile. Honest in a run without kills and faults. */
  readonly actualOverPredicted: { readonly p50: number; readonly p90: number };
}

/** How many things are wrong that must not be. */
export function wrongs(report: StormReport): number {
  const { lost, doubleJobs, doublePictures, orphans, webhooksWrong, eventGaps } = report;
  return lost.length + doubleJobs + doublePictures.length + orphans.length + webhooksWrong.length + eventGaps.length;
}

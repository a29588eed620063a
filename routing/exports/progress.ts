/**
 * How far a job is and when it will be done: honest guesses from its state and its predicted times.
 *
 * Pure. A job that takes longer than predicted approaches its step's end and never claims it.
 */
import { isOver, type Job, type JobState } from "./job.ts";

/**
 * Where each state begins and ends on the way from 0 to 1: rendering is nearly all of the time. What was drawn is looked at before it is
 * enlarged (VERIFYING_DRAWN), and what comes of that again.
 */
const SPANS: Readonly<Record<JobState, readonly [number, number]>> = {
  queued: [0, 0],
  rendering: [0.05, 0.75],
  upscaling: [0.78, 0.9],
  verifying: [0.9, 0.93],
  storing: [0.93, 0.99],
  done: [1, 1],
  failed: [1, 1],
  cancelled: [1, 1],
};

const VERIFYING_DRAWN = [0.75, 0.78] as const;

/** 0…1. */
export function progressOf(job: Job, nowMs: number): number {
  const [from, to] = job.state === "verifying" && job.drawn === undefined ? VERIFYING_DRAWN : SPANS[job.state];
  const runMs = Math.max(0, nowMs - (job.runAtMs ?? nowMs));
  const share = 1 - Math.exp(-runMs / Math.max(1, job.terms.expectedMs));
  return Number((from + (to - from) * share).toFixed(3));
}

/** What stands before a queued job: jobs ahead of it, and how many are rendered at once. */
export interface Ahead {
  readonly jobs: number;
  readonly slots: number;
}

/** Share of the whole that is left once a picture is drawn: an upscaler takes a second where drawing takes 1.4 to 4 (catalog.local.yml). */
const AFTER_DRAWING_SHARE = 1 / 3;

/** When the job will be done, epoch ms; `undefined` once it is over. */
export function etaMs(job: Job, nowMs: number, ahead?: Ahead): number | undefined {
  if (isOver(job)) return undefined;
  const expectedMs = job.terms.expectedMs * (job.drawn === undefined ? 1 : AFTER_DRAWING_SHARE);
  if (job.state !== "queued") {
    const doneAtMs = (job.runAtMs ?? nowMs) + expectedMs;
    // Late already: as long again as it is late, at least a tenth of the expected time.
    return doneAtMs > nowMs ? doneAtMs : nowMs + Math.max(expectedMs / 10, nowMs - doneAtMs);
  }
  const waves = ahead === undefined ? 0 : Math.floor(ahead.jobs / Math.max(1, ahead.slots));
  return Math.max(nowMs, job.notBeforeMs) + (waves + 1) * expectedMs;
}

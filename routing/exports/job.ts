/**
 * An export job as data: what was asked, where it stands, what was tried, how it ended, and the events that tell of it.
 *
 * One job ends in exactly one picture or one failure. Its state lives in the job's Durable Object; transitions.ts says how it changes.
 */
import type { RequestFailureCode } from "../failure/index.ts";
import type { PictureFormat } from "../image/request.ts";

/** `queued` until an upstream is called; the next four while a run is on; the last three are for good. */
export type JobState = "queued" | "rendering" | "verifying" | "upscaling" | "storing" | "done" | "failed" | "cancelled";

/** The states that a job passes through within a run. */
export type RunState = Extract<JobState, "rendering" | "verifying" | "upscaling" | "storing">;

/** What never changes about a job after it was taken. */
export interface JobTerms {
  readonly id: string;
  readonly tenant: string;
  readonly createdAtMs: number;
  /** When it has failed for want of time, epoch ms. */
  readonly deadlineAtMs: number;
  /** Most upstream attempts of all runs together (the policy's). */
  readonly maxAttempts: number;
  /** A dear model may be asked anew although a former attempt on one may be billed (the policy's). */
  readonly acceptSecondBill: boolean;
  /** Predicted time of one run from slot to stored picture, ms. */
  readonly expectedMs: number;
}

export interface Job {
  readonly terms: JobTerms;
  readonly state: JobState;
  /** Token of the newest run, 0 before the first: word from a run with another token is late and changes nothing. */
  readonly fence: number;
  /** Is a run on? After a crash it still says so, and the next run takes over. */
  readonly running: boolean;
  /**
   * Numbers the work asked of upstreams, from 1. A run that takes over from a crashed one keeps the number, so that an upstream that
   * deduplicates by attempt id sees the same work and not more of it.
   */
  readonly round: number;
  /** Rounds that ended without a picture, in a row: the exponent of the backoff. */
  readonly failedRounds: number;
  /** Runs that ended without a word: the runtime died, or the machine. */
  readonly interruptions: number;
  /** The next run is not begun before, epoch ms. */
  readonly notBeforeMs: number;
  /** When the newest run began, epoch ms. */
  readonly runAtMs?: number;
  /** The attempt that the newest run is at. */
  readonly current?: RunningAttempt;
  readonly attempts: readonly JobAttempt[];
  /** Cost of all attempts whose end is known, USD. */
  readonly costUsd: number;
  /** A dear picture may have been billed that never came. */
  readonly dearBill: boolean;
  /** A picture that was drawn and is not what was asked for yet: the next round goes on from it and draws nothing. */
  readonly drawn?: DrawnPicture;
  readonly picture?: StoredPicture;
  readonly failure?: JobFailure;
  /** When it ended, epoch ms. */
  readonly endedAtMs?: number;
}

/** Steps that ask an upstream; each has the policy's attempts for itself. */
export type UpstreamStep = "render" | "upscale";

/** One upstream attempt, as it is shown. */
export interface JobAttempt {
  readonly step: UpstreamStep;
  readonly round: number;
  readonly endpoint: string;
  readonly model: string;
  readonly place: string;
  readonly leg: string;
  readonly kind: string;
  /** `ok`, `interrupted` (nobody knows how it ended), or the reason of the failure. */
  readonly outcome: string;
  /** When it began, epoch ms. */
  readonly startedAtMs: number;
  readonly elapsedMs: number;
}

/** An attempt that is on. */
export interface RunningAttempt extends Omit<JobAttempt, "outcome" | "elapsedMs"> {
  /** Of its slot: whoever takes over gives it back. */
  readonly leaseId?: string;
}

/** The finished picture: where it is, and what is known of it. */
export interface StoredPicture {
  /** Its address in the store, from its content. */
  readonly key: string;
  /** Of all bytes, 64 hex digits. */
  readonly sha256: string;
  readonly bytes: number;
  readonly format: PictureFormat;
  readonly width: number;
  readonly height: number;
  readonly seed: number;
  readonly model: string;
  readonly pin: string;
  readonly endpoint: string;
  readonly place: string;
  /** Version of the configuration that served it. */
  readonly config: string;
  readonly degraded?: string;
  readonly warnings: readonly string[];
}

/** A kept picture on its way: `key` is in the making, and everything else as it came. */
export interface DrawnPicture extends StoredPicture {
  /** The leg that drew it draws small: an upscaler may enlarge it. */
  readonly isSmall: boolean;
  /** An upscaler has. */
  readonly isEnlarged: boolean;
}

export interface JobFailure {
  readonly code: RequestFailureCode | "cancelled";
  readonly detail: string;
}

/** What is told to whoever follows the job; `seq` is given when it is written down. */
export interface JobEvent {
  readonly type: "queued" | "state" | "attempt" | "drawn" | "retry" | "interrupted" | "done" | "failed" | "cancelled";
  readonly atMs: number;
  readonly data: Readonly<Record<string, unknown>>;
}

/** The step that the next round takes upstream, if it takes one. */
export function upstreamStepOf({ drawn }: Pick<Job, "drawn">): UpstreamStep {
  return drawn === undefined ? "render" : "upscale";
}

/** Has it ended? */
export function isOver({ state }: Pick<Job, "state">): boolean {
  return state === "done" || state === "failed" || state === "cancelled";
}

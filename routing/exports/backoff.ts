/**
 * Whether a round that brought no picture is followed by another one, and when.
 *
 * By the meaning of the failure, within the job's attempts, money and time. Pure: time and chance come in. Fails closed: what cannot
 * help is not repeated.
 */
import { REQUEST_FAILURES, type RequestFailure } from "../failure/index.ts";
import { type Job, type JobFailure, upstreamStepOf } from "./job.ts";

/** First wait after a failed round, ms, its growth a round, and the longest wait; as people's retry schedules for minutes of work. */
const BACKOFF = { baseMs: 2_000, factor: 2, capMs: 60_000 } as const;

/** An upstream's own word is believed up to this, ms (control.md: Retry-After cap 120 s). */
const RETRY_AFTER_CAP_MS = 120_000;

/** A wait that leaves less than this before the deadline is not worth it, ms: no print model draws in a second. */
const LEAST_RUN_MS = 1_000;

export interface RoundEnd {
  readonly job: Job;
  readonly failure: RequestFailure;
  readonly nowMs: number;
  /** In [0, 1). */
  readonly random: number;
}

export type AfterRound =
  | { readonly again: true; readonly atMs: number }
  | { readonly again: false; readonly failure: JobFailure };

/** Decides. `job` is the job before the round's end was counted. */
export function decideAfterRound({ job, failure, nowMs, random }: RoundEnd): AfterRound {
  const told: JobFailure = { code: failure.code, detail: failure.detail };
  // A run may end early because its own share of the deadline was over: whether the job's is, is seen below.
  const isWorthTrying = REQUEST_FAILURES[failure.code].retryable || failure.code === "deadline_exceeded";
  if (!isWorthTrying || attemptsLeft(job) <= 0) return { again: false, failure: told };
  const atMs = nowMs + waitMs(job.failedRounds, failure.retryAfterMs, random);
  if (atMs + LEAST_RUN_MS > job.terms.deadlineAtMs) return { again: false, failure: told };
  return { again: true, atMs };
}

/** Upstream attempts that the job's present step may still make. One that we interrupted ourselves does not count. */
export function attemptsLeft(job: Job): number {
  const step = upstreamStepOf(job);
  const made = job.attempts.filter((attempt) => attempt.step === step && attempt.outcome !== "interrupted");
  return job.terms.maxAttempts - made.length;
}

/** Half of the wait is fixed, half by chance; never sooner than the upstream wants. */
function waitMs(failedRounds: number, retryAfterMs: number | undefined, random: number): number {
  const stepMs = Math.min(BACKOFF.capMs, BACKOFF.baseMs * BACKOFF.factor ** failedRounds);
  const ownMs = stepMs * (0.5 + random / 2);
  return Math.max(ownMs, Math.min(RETRY_AFTER_CAP_MS, retryAfterMs ?? 0));
}

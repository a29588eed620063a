/**
 * How an export job changes: every transition takes the job and what happened, and gives the job after it with the events to write down.
 *
 * Pure. Whoever holds the job writes both in one go, so that a crash falls between transitions and never into one. A run proves itself by
 * its fence: word from an older one changes nothing (`undefined`), and neither does word about a job that is over.
 */
import type { RequestFailure } from "../failure/index.ts";
import { decideAfterRound } from "./backoff.ts";
import {
  type DrawnPicture,
  isOver,
  type Job,
  type JobAttempt,
  type JobEvent,
  type JobTerms,
  type RunningAttempt,
  type RunState,
  type StoredPicture,
  upstreamStepOf,
} from "./job.ts";

/** A job that is interrupted this often may be what breaks the runtime. */
const MAX_INTERRUPTIONS = 25;

/** A job after a transition, and what is to be told. */
export interface Changed {
  readonly job: Job;
  readonly events: readonly JobEvent[];
}

/** A new job. */
export function openJob(terms: JobTerms): Changed {
  const job: Job = {
    terms,
    state: "queued",
    fence: 0,
    running: false,
    round: 0,
    failedRounds: 0,
    interruptions: 0,
    notBeforeMs: terms.createdAtMs,
    attempts: [],
    costUsd: 0,
    dearBill: false,
  };
  return { job, events: [{ type: "queued", atMs: terms.createdAtMs, data: {} }] };
}

/** Begins a run, or takes over from one that ended without a word; a job out of time fails instead. `undefined`: nothing to run now. */
export function beginRun(job: Job, nowMs: number): Changed | undefined {
  if (isOver(job) || (!job.running && job.notBeforeMs > nowMs)) return undefined;
  const known = job.running ? interrupted(job, nowMs) : { job, events: [] };
  if (job.interruptions >= MAX_INTERRUPTIONS) {
    const failed = fail(known.job, { code: "internal", detail: "The export was interrupted too often." }, nowMs);
    return { job: failed.job, events: [...known.events, ...failed.events] };
  }
  if (job.terms.deadlineAtMs <= nowMs) {
    const failed = fail(known.job, { code: "deadline_exceeded", detail: "No picture was ready in time." }, nowMs);
    return { job: failed.job, events: [...known.events, ...failed.events] };
  }
  const round = job.running ? job.round : job.round + 1;
  return {
    job: { ...known.job, state: waitingState(job), running: true, fence: job.fence + 1, round, runAtMs: nowMs },
    events: known.events,
  };
}

/** Where a job stands that waits for its next round. */
function waitingState({ drawn }: Job): Job["state"] {
  if (drawn === undefined) return "queued";
  return drawn.isSmall && !drawn.isEnlarged ? "upscaling" : "storing";
}

/** The attempt that was on is over, and nobody knows how. It uses up none of the job's attempts: it was our fault. */
function interrupted(job: Job, nowMs: number): Changed {
  const { current, ...rest } = job;
  const attempt = current === undefined ? undefined : cutOff(current, nowMs);
  return {
    job: {
      ...rest,
      interruptions: job.interruptions + 1,
      attempts: attempt === undefined ? job.attempts : [...job.attempts, attempt],
    },
    events: [
      ...(attempt === undefined ? [] : [attemptEvent(attempt, nowMs)]),
      { type: "interrupted", atMs: nowMs, data: { round: job.round } },
    ],
  };
}

function cutOff({ leaseId: _lease, ...attempt }: RunningAttempt, nowMs: number): JobAttempt {
  return { ...attempt, outcome: "interrupted", elapsedMs: Math.max(0, nowMs - attempt.startedAtMs) };
}

/** What a run says that it does now. */
export interface RunNote {
  readonly fence: number;
  readonly state: RunState;
  readonly nowMs: number;
  /** Set where it begins to ask an upstream. */
  readonly attempt?: Omit<RunningAttempt, "round" | "step">;
}

/** Writes down what a run does. */
export function noteState(job: Job, note: RunNote): Changed | undefined {
  if (isStale(job, note.fence)) return undefined;
  const { state, attempt } = note;
  if (attempt === undefined && job.state === state) return undefined;
  return {
    job: {
      ...job,
      state,
      ...(attempt === undefined ? {} : { current: { ...attempt, round: job.round, step: upstreamStepOf(job) } }),
    },
    events: job.state === state ? [] : [{ type: "state", atMs: note.nowMs, data: { state, round: job.round } }],
  };
}

/** What a round that has ended has to say of itself. */
export interface RoundFacts {
  readonly fence: number;
  readonly nowMs: number;
  /** In order; those that got no endpoint are left out by the caller. */
  readonly attempts: readonly JobAttempt[];
  readonly costUsd: number;
}

/**
 * A picture is kept that is not yet what was asked for: the next round, at `notBeforeMs`, goes on from it. Attempts are counted anew, for
 * its upstream is another one.
 */
export function keepDrawn(
  job: Job,
  facts: RoundFacts & { drawn: DrawnPicture; notBeforeMs: number },
): Changed | undefined {
  if (isStale(job, facts.fence)) return undefined;
  const { drawn, nowMs, notBeforeMs } = facts;
  const counted = count(job, facts);
  const kept: Job = { ...counted.job, drawn, running: false, failedRounds: 0, notBeforeMs };
  const { width, height, bytes, model } = drawn;
  const state = waitingState(kept);
  const { round } = job;
  return {
    job: { ...kept, state },
    events: [
      ...counted.events,
      { type: "drawn", atMs: nowMs, data: { width, height, bytes, model, round } },
      { type: "state", atMs: nowMs, data: { state, round } },
    ],
  };
}

/** The picture is stored: the job is done. The one way by which a picture becomes the job's. */
export function commitPicture(job: Job, facts: RoundFacts & { picture: StoredPicture }): Changed | undefined {
  if (isStale(job, facts.fence)) return undefined;
  const counted = count(job, facts);
  const { key: _where, ...shown } = facts.picture;
  return {
    job: {
      ...withoutDrawn(counted.job),
      state: "done",
      running: false,
      picture: facts.picture,
      endedAtMs: facts.nowMs,
    },
    events: [...counted.events, { type: "done", atMs: facts.nowMs, data: { picture: shown } }],
  };
}

/**
 * The round brought no picture: another one later, or the end. `dear`: one of its attempts may have been billed for a dear picture.
 * `drawnIsGone`: what the round was to go on from cannot be read any more, so the next one draws.
 */
export function failRound(
  job: Job,
  facts: RoundFacts & { failure: RequestFailure; random: number; dear: boolean; drawnIsGone?: boolean },
): Changed | undefined {
  if (isStale(job, facts.fence)) return undefined;
  const { failure, nowMs, random } = facts;
  const counted = count(facts.drawnIsGone ? withoutDrawn(job) : job, facts);
  const after = decideAfterRound({ job: counted.job, failure, nowMs, random });
  if (!after.again) {
    const failed = fail(counted.job, after.failure, nowMs);
    return { job: failed.job, events: [...counted.events, ...failed.events] };
  }
  return {
    job: {
      ...counted.job,
      state: waitingState(counted.job),
      running: false,
      failedRounds: job.failedRounds + 1,
      notBeforeMs: after.atMs,
      dearBill: job.dearBill || facts.dear,
    },
    events: [
      ...counted.events,
      { type: "retry", atMs: nowMs, data: { code: failure.code, round: job.round, not_before: iso(after.atMs) } },
    ],
  };
}

/** Somebody called it off. `undefined`: it is over already. */
export function cancelJob(job: Job, nowMs: number): Changed | undefined {
  if (isOver(job)) return undefined;
  const failure = { code: "cancelled", detail: "The export was cancelled." } as const;
  return {
    job: { ...job, state: "cancelled", running: false, failure, endedAtMs: nowMs },
    events: [{ type: "cancelled", atMs: nowMs, data: { error: failure } }],
  };
}

/** A run that was cut off by us reports what it cost after all. The job stays as it ended. */
export function addLateCost(job: Job, facts: RoundFacts): Job {
  return job.state === "cancelled" && job.fence === facts.fence ? count(job, facts).job : job;
}

function fail(job: Job, failure: NonNullable<Job["failure"]>, nowMs: number): Changed {
  return {
    job: { ...job, state: "failed", running: false, failure, endedAtMs: nowMs },
    events: [{ type: "failed", atMs: nowMs, data: { error: failure } }],
  };
}

function withoutDrawn({ drawn: _gone, ...job }: Job): Job {
  return job;
}

function isStale(job: Job, fence: number): boolean {
  return isOver(job) || !job.running || job.fence !== fence;
}

function count({ current: _over, ...job }: Job, { attempts, costUsd, nowMs }: RoundFacts): Changed {
  return {
    job: { ...job, attempts: [...job.attempts, ...attempts], costUsd: job.costUsd + costUsd },
    events: attempts.map((attempt) => attemptEvent(attempt, nowMs)),
  };
}

function attemptEvent(attempt: JobAttempt, atMs: number): JobEvent {
  const { startedAtMs, elapsedMs, ...rest } = attempt;
  return { type: "attempt", atMs, data: { ...rest, started_at: iso(startedAtMs), elapsed_ms: elapsedMs } };
}

const iso = (ms: number): string => new Date(ms).toISOString();

/** The job's state machine: what a run may change, what a late one may not, and when a round is followed by another. */
import { describe, expect, it } from "vitest";
import {
  beginRun,
  type Changed,
  cancelJob,
  commitPicture,
  etaMs,
  failRound,
  type Job,
  keepDrawn,
  noteState,
  openJob,
  progressOf,
  type StoredPicture,
} from "../../routing/exports/index.ts";
import type { RequestFailure } from "../../routing/failure/index.ts";

const START_MS = 1_000_000;
const TERMS = {
  id: "j1",
  tenant: "t",
  createdAtMs: START_MS,
  deadlineAtMs: START_MS + 600_000,
  maxAttempts: 4,
  acceptSecondBill: false,
  expectedMs: 4_000,
};
const PICTURE: StoredPicture = {
  key: "art/a",
  sha256: "a",
  bytes: 1,
  format: "png",
  width: 1,
  height: 1,
  seed: 1,
  model: "m",
  pin: "m@1",
  endpoint: "e",
  place: "p",
  config: "c",
  warnings: [],
};
const ATTEMPT = {
  step: "render" as const,
  round: 1,
  endpoint: "e",
  model: "m",
  place: "p",
  leg: "primary",
  kind: "first",
  outcome: "ok",
};
const tried = (outcome = "ok") => ({ ...ATTEMPT, outcome, startedAtMs: START_MS, elapsedMs: 5 });
const FAILED: RequestFailure = { code: "upstream_failed", detail: "d" };

const must = (changed: Changed | undefined): Job => {
  if (changed === undefined) throw new Error("nothing changed");
  return changed.job;
};
const begun = (job = openJob(TERMS).job, nowMs = START_MS) => must(beginRun(job, nowMs));
const facts = (fence: number, nowMs = START_MS + 10) => ({ fence, nowMs, attempts: [tried()], costUsd: 0.1 });
const failing = (job: Job, failure = FAILED, nowMs = START_MS + 10) =>
  must(
    failRound(job, { ...facts(job.fence, nowMs), attempts: [tried(failure.code)], failure, random: 0.5, dear: false }),
  );

describe("a run", () => {
  it("makes a picture the job's once, and later word changes nothing", () => {
    const job = begun();
    const done = must(commitPicture(job, { ...facts(job.fence), picture: PICTURE }));
    expect([done.state, done.picture, done.costUsd, done.attempts.length]).toEqual(["done", PICTURE, 0.1, 1]);
    expect(commitPicture(done, { ...facts(job.fence), picture: { ...PICTURE, sha256: "b" } })).toBeUndefined();
    expect(beginRun(done, START_MS + 20)).toBeUndefined();
    expect(cancelJob(done, START_MS + 20)).toBeUndefined();
  });

  it("that was taken over cannot commit, fail or speak any more", () => {
    const first = begun();
    const second = begun(first, START_MS + 50);
    expect([second.fence, second.round, second.interruptions]).toEqual([2, 1, 1]);
    expect(commitPicture(second, { ...facts(first.fence), picture: PICTURE })).toBeUndefined();
    expect(noteState(second, { fence: first.fence, state: "storing", nowMs: START_MS })).toBeUndefined();
    expect(failRound(second, { ...facts(first.fence), failure: FAILED, random: 0, dear: false })).toBeUndefined();
  });

  it("that takes over writes the former attempt down as interrupted, and counts none of it", () => {
    const attempt = { endpoint: "e", model: "m", place: "p", leg: "primary", kind: "attempt", startedAtMs: START_MS };
    const first = must(noteState(begun(), { fence: 1, state: "rendering", nowMs: START_MS, attempt }));
    let job = begun(first, START_MS + 50);
    expect(job.attempts).toMatchObject([{ outcome: "interrupted", elapsedMs: 50, round: 1 }]);
    expect(job.current).toBeUndefined();
    for (let round = 1; round < 4; round += 1) job = begun(failing(job), START_MS + 100_000 * round);
    expect(failing(job, FAILED, START_MS + 400_000).state).toBe("failed");
  });

  it("is not begun before its time, and not after the deadline", () => {
    const waiting = failing(begun());
    expect([waiting.state, waiting.notBeforeMs]).toEqual(["queued", START_MS + 10 + 1_500]);
    expect(beginRun(waiting, waiting.notBeforeMs - 1)).toBeUndefined();
    expect(begun(waiting, waiting.notBeforeMs).round).toBe(2);
    const late = begun(waiting, TERMS.deadlineAtMs);
    expect([late.state, late.failure?.code]).toEqual(["failed", "deadline_exceeded"]);
  });

  it("gives up a job that is interrupted again and again", () => {
    let job = begun();
    for (let time = 0; time < 30 && job.state !== "failed"; time += 1) job = begun(job, START_MS + time);
    expect([job.state, job.failure?.code, job.interruptions]).toEqual(["failed", "internal", 26]);
  });
});

describe("a round without a picture", () => {
  it.each(["moderation_blocked", "invalid_request", "not_configured"] as const)("ends the job at %s", (code) => {
    expect(failing(begun(), { code, detail: "d" })).toMatchObject({ state: "failed", failure: { code } });
  });

  it.each(["upstream_failed", "no_capacity", "internal", "deadline_exceeded"] as const)("is repeated at %s", (code) => {
    expect(failing(begun(), { code, detail: "d" }).state).toBe("queued");
  });

  it("waits longer each time, a minute at most, and as long as the upstream wants up to two", () => {
    const waits: number[] = [];
    let job = begun(openJob({ ...TERMS, maxAttempts: 100, deadlineAtMs: START_MS + 9e6 }).job);
    for (let round = 0; round < 8; round += 1) {
      const nowMs = job.runAtMs ?? 0;
      job = failing(job, FAILED, nowMs);
      waits.push(job.notBeforeMs - nowMs);
      job = begun(job, job.notBeforeMs);
    }
    expect(waits).toEqual([1_500, 3_000, 6_000, 12_000, 24_000, 45_000, 45_000, 45_000]);
    const told = failing(begun(), { ...FAILED, retryAfterMs: 500_000 });
    expect(told.notBeforeMs).toBe(START_MS + 10 + 120_000);
  });

  it("is the last where its attempts are used up, or no time is left to wait", () => {
    let job = begun();
    for (let round = 1; round < 4; round += 1) job = begun(failing(job), START_MS + 60_000 * round);
    expect(failing(job).state).toBe("failed");
    const short = begun(openJob({ ...TERMS, deadlineAtMs: START_MS + 2_000 }).job);
    expect(failing(short).state).toBe("failed");
  });
});

describe("a picture that was drawn and is not finished", () => {
  const DRAWN = { ...PICTURE, key: "scratch/j1/1", isSmall: true, isEnlarged: false };
  const kept = (job = begun()) =>
    must(keepDrawn(job, { ...facts(job.fence), drawn: DRAWN, notBeforeMs: START_MS + 10 }));

  it("is what the next round goes on from, under a number of its own, and is told of", () => {
    const job = begun();
    const changed = keepDrawn(job, { ...facts(job.fence), drawn: DRAWN, notBeforeMs: START_MS + 10 });
    expect(changed?.events.map(({ type }) => type)).toEqual(["attempt", "drawn", "state"]);
    const next = begun(must(changed), START_MS + 10);
    expect([next.round, next.state, next.drawn, next.costUsd]).toEqual([2, "upscaling", DRAWN, 0.1]);
  });

  it("outlives an interruption, and the round keeps its number", () => {
    const again = begun(begun(kept(), START_MS + 10), START_MS + 20);
    expect([again.round, again.drawn, again.state, again.interruptions]).toEqual([2, DRAWN, "upscaling", 1]);
  });

  it("is not kept by a run that was taken over", () => {
    const first = begun();
    const second = begun(first, START_MS + 5);
    expect(keepDrawn(second, { ...facts(first.fence), drawn: DRAWN, notBeforeMs: START_MS })).toBeUndefined();
  });

  it("has all of the policy's attempts for its own step", () => {
    let job = begun(openJob({ ...TERMS, maxAttempts: 2 }).job);
    job = begun(failing(job), START_MS + 60_000);
    job = begun(kept(job), START_MS + 60_100);
    const upscaled = { ...tried("timed_out"), step: "upscale" as const };
    const failUpscale = (now: Job, nowMs: number) =>
      must(
        failRound(now, { ...facts(now.fence, nowMs), attempts: [upscaled], failure: FAILED, random: 0, dear: false }),
      );
    job = failUpscale(job, START_MS + 60_200);
    expect([job.state, job.drawn]).toEqual(["upscaling", DRAWN]);
    job = failUpscale(begun(job, START_MS + 120_000), START_MS + 120_100);
    expect(job.state).toBe("failed");
  });

  it("is drawn anew where it is gone, and not where that might be a second dear bill", () => {
    const job = begun(kept(), START_MS + 10);
    const lost = must(
      failRound(job, { ...facts(job.fence), attempts: [], failure: FAILED, random: 0, dear: true, drawnIsGone: true }),
    );
    expect([lost.state, lost.drawn, lost.dearBill]).toEqual(["queued", undefined, true]);
  });

  it("shortens what is still to be waited for, and never takes progress back", () => {
    const drawing = must(noteState(begun(), { fence: 1, state: "verifying", nowMs: START_MS + 4_000 }));
    const upscaling = begun(kept(), START_MS + 4_000);
    expect(etaMs(upscaling, START_MS + 4_000)).toBeLessThan((etaMs(begun(), START_MS) ?? 0) + 4_000);
    const progress = [drawing, upscaling].map((job) => progressOf(job, START_MS + 4_000));
    expect(progress).toEqual(progress.toSorted((one, other) => one - other));
    const again = must(noteState(upscaling, { fence: upscaling.fence, state: "verifying", nowMs: START_MS + 5_000 }));
    expect(progressOf(again, START_MS + 5_000)).toBeGreaterThan(progress[1] ?? 1);
  });

  it("is forgotten with the end", () => {
    const job = begun(kept(), START_MS + 10);
    expect(must(commitPicture(job, { ...facts(job.fence), picture: PICTURE })).drawn).toBeUndefined();
  });
});

describe("a cancelled job", () => {
  it("keeps nothing that its run still brings but the cost", () => {
    const job = begun();
    const cancelled = must(cancelJob(job, START_MS + 5));
    expect(commitPicture(cancelled, { ...facts(job.fence), picture: PICTURE })).toBeUndefined();
    expect([cancelled.state, cancelled.failure?.code]).toEqual(["cancelled", "cancelled"]);
  });
});

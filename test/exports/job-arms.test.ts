/** How a finished job counts for the experiment that its arm was drawn by. */
import { describe, expect, it } from "vitest";
import { toOutcome } from "../../functions/exports/job-arms.ts";
import type { JobRecord } from "../../functions/exports/job-store.ts";
import { judgeRequest } from "../../routing/rollout/outcome.ts";

const ASSIGNED = { arm: "canary", share: 0.3, unit: 7 } as const;
const MODEL = "next";

type Attempt = JobRecord["job"]["attempts"][number];
const attempt = (outcome: string, model = MODEL): Attempt => ({
  ...{ step: "render", round: 1, endpoint: "e", model, place: "p", leg: "primary", kind: "first" },
  ...{ outcome, startedAtMs: 0, elapsedMs: 1 },
});

function aRecord(attempts: readonly Attempt[], end: Partial<JobRecord["job"]> = {}): JobRecord {
  const terms = { id: "j", tenant: "t", createdAtMs: 1_000, deadlineAtMs: 601_000 };
  const job = { attempts, costUsd: 0.2, endedAtMs: 61_000, state: "done", picture: { model: MODEL }, ...end };
  return { order: { terms }, job, chores: {}, deliveries: [] } as unknown as JobRecord;
}

const verdictOf = (record: JobRecord) => judgeRequest(toOutcome(record, ASSIGNED), MODEL);
const failedWith = (code: string): Partial<JobRecord["job"]> =>
  ({ state: "failed", picture: undefined, failure: { code, detail: "" } }) as unknown as Partial<JobRecord["job"]>;

describe("a job as an outcome", () => {
  it("is one request of its arm, with the cost of all attempts, against its deadline", () => {
    expect(toOutcome(aRecord([attempt("ok")]), ASSIGNED)).toMatchObject({
      ...ASSIGNED,
      atMs: 61_000,
      elapsedMs: 60_000,
      sloMs: 600_000,
      costUsd: 0.2,
      delivered: true,
      servedBy: MODEL,
      checks: "passed",
    });
    expect(verdictOf(aRecord([attempt("ok")]))).toEqual({
      unserved: false,
      errors: false,
      sloMisses: false,
      checks: false,
    });
  });

  it("blames the model for a failure that another one made good", () => {
    expect(verdictOf(aRecord([attempt("upstream_error"), attempt("ok", "other")]))).toMatchObject({ errors: true });
  });

  it("blames it for a picture that did not pass", () => {
    const record = aRecord([attempt("bad_picture"), attempt("ok")]);
    expect(verdictOf(record)).toMatchObject({ errors: true, checks: true });
  });

  it("is late where the deadline came first", () => {
    expect(verdictOf(aRecord([attempt("cancelled")], failedWith("deadline_exceeded")))).toMatchObject({
      sloMisses: true,
    });
  });

  it.each([
    ["that the caller cancelled", [attempt("cancelled")], failedWith("cancelled")],
    ["whose runs died", [attempt("interrupted")], failedWith("deadline_exceeded")],
    ["whose picture could not be kept", [attempt("not_stored")], failedWith("internal")],
  ])("says nothing of the model for one %s", (_what, attempts, end) => {
    expect(verdictOf(aRecord(attempts, end))).toEqual({});
  });

  it("blames a model that had no endpoint left", () => {
    const outcome = toOutcome(aRecord([attempt("ok", "other")]), ASSIGNED, new Set([MODEL]));
    expect(judgeRequest(outcome, MODEL)).toMatchObject({ errors: true, unserved: false });
  });

  it("takes no run that died for a picture", () => {
    expect(verdictOf(aRecord([attempt("interrupted"), attempt("ok", "other")]))).not.toHaveProperty("errors");
  });

  it("is unserved where the model was always full", () => {
    expect(verdictOf(aRecord([attempt("overloaded"), attempt("ok", "other")]))).toEqual({ unserved: true });
  });
});

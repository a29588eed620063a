import { describe, expect, it } from "vitest";
import type { AttemptFailure } from "../../routing/failure/index.ts";
import { judgeRequest, type OutcomeAttempt } from "../../routing/rollout/outcome.ts";
import { anOutcome, broken, ok } from "./world.ts";

const OWN = "sd35-next";
const OTHER = "flux-fast";

const failedWith = (failure: AttemptFailure, model = OWN): OutcomeAttempt => ({
  model,
  outcome: failure.reason,
  failure,
});

const judge = (change: Parameters<typeof anOutcome>[0]) =>
  judgeRequest(anOutcome({ checks: undefined, ...change } as never), OWN);

describe("judgeRequest", () => {
  it("finds a picture in time good", () => {
    expect(judge({ checks: "passed" })).toEqual({ errors: false, sloMisses: false, unserved: false, checks: false });
  });

  it.each<AttemptFailure>([
    { reason: "timed_out", timeoutMs: 4_000, phase: "headers" },
    { reason: "connect_failed" },
    { reason: "connection_lost", receivedBytes: 10 },
    { reason: "upstream_error", status: 500 },
    { reason: "upstream_timeout", status: 504 },
    { reason: "bad_response", defect: "not_json" },
    { reason: "bad_picture", defect: "blank" },
    { reason: "pin_mismatch", expected: "a", reported: "b" },
    { reason: "model_gone", status: 404 },
    { reason: "unauthorized", status: 401 },
    { reason: "not_admitted", why: "no_endpoint" },
  ])("blames the arm's model for $reason, also where another model saved the request", (failure) => {
    expect(judge({ attempts: [failedWith(failure), ok(OTHER)], servedBy: OTHER }).errors).toBe(true);
    expect(judge({ attempts: [failedWith(failure)], delivered: false }).errors).toBe(true);
  });

  it("blames the arm's model for a failure that its own retry made good", () => {
    expect(judge({ attempts: [broken(OWN), ok(OWN)] })).toMatchObject({ errors: true, sloMisses: false });
  });

  it("does not blame the arm for a failure of another model", () => {
    expect(judge({ attempts: [broken(OTHER), ok(OWN)] })).toMatchObject({ errors: false });
  });

  it.each<AttemptFailure>([
    { reason: "refused_content", detail: "violence" },
    { reason: "invalid_request", status: 400 },
    { reason: "cancelled", cause: "client_gone" },
    { reason: "cancelled", cause: "superseded" },
  ])("learns nothing from $reason, which is the client's doing", (failure) => {
    expect(judge({ attempts: [failedWith(failure)], delivered: false })).toEqual({});
  });

  it("learns nothing from an answer without attempts", () => {
    expect(judge({ attempts: [] })).toEqual({});
    expect(judge({ attempts: [], delivered: false })).toEqual({});
  });

  it.each<AttemptFailure>([
    { reason: "not_admitted", why: "predicted_late" },
    { reason: "not_admitted", why: "shed" },
    { reason: "overloaded", status: 503 },
    { reason: "unsupported", option: "mask" },
  ])("calls the arm's model unserved, and nothing else, when turned away by $reason", (failure) => {
    expect(judge({ attempts: [failedWith(failure), ok(OTHER)], servedBy: OTHER })).toEqual({ unserved: true });
  });

  it("calls the arm's model unserved when the plan went to another one at once", () => {
    expect(judge({ attempts: [ok(OTHER)], servedBy: OTHER, elapsedMs: 9_000 })).toEqual({ unserved: true });
  });

  it("counts a late picture as an SLO miss of the assigned arm, whoever made it", () => {
    expect(judge({ elapsedMs: 4_000 }).sloMisses).toBe(false);
    expect(judge({ elapsedMs: 4_001 }).sloMisses).toBe(true);
    const saved = { attempts: [broken(OWN), ok(OTHER)], servedBy: OTHER };
    expect(judge({ ...saved, elapsedMs: 9_000 })).toMatchObject({ errors: true, sloMisses: true });
  });

  it("counts being overtaken by another model's leg as an SLO miss, even where the client was in time", () => {
    for (const loser of [
      { model: OWN, outcome: "running" } as const,
      failedWith({ reason: "cancelled", cause: "lost_race" }),
    ]) {
      const verdict = judge({ attempts: [loser, ok(OTHER)], servedBy: OTHER, elapsedMs: 2_000 });
      expect(verdict).toEqual({ unserved: false, sloMisses: true });
    }
  });

  it("calls it unserved, and nothing else, when a picture was late for want of a slot alone", () => {
    const waited = (waitedMs: number) => ({ elapsedMs: 5_000, attempts: [{ ...ok(OWN), waitedMs }] });
    expect(judge(waited(1_000))).toEqual({ unserved: true });
    expect(judge(waited(999))).toMatchObject({ unserved: false, sloMisses: true });
    expect(judge({ ...waited(1_000), attempts: [broken(OWN), { ...ok(OWN), waitedMs: 1_000 }] }).errors).toBe(true);
    expect(judgeRequest(anOutcome(waited(1_000)), undefined)).toMatchObject({ sloMisses: true });
  });

  it("calls it unserved when another leg won, or the deadline came, before it had a slot", () => {
    for (const cause of ["lost_race", "deadline"] as const) {
      const waiting = { ...failedWith({ reason: "cancelled", cause }), hadSlot: false } as const;
      expect(judge({ attempts: [waiting, ok(OTHER)], servedBy: OTHER })).toEqual({ unserved: true });
    }
  });

  it("does not count a hedge of the same model as overtaken", () => {
    expect(judge({ attempts: [{ model: OWN, outcome: "running" }, ok(OWN)] })).toMatchObject({
      sloMisses: false,
      errors: false,
    });
  });

  it("counts a request that ran into its deadline as an SLO miss and not as an error", () => {
    const attempts = [failedWith({ reason: "cancelled", cause: "deadline" })];
    expect(judge({ attempts, delivered: false })).toEqual({ unserved: false, sloMisses: true });
  });

  it("takes a failed check as a bad event", () => {
    expect(judge({ checks: "failed" })).toMatchObject({ checks: true, errors: false });
  });

  it("judges a configuration by all models of its snapshot", () => {
    const outcome = anOutcome({ attempts: [broken(OTHER), ok("any")] });
    expect(judgeRequest(outcome, undefined)).toMatchObject({ errors: true, unserved: false });
  });
});

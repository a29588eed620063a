import { describe, expect, test } from "vitest";
import { ATTEMPT_FAILURE_TRAITS, type AttemptFailure, type AttemptFailureReason } from "../../routing/failure/index.ts";
import { durationKind, type Verdict, verdictOf } from "../../routing/scheduler/verdict.ts";
import { anOutcome, BROKEN, failed } from "./support.ts";

const expected = { q50Ms: 1_500, q90Ms: 2_000, q95Ms: 2_200 };
const timedOut: AttemptFailure = { reason: "timed_out", timeoutMs: 4_000, phase: "headers" };

/** One failure a reason, as plain as it gets. */
const samples: Record<AttemptFailureReason, AttemptFailure> = {
  timed_out: timedOut,
  connect_failed: { reason: "connect_failed" },
  connection_lost: { reason: "connection_lost", receivedBytes: 7 },
  overloaded: { reason: "overloaded", status: 429, retryAfterMs: 3_000 },
  quota_exhausted: { reason: "quota_exhausted", status: 429 },
  upstream_error: BROKEN,
  upstream_timeout: { reason: "upstream_timeout", status: 504 },
  refused_content: { reason: "refused_content", detail: "violence" },
  invalid_request: { reason: "invalid_request", status: 400 },
  unauthorized: { reason: "unauthorized", status: 401 },
  secret_missing: { reason: "secret_missing", secret: "KEY" },
  model_gone: { reason: "model_gone", status: 404 },
  pin_mismatch: { reason: "pin_mismatch", expected: "a", reported: "b" },
  bad_response: { reason: "bad_response", defect: "html" },
  bad_picture: { reason: "bad_picture", defect: "blank" },
  too_large: { reason: "too_large", limitBytes: 1 },
  unsupported: { reason: "unsupported", option: "mask" },
  not_admitted: { reason: "not_admitted", why: "shed" },
  cancelled: { reason: "cancelled", cause: "client_gone" },
};

describe("verdict", () => {
  test.each(Object.keys(samples) as AttemptFailureReason[])("of %s follows the traits table", (reason) => {
    const words: Record<string, Verdict["verdict"]> = {
      hard: "hard",
      timeout: "timeout",
      throttle: "throttle",
      config: "config",
      none: "ignored",
    };
    expect(verdictOf(failed(samples[reason], 5_000), expected).verdict).toBe(
      words[ATTEMPT_FAILURE_TRAITS[reason].blames],
    );
  });

  test("a blank picture with status 200 is a failure of the endpoint", () => {
    expect(verdictOf(failed(samples.bad_picture), expected)).toEqual({ verdict: "hard" });
  });

  test("a timeout blames the slice where nine in ten would not have been back yet", () => {
    expect(verdictOf(failed(timedOut, 1_999), expected).verdict).toBe("short_timeout");
    expect(verdictOf(failed(timedOut, 2_000), expected).verdict).toBe("timeout");
  });

  test.each(["deadline", "lost_race"] as const)(
    "being cut off for %s blames nobody, unless the attempt ran for twice the p95",
    (cause) => {
      const cutOff: AttemptFailure = { reason: "cancelled", cause };
      expect(verdictOf(failed(cutOff, 4_400), expected).verdict).toBe("ignored");
      expect(verdictOf(failed(cutOff, 4_401), expected).verdict).toBe("timeout");
    },
  );

  test("a client that leaves blames nobody, however long it took", () => {
    expect(verdictOf(failed(samples.cancelled, 60_000), expected)).toEqual({ verdict: "ignored" });
  });

  test("carries the Retry-After on", () => {
    expect(verdictOf(failed(samples.overloaded), expected)).toEqual({ verdict: "throttle", retryAfterMs: 3_000 });
  });
});

describe("what enters the sketches", () => {
  test("pictures do, whole", () => {
    expect(durationKind(anOutcome(), expected)).toBe("whole");
  });

  test("losers and timeouts do, as cut off, so that not only the fast ones survive", () => {
    expect(durationKind(failed({ reason: "cancelled", cause: "lost_race" }, 3_000), expected)).toBe("censored");
    expect(durationKind(failed(timedOut, 4_000), expected)).toBe("censored");
  });

  test("what was cut off early tells nothing", () => {
    expect(durationKind(failed({ reason: "cancelled", cause: "lost_race" }, 300), expected)).toBe("no");
  });

  test("fast failures and clients that left do not", () => {
    expect(durationKind(failed(BROKEN, 5_000), expected)).toBe("no");
    expect(durationKind(failed({ reason: "cancelled", cause: "client_gone" }, 9_000), expected)).toBe("no");
  });
});

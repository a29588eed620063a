/**
 * What the end of an attempt says about its endpoint, and about how long work takes there.
 *
 * Follows the traits table of `failure`; adds only what depends on the expected times: a timeout on a slice too short for the work blames
 * the slice, and a deadline of ours or a lost race blames nobody unless the attempt was far overdue (control.md §3).
 */
import { type AttemptFailureReason, traitsOf } from "../failure/index.ts";
import type { Outcome } from "./contract.ts";
import type { Estimate } from "./latency-book.ts";

export type Verdict =
  | { readonly verdict: "ok" }
  | { readonly verdict: "hard" }
  | { readonly verdict: "timeout" }
  /** Timed out, but sooner than nine in ten healthy attempts are back. */
  | { readonly verdict: "short_timeout" }
  | { readonly verdict: "throttle"; readonly retryAfterMs?: number }
  | { readonly verdict: "config"; readonly reason: AttemptFailureReason; readonly retryAfterMs?: number }
  | { readonly verdict: "ignored" };

/** Overdue by this factor of the p95, an attempt that our deadline or a quicker one cut off counts as a timeout. */
const OVERDUE_FACTOR = 2;

/** The verdict on the endpoint, given what was expected when the attempt began. */
export function verdictOf(outcome: Outcome, expected: Pick<Estimate, "q90Ms" | "q95Ms">): Verdict {
  if (outcome.result.ok) return { verdict: "ok" };
  const { failure } = outcome.result;
  const retryAfter =
    "retryAfterMs" in failure && failure.retryAfterMs !== undefined ? { retryAfterMs: failure.retryAfterMs } : {};
  switch (traitsOf(failure).blames) {
    case "hard":
      return { verdict: "hard" };
    case "timeout": {
      const short = failure.reason === "timed_out" && outcome.elapsedMs < expected.q90Ms;
      return { verdict: short ? "short_timeout" : "timeout" };
    }
    case "throttle":
      return { verdict: "throttle", ...retryAfter };
    case "config":
      return { verdict: "config", reason: failure.reason, ...retryAfter };
    case "none": {
      // One that hangs is outrun before it times out: were that no fault, every request would try it first.
      const ours = failure.reason === "cancelled" && (failure.cause === "deadline" || failure.cause === "lost_race");
      return { verdict: ours && outcome.elapsedMs > OVERDUE_FACTOR * expected.q95Ms ? "timeout" : "ignored" };
    }
  }
}

/**
 * Does the elapsed time belong into the sketches? `whole`: the attempt ran to its end. `censored`: it was cut off, and late enough to tell of
 * a tail; leaving those out would let only the fast ones survive. `no`: fast failures would make a broken endpoint look quick.
 */
export function durationKind(outcome: Outcome, expected: Pick<Estimate, "q50Ms">): "whole" | "censored" | "no" {
  if (outcome.result.ok) return "whole";
  const { failure } = outcome.result;
  const cutOff =
    failure.reason === "timed_out" ||
    failure.reason === "upstream_timeout" ||
    (failure.reason === "cancelled" && failure.cause !== "client_gone");
  return cutOff && outcome.elapsedMs >= expected.q50Ms ? "censored" : "no";
}

/**
 * How long a request has: the policy's deadline, which a client may shorten and never lengthen.
 */
import type { Policy } from "../config/snapshot.ts";
import type { RequestFailure, Result } from "../failure/index.ts";

/** Least time that is left for drawing once the reserve is off, ms: no model answers within less, so less is a mistake (a unit of seconds). */
export const MIN_DRAWING_MS = 100;

/** The deadline of a request, ms from admission; `invalid_request` at `/deadline_ms` when the client asks for an absurd one. */
export function requestDeadlineMs(policy: Policy, askedMs: number | undefined): Result<number, RequestFailure> {
  if (askedMs === undefined) return { ok: true, value: policy.deadlineMs };
  const leastMs = policy.reserveMs + MIN_DRAWING_MS;
  if (askedMs >= leastMs) return { ok: true, value: Math.min(askedMs, policy.deadlineMs) };
  return {
    ok: false,
    failure: {
      code: "invalid_request",
      path: "/deadline_ms",
      detail: `The deadline is in milliseconds and at least ${leastMs}; without one, the policy's ${policy.deadlineMs} holds.`,
    },
  };
}

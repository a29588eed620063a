/**
 * From how the attempts ended to how the request ended, and to the words for a downgrade.
 *
 * A verdict on the request itself (refused, invalid) outweighs everything; else the last real failure decides, because it stands for
 * the state of the world now; refusals of a slot decide only when nothing else was tried. One switch without a default: a new reason
 * does not compile until somebody has said what the caller is told.
 */
import type { AttemptFailure, CancelCause, RequestFailure } from "../failure/index.ts";

/** The request's failure after every leg failed. `failures` in the order in which they came; none: no leg could be begun in time. */
export function requestFailure(failures: readonly AttemptFailure[]): RequestFailure {
  const cause =
    failures.find(isVerdict) ?? failures.findLast((failure) => failure.reason !== "not_admitted") ?? failures.at(-1);
  if (cause === undefined) {
    return { code: "deadline_exceeded", detail: "Too little time was left to begin." };
  }
  const told = toldOf(cause);
  const retryAfterMs = soonestMs(failures);
  return { ...told, cause, ...(retryAfterMs === undefined || !isWorthWaiting(told.code) ? {} : { retryAfterMs }) };
}

/** The request's failure after somebody called it off. */
export function cancelledFailure(cause: CancelCause): RequestFailure {
  const failure: AttemptFailure = { reason: "cancelled", cause };
  return { ...toldOfCancel(cause), cause: failure };
}

/** Why the first leg did not serve, in words for `galley-degraded`: `predicted-late`, `timed-out`. */
export function degradedReason(failure: AttemptFailure): string {
  return (failure.reason === "not_admitted" ? failure.why : failure.reason).replaceAll("_", "-");
}

type Told = Pick<RequestFailure, "code" | "detail">;

/** The provider judged the request itself: no other endpoint's word matters. */
function isVerdict(failure: AttemptFailure): boolean {
  return failure.reason === "refused_content" || failure.reason === "invalid_request";
}

function isWorthWaiting(code: RequestFailure["code"]): boolean {
  return code === "no_capacity" || code === "upstream_failed";
}

/** The soonest moment at which any of the refusing places expects room. */
function soonestMs(failures: readonly AttemptFailure[]): number | undefined {
  const waits = failures.flatMap((failure) =>
    (failure.reason === "not_admitted" || failure.reason === "overloaded" || failure.reason === "quota_exhausted") &&
    failure.retryAfterMs !== undefined
      ? [failure.retryAfterMs]
      : [],
  );
  return waits.length === 0 ? undefined : Math.min(...waits);
}

const NOBODY_COULD = "No endpoint could make the picture; every one that was tried failed.";

function toldOf(failure: AttemptFailure): Told {
  switch (failure.reason) {
    case "refused_content":
      return { code: "moderation_blocked", detail: "The provider refuses this prompt or picture. Change it." };
    case "invalid_request":
      return {
        code: "invalid_request",
        detail: failure.detail === undefined ? "The provider says that the request is not valid." : failure.detail,
      };
    case "unsupported":
      return { code: "invalid_request", detail: `No model that is left for this request can do: ${failure.option}.` };
    case "not_admitted":
    case "overloaded":
      return { code: "no_capacity", detail: "Every place that could serve is full. Try again later." };
    case "timed_out":
    case "upstream_timeout":
      return { code: "deadline_exceeded", detail: "No picture was ready in time." };
    case "cancelled":
      return toldOfCancel(failure.cause);
    case "connect_failed":
    case "connection_lost":
    case "quota_exhausted":
    case "upstream_error":
    case "unauthorized":
    case "secret_missing":
    case "model_gone":
    case "pin_mismatch":
    case "bad_response":
    case "bad_picture":
    case "too_large":
      return { code: "upstream_failed", detail: NOBODY_COULD };
  }
}

function toldOfCancel(cause: CancelCause): Told {
  switch (cause) {
    case "client_gone":
      return { code: "client_gone", detail: "The client left before the picture was ready." };
    case "superseded":
      return { code: "superseded", detail: "A newer request for the same session and layer took its place." };
    case "deadline":
      return { code: "deadline_exceeded", detail: "The deadline passed before the picture was ready." };
    case "lost_race":
    case "revoked":
      return { code: "no_capacity", detail: "The slot was taken back and no other was free in time." };
  }
}

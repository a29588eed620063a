/**
 * Why one attempt failed, and what each reason means for what may happen next.
 *
 * `reason` is a closed, low-cardinality list: it is also the metric label. Facts are fields, never text to be parsed.
 * The traits stand in one table, so that a new reason does not compile until somebody has decided what it means.
 * Fails safe: where it is unknown whether the upstream did paid work, `maybeBilled` is true.
 */

/** Why an attempt was stopped from our side. Also the typed reason given to `AbortController.abort`. */
export type CancelCause = "deadline" | "client_gone" | "superseded" | "lost_race" | "revoked";

/** How a picture that came with a success status was unfit to be passed on. */
export type PictureDefect =
  | "not_a_picture"
  | "truncated"
  | "wrong_dimensions"
  | "wrong_format"
  | "blank"
  | "checkerboard"
  | "undecodable"
  | "digest_mismatch";

/** How a response with a success status could not be understood. */
export type ResponseDefect = "not_json" | "no_picture" | "html" | "bad_base64" | "unexpected_type";

/** Why one upstream call did not yield a picture that may be passed on. */
export type AttemptFailure =
  /** The slice of the deadline lent to this attempt ran out. `phase` says what we were waiting for. */
  | { readonly reason: "timed_out"; readonly timeoutMs: number; readonly phase: "headers" | "body" }
  /** The connection could not be made, or closed before any response byte: the upstream never took the work on. */
  | { readonly reason: "connect_failed" }
  /** The connection closed after the request was sent and before the response was whole. */
  | { readonly reason: "connection_lost"; readonly receivedBytes: number }
  /** The upstream says that it is full, now. `retryAfterMs` is its own word, already capped. */
  | { readonly reason: "overloaded"; readonly status: number; readonly retryAfterMs?: number }
  /** A quota of hours or days is used up, or credits are: this key is of no use until somebody acts. */
  | { readonly reason: "quota_exhausted"; readonly status: number; readonly retryAfterMs?: number }
  /** 5xx other than 503/504. */
  | { readonly reason: "upstream_error"; readonly status: number }
  /** The upstream's own 504: it did not finish in time. */
  | { readonly reason: "upstream_timeout"; readonly status: number }
  /** The provider refuses this prompt or this picture. Never tried elsewhere. `detail` is the provider's category word. */
  | { readonly reason: "refused_content"; readonly detail: string }
  /** The provider says that the request itself is wrong. `detail` is its own message without our prompt, at most 200 characters. */
  | { readonly reason: "invalid_request"; readonly status: number; readonly detail?: string }
  /** The key is missing rights or wrong. */
  | { readonly reason: "unauthorized"; readonly status: number }
  /** The secret that the catalogue names is not set, so the call was never made. */
  | { readonly reason: "secret_missing"; readonly secret: string }
  /** The model is not (or no longer) there. */
  | { readonly reason: "model_gone"; readonly status: number }
  /** What the endpoint reports that it serves is not the pinned version. */
  | { readonly reason: "pin_mismatch"; readonly expected: string; readonly reported: string }
  /** A success status whose body is not what the dialect promises. */
  | { readonly reason: "bad_response"; readonly defect: ResponseDefect }
  /** A success status whose picture is broken. */
  | { readonly reason: "bad_picture"; readonly defect: PictureDefect }
  /** The response is larger than the policy allows to take. */
  | { readonly reason: "too_large"; readonly limitBytes: number }
  /** The model cannot do what is asked (a mask, this size); nothing was sent. */
  | { readonly reason: "unsupported"; readonly option: string }
  /** The scheduler refused a slot: predicted to miss the deadline, or the place is full or ejected. Nothing was sent. */
  | {
      readonly reason: "not_admitted";
      readonly why: "predicted_late" | "no_endpoint" | "shed" | "not_before";
      readonly retryAfterMs?: number;
    }
  /** We stopped it. */
  | { readonly reason: "cancelled"; readonly cause: CancelCause };

export type AttemptFailureReason = AttemptFailure["reason"];

/** What a failed attempt means. */
export interface FailureTraits {
  /** May another endpoint, region, model or provider be tried for this request? */
  readonly tryElsewhere: boolean;
  /** May the very same endpoint be tried again (after `retryAfterMs`, where given)? */
  readonly retrySame: boolean;
  /** Does it count against the endpoint's health? `hard` trips, `throttle` only holds back, `none` is ignored. */
  readonly blames: "hard" | "timeout" | "throttle" | "config" | "none";
  /** May the upstream have done (and billed) the work? Then an expensive model is not repeated blindly. */
  readonly maybeBilled: boolean;
}

const traits = (
  tryElsewhere: boolean,
  retrySame: boolean,
  blames: FailureTraits["blames"],
  maybeBilled: boolean,
): FailureTraits => ({ tryElsewhere, retrySame, blames, maybeBilled });

/** One row a reason. Sources: control.md §3 (what trips), providers.md §6 (what is billed). */
export const ATTEMPT_FAILURE_TRAITS: Readonly<Record<AttemptFailureReason, FailureTraits>> = {
  timed_out: traits(true, false, "timeout", true),
  connect_failed: traits(true, true, "hard", false),
  connection_lost: traits(true, false, "hard", true),
  overloaded: traits(true, true, "throttle", false),
  quota_exhausted: traits(true, false, "config", false),
  upstream_error: traits(true, true, "hard", true),
  upstream_timeout: traits(true, false, "timeout", true),
  refused_content: traits(false, false, "none", false),
  invalid_request: traits(false, false, "none", false),
  unauthorized: traits(true, false, "config", false),
  secret_missing: traits(true, false, "config", false),
  model_gone: traits(true, false, "config", false),
  pin_mismatch: traits(true, false, "config", true),
  bad_response: traits(true, true, "hard", true),
  bad_picture: traits(true, true, "hard", true),
  too_large: traits(true, false, "none", true),
  unsupported: traits(true, false, "none", false),
  not_admitted: traits(true, false, "none", false),
  cancelled: traits(false, false, "none", true),
};

/** Traits of one failure. */
export function traitsOf(failure: AttemptFailure): FailureTraits {
  return ATTEMPT_FAILURE_TRAITS[failure.reason];
}

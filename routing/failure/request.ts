/**
 * Why a whole request failed: the closed list behind `code` in a problem document, with its status and retry advice.
 *
 * What the caller may know is decided here and nowhere else; no upstream URL, key or body can get in, because no field could carry it.
 */
import type { AttemptFailure } from "./attempt.ts";

/** `code` of a problem document (RFC 9457 extension member), one row each in `REQUEST_FAILURES`. */
export type RequestFailureCode = keyof typeof REQUEST_FAILURES;

interface RequestFailureRow {
  /** HTTP status. 499 is ours alone: the client is gone and nobody reads it. */
  readonly status: number;
  readonly title: string;
  /** May the same request succeed if the client sends it again? Becomes `x-should-retry`. */
  readonly retryable: boolean;
}

const row = (status: number, title: string, retryable: boolean): RequestFailureRow => ({ status, title, retryable });

/** Status, title and retry advice of each code. */
export const REQUEST_FAILURES = {
  invalid_request: row(400, "The request is not valid", false),
  moderation_blocked: row(400, "The prompt or picture was refused", false),
  model_unknown: row(400, "No such model", false),
  unauthenticated: row(401, "A key is needed", false),
  forbidden: row(403, "This key may not do that", false),
  not_found: row(404, "Nothing is here", false),
  method_not_allowed: row(405, "This method is not for this path", false),
  superseded: row(409, "A newer request took its place", false),
  conflict: row(409, "The resource is busy", true),
  payload_too_large: row(413, "The request is too large", false),
  unsupported_media_type: row(415, "This content type is not taken", false),
  idempotency_mismatch: row(422, "The idempotency key was used for another request", false),
  rate_limited: row(429, "Too many requests", true),
  client_gone: row(499, "The client left", false),
  internal: row(500, "Something broke inside the router", true),
  upstream_failed: row(502, "No endpoint could make the picture", true),
  not_configured: row(503, "The router has no configuration for this", false),
  no_capacity: row(503, "No endpoint has room in time", true),
  deadline_exceeded: row(504, "The deadline passed", false),
} as const satisfies Record<string, RequestFailureRow>;

/** Why a request failed, as the caller may see it. */
export interface RequestFailure {
  readonly code: RequestFailureCode;
  /** One sentence for a person: what happened and what to do. Holds no prompt, URL or key. */
  readonly detail: string;
  /** JSON pointer to the offending member, for `invalid_request`. */
  readonly path?: string;
  /** When a retry makes sense, ms from now. */
  readonly retryAfterMs?: number;
  /** The last attempt's failure, for metrics and the trail. */
  readonly cause?: AttemptFailure;
}

/** A success or a typed failure: the core's return shape where something expected can go wrong. */
export type Result<Value, Failure> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly failure: Failure };

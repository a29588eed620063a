/**
 * Request failures as RFC 9457 problem documents.
 *
 * The status and retry advice come from routing's table. Holds no URL, key, prompt or body: a `RequestFailure` has no field for them.
 */
import { REQUEST_FAILURES, type RequestFailure, type Snapshot } from "../../routing/index.ts";

/** Namespace of the `type` member; a name, not a page. */
const TYPE_PREFIX = "urn:galley:problem:";

/** The problem document of a failure, as JSON. */
export function toProblem(failure: RequestFailure, requestId: string): Record<string, unknown> {
  const { status, title } = REQUEST_FAILURES[failure.code];
  return {
    type: `${TYPE_PREFIX}${failure.code}`,
    title,
    status,
    detail: failure.detail,
    code: failure.code,
    request_id: requestId,
    ...(failure.path === undefined ? {} : { path: failure.path }),
    ...(failure.retryAfterMs === undefined ? {} : { retry_after_ms: Math.ceil(failure.retryAfterMs) }),
  };
}

/** Retry advice for clients: `Retry-After` in whole seconds and `x-should-retry` where a retry cannot help. */
export function retryHeaders(failure: RequestFailure): Record<string, string> {
  return {
    ...(failure.retryAfterMs === undefined
      ? {}
      : { "retry-after": String(Math.max(1, Math.ceil(failure.retryAfterMs / 1000))) }),
    ...(REQUEST_FAILURES[failure.code].retryable ? {} : { "x-should-retry": "false" }),
  };
}

/** The whole problem response. `headers` are those that say what happened so far. */
export function problemResponse(
  failure: RequestFailure,
  { requestId, snapshot }: { readonly requestId: string; readonly snapshot?: Snapshot },
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(JSON.stringify(toProblem(failure, requestId)), {
    status: REQUEST_FAILURES[failure.code].status,
    headers: {
      ...(snapshot === undefined ? {} : { "galley-config": snapshot.version }),
      ...headers,
      ...retryHeaders(failure),
      "galley-request-id": requestId,
      "content-type": "application/problem+json",
      "cache-control": "no-store",
    },
  });
}

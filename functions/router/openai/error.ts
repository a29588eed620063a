/**
 * Request failures in OpenAI's shape, for the paths that its clients call: `{"error":{message,type,param,code}}`.
 *
 * Codes that OpenAI has are spelt as it spells them, the others as in Galley's problem documents. SDKs retry 408, 409, 429 and every
 * 5xx; `x-should-retry: false` stops the OpenAI ones where that cannot help (providers.md §4.2, §4.3).
 */
import {
  REQUEST_FAILURES,
  type RequestFailure,
  type RequestFailureCode,
  type Snapshot,
} from "../../../routing/index.ts";
import { retryHeaders } from "../problem.ts";

/** Longest wait asked of a client, s: openai 6 sleeps through any `retry-after`, the others ignore one over 60 (providers.md §4.2). */
const MAX_RETRY_AFTER_S = 30;

interface Shape {
  readonly type: string;
  readonly code: string;
  /** Where OpenAI's differs from the problem document's. */
  readonly status?: number;
}

const invalid = (code: string, status?: number): Shape => ({
  type: "invalid_request_error",
  code,
  ...(status === undefined ? {} : { status }),
});
const server = (code: string): Shape => ({ type: "server_error", code });

const SHAPES: Readonly<Record<RequestFailureCode, Shape>> = {
  invalid_request: invalid("invalid_value"),
  moderation_blocked: { type: "image_generation_user_error", code: "moderation_blocked" },
  model_unknown: invalid("model_not_found", 404),
  unauthenticated: invalid("invalid_api_key"),
  forbidden: invalid("forbidden"),
  not_found: invalid("not_found"),
  method_not_allowed: invalid("method_not_allowed"),
  superseded: invalid("superseded"),
  conflict: invalid("conflict"),
  payload_too_large: invalid("payload_too_large"),
  unsupported_media_type: invalid("unsupported_media_type"),
  idempotency_mismatch: invalid("idempotency_mismatch"),
  rate_limited: { type: "requests", code: "rate_limit_exceeded" },
  client_gone: server("client_gone"),
  internal: server("internal"),
  upstream_failed: server("upstream_failed"),
  not_configured: server("not_configured"),
  no_capacity: server("no_capacity"),
  deadline_exceeded: server("deadline_exceeded"),
};

/** What the native members are called here. */
const PARAMS: Readonly<Record<string, string>> = { width: "size", height: "size", format: "output_format" };

/** The status of a code on these paths. */
export function openAiStatus(code: RequestFailureCode): number {
  return SHAPES[code].status ?? REQUEST_FAILURES[code].status;
}

/** The error document. */
export function toOpenAiError(failure: RequestFailure): { readonly error: Record<string, string | null> } {
  const { type, code } = SHAPES[failure.code];
  return { error: { message: messageOf(failure), type, param: paramOf(failure.path), code } };
}

/** The whole error response. `headers` are those that say what happened so far. */
export function openAiErrorResponse(
  failure: RequestFailure,
  { requestId, snapshot }: { readonly requestId: string; readonly snapshot?: Snapshot },
  headers: Readonly<Record<string, string>> = {},
): Response {
  const retry = retryHeaders(failure);
  const waitS = retry["retry-after"];
  return new Response(JSON.stringify(toOpenAiError(failure)), {
    status: openAiStatus(failure.code),
    headers: {
      ...(snapshot === undefined ? {} : { "galley-config": snapshot.version }),
      ...headers,
      ...retry,
      ...(waitS === undefined ? {} : { "retry-after": String(Math.min(Number(waitS), MAX_RETRY_AFTER_S)) }),
      ...identityHeaders(requestId),
      "content-type": "application/json",
      "cache-control": "no-store",
    },
  });
}

/** The request's id by both names: the SDKs read `x-request-id`. */
export function identityHeaders(requestId: string): Record<string, string> {
  return { "galley-request-id": requestId, "x-request-id": requestId };
}

/** A refusal names the provider's category the way OpenAI does, where it is a plain word. */
function messageOf({ code, detail, cause }: RequestFailure): string {
  const isNamed = code === "moderation_blocked" && cause?.reason === "refused_content" && /^[\w-]+$/.test(cause.detail);
  return isNamed ? `${detail} safety_violations=[${cause.detail}]` : detail;
}

/** `/size` → `size`; `/text/0/content` → `text.0.content`. */
function paramOf(path: string | undefined): string | null {
  if (path === undefined || path === "") return null;
  const [first = "", ...rest] = path.slice(1).split("/");
  return [PARAMS[first] ?? first, ...rest].join(".");
}

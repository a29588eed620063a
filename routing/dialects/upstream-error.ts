/**
 * An upstream's error answer: its body in whatever shape, and what a bare status means where the body says nothing.
 *
 * Shapes (providers.md): OpenAI and vLLM engine `{error: {message, type, code}}`, Google `{error: {status, details}}` also inside an
 * array, FastAPI `{detail}`, Ideogram `{error: "…"}`, Stability `{name, errors: ["…"]}`, Cloudflare `{errors: [{code, message}]}`.
 * Each dialect judges first; `failureOfStatus` is the default. The message never leaves except through `safeDetail`.
 */
import type { AttemptFailure } from "../failure/index.ts";
import type { Reading, ResponseHead, Work } from "./dialect.ts";
import { listAt, numberAt, parseJson, textAt, valueAt } from "./read-json.ts";
import { retryAfterMs } from "./retry-after.ts";
import { safeDetail } from "./safe-detail.ts";
import { failed } from "./settled.ts";

/** Most of an error body that is read, bytes. Real ones are under 4 KiB; FastAPI's list may echo its input. */
export const ERROR_BODY_BYTES = 64 * 1024;

export interface UpstreamError {
  readonly status: number;
  /** Error codes, types, names and reasons, lower case. */
  readonly words: readonly string[];
  /** Numeric codes (Cloudflare). */
  readonly codes: readonly number[];
  /** As the upstream wrote it: may hold the prompt. */
  readonly message?: string;
  /** `google.rpc` details. */
  readonly details: readonly unknown[];
  /** From the headers, ms, capped. */
  readonly retryAfterMs?: number;
}

/** Reads an error answer's small body, asks the dialect what it means, else goes by the status. */
export function errorReading(
  head: ResponseHead,
  work: Work,
  judge: (error: UpstreamError) => AttemptFailure | undefined,
): Reading {
  if (head.status < 400) {
    // A redirect (never followed: it would carry the key elsewhere) or a status that no picture comes with.
    return { read: "nothing", failure: { reason: "bad_response", defect: "unexpected_type" } };
  }
  return {
    read: "text",
    maxBytes: ERROR_BODY_BYTES,
    settle: (text) => {
      const error = parseUpstreamError(head, text);
      return failed(judge(error) ?? failureOfStatus(error, work));
    },
  };
}

/** Whatever can be understood of an error body; never throws. */
export function parseUpstreamError(head: ResponseHead, text: string): UpstreamError {
  const document = parseJson(text);
  const body = Array.isArray(document) ? document[0] : document;
  const error = valueAt(body, "error");
  const details = listAt(error, "details");
  const listed = listAt(body, "errors");
  const words = [
    textAt(error, "code"),
    textAt(error, "type"),
    textAt(error, "status"),
    textAt(body, "name"),
    textAt(body, "code"),
    textAt(body, "detail", "code"),
    ...details.map((detail) => textAt(detail, "reason")),
  ];
  const codes = [numberAt(error, "code"), ...listed.map((entry) => numberAt(entry, "code"))];
  const message =
    textAt(error, "message") ??
    textAt(body, "error") ??
    messageOfDetail(valueAt(body, "detail")) ??
    textAt(listed, 0) ??
    textAt(listed, 0, "message") ??
    textAt(body, "message");
  const waitMs = retryAfterMs(head);
  return {
    status: head.status,
    words: words.filter((word) => word !== undefined).map((word) => word.toLowerCase()),
    codes: codes.filter((code) => code !== undefined),
    details,
    ...(message === undefined ? {} : { message }),
    ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
  };
}

/** FastAPI: a string, an object with a message, or pydantic's list, of which `input` (it quotes what we sent) is left out. */
function messageOfDetail(detail: unknown): string | undefined {
  if (typeof detail === "string") return detail;
  const first = valueAt(detail, 0);
  const field = listAt(first, "loc")
    .filter((step) => step !== "body")
    .join(".");
  const message = textAt(first, "msg") ?? textAt(detail, "message");
  return message === undefined || field === "" ? message : `${field}: ${message}`;
}

/** What a status means when the body does not say better. */
export function failureOfStatus(error: UpstreamError, work: Work): AttemptFailure {
  const { status } = error;
  if (status === 401 || status === 403 || status === 407) return { reason: "unauthorized", status };
  if (status === 402) return quotaExhausted(error);
  if (status === 404 || status === 405 || status === 410) return { reason: "model_gone", status };
  if (status === 408 || status === 504 || status === 524) return { reason: "upstream_timeout", status };
  if (status === 425 || status === 429 || status === 503 || status === 529) return overloaded(error);
  if (status >= 499) return { reason: "upstream_error", status };
  return invalidRequest(error, work);
}

/** Full, now. */
export function overloaded(error: UpstreamError, waitMs = error.retryAfterMs): AttemptFailure {
  return { reason: "overloaded", status: error.status, ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }) };
}

/** A quota of hours or days, or the credits, are used up. */
export function quotaExhausted(error: UpstreamError, waitMs = error.retryAfterMs): AttemptFailure {
  return { reason: "quota_exhausted", status: error.status, ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }) };
}

/** The request itself is wrong, with the provider's message as far as it may be shown. */
export function invalidRequest(error: UpstreamError, work: Work): AttemptFailure {
  const detail = safeDetail(error.message, work.request);
  return { reason: "invalid_request", status: error.status, ...(detail === undefined ? {} : { detail }) };
}

/**
 * How long an upstream asks us to stay away, out of its headers.
 *
 * `retry-after-ms` (OpenAI) before `retry-after` (RFC 9110 §10.2.3: seconds or an HTTP date). A date is counted from the time the
 * head arrived, else from the response's own `date`, which no clock skew touches. Nonsense counts as not said.
 */
import type { ResponseHead } from "./dialect.ts";

/** Longest wait that is believed, ms: a longer one would take an endpoint out on one upstream's word. */
export const MAX_RETRY_AFTER_MS = 120_000;

/** Wait asked for, ms, 0…MAX_RETRY_AFTER_MS; `undefined` when the head does not say. */
export function retryAfterMs(head: ResponseHead): number | undefined {
  const inMs = head.headers.get("retry-after-ms")?.trim();
  if (inMs !== undefined && /^\d+(\.\d+)?$/.test(inMs)) return capRetryAfterMs(Number(inMs));
  const value = head.headers.get("retry-after")?.trim();
  if (value === undefined || value === "") return undefined;
  if (/^\d+(\.\d+)?$/.test(value)) return capRetryAfterMs(Number(value) * 1000);
  const atMs = httpDateMs(value);
  const nowMs = head.nowMs ?? httpDateMs(head.headers.get("date") ?? "");
  return atMs === undefined || nowMs === undefined ? undefined : capRetryAfterMs(atMs - nowMs);
}

/** A wait within bounds, whole ms. */
export function capRetryAfterMs(waitMs: number): number {
  return Math.ceil(Math.min(MAX_RETRY_AFTER_MS, Math.max(0, waitMs)));
}

/** `google.protobuf.Duration` in JSON (`"17s"`, `"0.250s"`) → ms within bounds. */
export function durationMs(text: string | undefined): number | undefined {
  const seconds = /^(\d+(?:\.\d+)?)s$/.exec(text ?? "")?.[1];
  return seconds === undefined ? undefined : capRetryAfterMs(Number(seconds) * 1000);
}

/** Dates carry letters; without any, `Date.parse` would take `-5` for a year. */
function httpDateMs(value: string): number | undefined {
  if (!/^[A-Za-z]{3,9},? /.test(value)) return undefined;
  const atMs = Date.parse(value);
  return Number.isNaN(atMs) ? undefined : atMs;
}

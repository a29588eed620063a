/**
 * What every upstream call has in common: where it goes, which headers it carries, what is missing before it can be made.
 *
 * The key stays out of here: each dialect puts it into the one header that its provider reads.
 */
import type { AttemptFailure } from "../failure/index.ts";
import type { Call, Target, Work } from "./dialect.ts";

/**
 * `path` under an endpoint's base URL. A base that already ends in the path's first segment (`…/v1`, `…/generate`) is not given it
 * twice; a query on the base stays.
 */
export function upstreamUrl(base: string, path: string): string {
  const url = new URL(base);
  const prefix = url.pathname.replace(/\/+$/, "");
  const first = /^\/[^/]+/.exec(path)?.[0] ?? "";
  const isThere = first !== "" && (prefix === first || prefix.endsWith(first));
  url.pathname = prefix + (isThere ? path.slice(first.length) : path);
  return url.href;
}

/** Headers of the first call of an attempt: its id (so that a provider may deduplicate), the time it has, the trace it belongs to. */
export function workHeaders(work: Work): Record<string, string> {
  return {
    "x-request-id": work.attemptId,
    "x-timeout-ms": String(Math.max(0, Math.floor(work.timeoutMs))),
    ...(work.traceparent === undefined ? {} : { traceparent: work.traceparent }),
  };
}

/** `authorization: Bearer …`, or nothing for an endpoint without a key. */
export function bearer(key: string | undefined): Record<string, string> {
  return key === undefined ? {} : { authorization: `Bearer ${key}` };
}

/** A JSON call. Members that are `undefined` are left out of the body. */
export function jsonCall(
  url: string,
  headers: Readonly<Record<string, string>>,
  body: Readonly<Record<string, unknown>>,
): Call {
  return {
    method: "POST",
    url,
    headers: { ...headers, "content-type": "application/json" },
    body: JSON.stringify(body),
  };
}

/** `secret_missing` when the catalogue names a secret for this endpoint and none was handed over. */
export function missingSecret(target: Target): AttemptFailure | undefined {
  const { secret } = target.endpoint;
  return secret !== undefined && target.key === undefined ? { reason: "secret_missing", secret } : undefined;
}

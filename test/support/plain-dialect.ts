/**
 * The plainest dialect, for tests that are not about dialects: POST, then the body is the picture.
 *
 * The status says how it failed; `x-pin`, `x-gpu-ms` and `x-cost-usd` say what the endpoint reports.
 */
import type { Dialect, Reading, Reported, ResponseHead, Target, Work } from "../../routing/dialects/dialect.ts";
import type { AttemptFailure } from "../../routing/failure/index.ts";

/** Speaks it; the picture must have the asked size and format. */
export const plainDialect: Dialect = {
  name: "generate",
  begin: (work, target) => ({
    ok: true,
    value: { step: { call: callOf(work, target), receive: (head) => receive(head) }, warnings: [] },
  }),
  expectedSize: (work) => ({ width: work.request.width, height: work.request.height }),
  expectedFormat: (work) => work.request.format,
};

/** The same, with a look at `/models` for the pin. */
export const lookingDialect: Dialect = {
  ...plainDialect,
  pinLook: (target) => ({
    call: { method: "GET", url: target.endpoint.url.replace("://", "://look-"), headers: {} },
    settle: (status, text) => (status === 200 && text !== "" ? text : undefined),
  }),
};

function callOf(work: Work, target: Target) {
  const { request, model } = work;
  return {
    method: "POST" as const,
    url: `${target.endpoint.url}/generate`,
    headers: {
      "x-timeout-ms": String(work.timeoutMs),
      "x-request-id": work.attemptId,
      ...(target.key === undefined ? {} : { authorization: `Bearer ${target.key}` }),
      ...(work.traceparent === undefined ? {} : { traceparent: work.traceparent }),
    },
    body: JSON.stringify({ model: model.upstreamName, seed: request.seed, steps: work.steps, width: request.width }),
  };
}

function receive(head: ResponseHead): Reading {
  if (head.status !== 200) return { read: "nothing", failure: failureOf(head) };
  return { read: "picture", reported: reportedIn(head.headers) };
}

function reportedIn(headers: Headers): Reported {
  const pin = headers.get("x-pin");
  const gpuMs = headers.get("x-gpu-ms");
  const costUsd = headers.get("x-cost-usd");
  return {
    ...(pin === null ? {} : { pin }),
    ...(gpuMs === null ? {} : { serviceMs: Number(gpuMs) }),
    ...(costUsd === null ? {} : { costUsd: Number(costUsd) }),
  };
}

function failureOf({ status, headers }: ResponseHead): AttemptFailure {
  const retryAfter = headers.get("retry-after");
  const retryAfterMs = retryAfter === null ? {} : { retryAfterMs: Number(retryAfter) * 1_000 };
  if (status === 429 || status === 503) return { reason: "overloaded", status, ...retryAfterMs };
  if (status === 504) return { reason: "upstream_timeout", status };
  if (status === 422) return { reason: "refused_content", detail: "violence" };
  if (status === 400) return { reason: "invalid_request", status, detail: "no such size" };
  if (status === 404) return { reason: "model_gone", status };
  if (status === 401) return { reason: "unauthorized", status };
  return { reason: "upstream_error", status };
}

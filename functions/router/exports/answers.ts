/**
 * Answers about a job: accepted, its state, its end.
 */

import {
  type Ahead,
  etaMs,
  isOver,
  REQUEST_FAILURES,
  type RequestFailure,
  type Snapshot,
} from "../../../routing/index.ts";
import type { JobRecord } from "../../exports/job-store.ts";
import { stateDocument } from "../../exports/state-document.ts";
import { problemResponse } from "../problem.ts";
import type { RequestContext } from "../request-context.ts";
import { imageResponse } from "./image.ts";

/** Longest Retry-After that a caller is given, s: whoever polls may look once a minute. */
const MAX_RETRY_AFTER_S = 60;

/** 202 with where to look and when. */
export function acceptedResponse(record: JobRecord, context: RequestContext, options: DocumentOptions): Response {
  return documentResponse(record, context, { ...options, status: 202 });
}

/** How many of a model's pictures are drawn at once, wherever it stands. */
export function slotsOf(snapshot: Snapshot, model: string): number {
  return Object.values(snapshot.content.catalog.endpoints)
    .filter((endpoint) => endpoint.model === model)
    .map(({ concurrency }) => (concurrency.kind === "known" ? concurrency.slots : concurrency.initial))
    .reduce((sum, slots) => sum + slots, 0);
}

export interface DocumentOptions {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly ahead?: Ahead;
}

/** The state document. */
export function documentResponse(
  record: JobRecord,
  { requestId, snapshot }: Pick<RequestContext, "requestId" | "snapshot">,
  { status = 200, headers = {}, ahead }: DocumentOptions = {},
): Response {
  const nowMs = Date.now();
  const { order, job } = record;
  const eta = etaMs(job, nowMs, ahead);
  return new Response(JSON.stringify(stateDocument(record, nowMs, ahead)), {
    status,
    headers: {
      ...headers,
      "content-type": "application/json",
      "cache-control": "no-store",
      "galley-request-id": requestId,
      "galley-config": snapshot.version,
      "galley-route": order.route,
      "galley-reason": order.reason,
      ...(order.arms === undefined ? {} : { "galley-arm": order.arms.arm }),
      ...(status === 202 ? { location: `/v1/exports/${order.terms.id}` } : {}),
      ...(eta === undefined ? {} : { "retry-after": String(retryAfterS(eta - nowMs)) }),
    },
  });
}

const retryAfterS = (ms: number): number => Math.min(MAX_RETRY_AFTER_S, Math.max(1, Math.ceil(ms / 1_000)));

export interface Waited {
  readonly request: Request;
  readonly context: RequestContext;
  readonly waitS: number;
}

/** After `Prefer: wait`: the picture, the failure, or 202 where it is not over yet. */
export async function settledResponse(record: JobRecord, { request, context, waitS }: Waited): Promise<Response> {
  const headers = { "preference-applied": `wait=${waitS}` };
  if (!isOver(record.job)) return acceptedResponse(record, context, { headers });
  const location = `/v1/exports/${record.order.terms.id}`;
  const failure = endFailure(record);
  if (failure !== undefined) return problemResponse(failure, context, { ...headers, location });
  const { method } = request;
  const plain = new Request(request.url, { method: method === "HEAD" ? "HEAD" : "GET" });
  const response = await imageResponse({ record, env: context.env, request: plain, requestId: context.requestId });
  for (const [name, value] of Object.entries({ ...headers, "content-location": `${location}/image`, location }))
    response.headers.set(name, value);
  return response;
}

/** Why there is no picture; `undefined`: there is one, or may be one later. */
export function endFailure({ job }: JobRecord): RequestFailure | undefined {
  if (job.failure === undefined) return undefined;
  const { code, detail } = job.failure;
  return code === "cancelled" || !(code in REQUEST_FAILURES) ? { code: "conflict", detail } : { code, detail };
}

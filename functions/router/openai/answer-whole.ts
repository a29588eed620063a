/**
 * A call that is answered when all its pictures are there, joined with the client's own earlier tries of it.
 */
import type { Decided, RequestFailure } from "../../../routing/index.ts";
import { platformClock } from "../adapters/clock.ts";
import { fingerprint } from "../joining/fingerprint.ts";
import { createRetries } from "../joining/retries.ts";
import { LEFT } from "../joining/shared-work.ts";
import { linkPictures } from "../links/link-pictures.ts";
import type { DrawnAll } from "../make-pictures.ts";
import type { RequestContext } from "../request-context.ts";
import { answerImages } from "./answer-json.ts";
import type { ImagesCall } from "./call.ts";
import { openAiErrorResponse } from "./error.ts";
import { drawToShare, ownCopy } from "./shared-pictures.ts";

/** What runs in this isolate, or ran lately. */
const retries = createRetries<DrawnAll>(platformClock);

/** How long past its deadline a request waits for work that another one does, ms: room for the last answer to come across. */
const LATE_MS = 1_000;

export interface WholeAnswer {
  readonly request: Request;
  readonly call: ImagesCall;
  readonly decided: Decided;
  readonly context: RequestContext;
  readonly headers: Readonly<Record<string, string>>;
}

/** Draws, or joins what draws already, and answers. */
export async function answerWhole({ request, call, decided, context, headers }: WholeAnswer): Promise<Response> {
  const { ask, count, kind, delivery } = call;
  const { admitted, snapshot, automation } = context;
  const timeLeftMs = decided.deadlineMs + LATE_MS;
  const joined = await retries.join({
    fingerprint: await fingerprint({
      tenant: admitted.tenant,
      version: snapshot.version,
      automation,
      kind,
      ask,
      count,
    }),
    retryCount: retryCountOf(request),
    signal: AbortSignal.any([context.signal, AbortSignal.timeout(timeLeftMs)]),
    overAtMs: context.startedAtMs + timeLeftMs,
    start: (signal, isShared) => drawToShare({ ask, decided, context: { ...context, signal }, count }, isShared),
    background: context.background,
  });
  if (joined.joined === LEFT) return openAiErrorResponse(whyLeft(context), context);
  const all = joined.joined === "no" ? joined.value : ownCopy(joined.value);
  const allHeaders = joined.joined === "no" ? headers : { ...headers, "galley-cache": "joined" };
  const pictures =
    all.failed === undefined ? all.drawn.flatMap(({ result }) => (result.ok ? [result.picture] : [])) : [];
  if (delivery === "b64_json" || pictures.length === 0) {
    return answerImages({ all, context, delivered: pictures.map((b64) => ({ b64 })), headers: allHeaders });
  }
  const linked = await linkPictures(pictures, { context, origin: new URL(request.url).origin });
  if (!linked.ok) return openAiErrorResponse(linked.failure, context, allHeaders);
  return answerImages({ all, context, delivered: linked.value.map((url) => ({ url })), headers: allHeaders });
}

function whyLeft({ signal }: RequestContext): RequestFailure {
  return signal.aborted
    ? { code: "client_gone", detail: "The client left before the picture was ready." }
    : { code: "deadline_exceeded", detail: "No picture was ready in time." };
}

/** The OpenAI SDKs count their retries in a header (providers.md §4.2); no other client does. */
function retryCountOf(request: Request): number {
  const count = request.headers.get("x-stainless-retry-count");
  return count !== null && /^\d{1,2}$/.test(count) ? Number(count) : 0;
}

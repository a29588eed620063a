/**
 * The Worker of the memory bench: the same picture out of the same document in three ways.
 *
 * `/pass`: the JSON untouched, the floor. `/naive`: `await response.json()` and the platform's decoder, as every gateway does it today.
 * `/galley`: the gemini dialect and the streaming extractor, without the router around them.
 */
import { gemini } from "../../../routing/dialects/gemini/gemini.ts";
import { checkPicture } from "../../../routing/image/check.ts";
import { extractPicture } from "../../../routing/image/extract.ts";
import { targetAt, WORK } from "./gemini-work.ts";

/** The policy's default (design.md §5.6). */
const MAX_HEAD_BYTES = 4 * 1024 * 1024;

interface Context {
  waitUntil(work: Promise<unknown>): void;
}

interface GeminiAnswer {
  readonly candidates: readonly [
    { readonly content: { readonly parts: readonly [{ readonly inlineData: { readonly data: string } }] } },
  ];
}

export default {
  async fetch(request: Request, env: { readonly UPSTREAM: string }, context: Context): Promise<Response> {
    const way = new URL(request.url).pathname.slice(1);
    if (way === "galley") return galley(env.UPSTREAM, context);
    const upstream = await fetch(env.UPSTREAM, { method: "POST", body: "{}" });
    return way === "naive" ? naive(upstream) : new Response(upstream.body);
  },
};

async function naive(upstream: Response): Promise<Response> {
  const answer = (await upstream.json()) as GeminiAnswer;
  return new Response(Uint8Array.fromBase64(answer.candidates[0].content.parts[0].inlineData.data));
}

async function galley(upstreamUrl: string, context: Context): Promise<Response> {
  const begun = gemini.begin(WORK, targetAt(upstreamUrl));
  if (!begun.ok) return failed(begun.failure);
  const { call, receive } = begun.value.step;
  const upstream = await fetch(call.url, { method: call.method, headers: call.headers, body: call.body as string });
  const reading = receive({ status: upstream.status, headers: upstream.headers });
  if (reading.read !== "embedded" || upstream.body === null) return failed(reading);
  const found = await extractPicture(upstream.body, reading.select, { maxHeadBytes: MAX_HEAD_BYTES });
  if (!found.found) return failed(found.document);
  const { held } = found;
  const checked = await checkPicture(held);
  if (!checked.ok) return failed(checked.failure);
  const settled = found.document.then((document) => document.ok && reading.settle(document.value));
  if (held.whole) {
    const reported = await settled;
    if (reported === false || !reported.ok) return failed(reported);
    return new Response(held.head);
  }
  const flow = held.open(checked.value.format);
  context.waitUntil(Promise.all([flow.finished, settled]));
  return new Response(flow.stream);
}

function failed(why: unknown): Response {
  return Response.json(why, { status: 502 });
}

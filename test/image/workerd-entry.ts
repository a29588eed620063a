/**
 * What workerd.test.ts runs inside workerd: the folder on the platform's own streams and decoder. One file of the bundle, no test itself.
 */
import { openSource } from "../../routing/image/byte-source.ts";
import { extractPicture } from "../../routing/image/extract.ts";
import type { Flow } from "../../routing/image/flow.ts";
import { type Held, holdHead } from "../../routing/image/head.ts";
import { isolateHeadBudget } from "../../routing/image/head-budget.ts";
import { embedInJson } from "../../routing/image/to-base64.ts";
import { disagreement } from "./scan-fuzz.ts";

const GEMINI = { paths: [["candidates", "*", "content", "parts", "*", "inlineData", "data"]], unless: "thought" };

interface Context {
  waitUntil(work: Promise<unknown>): void;
}

/** How each flow ended, in order. */
const ends: unknown[] = [];

export default {
  async fetch(request: Request, env: { readonly UPSTREAM: string }, context: Context): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/fuzz")
      return Response.json(fuzz(Number(searchParams.get("from")), Number(searchParams.get("to"))));
    if (pathname === "/ends") return Response.json({ ends: ends.splice(0), heldBytes: isolateHeadBudget.usedBytes() });
    const upstream = await fetch(`${env.UPSTREAM}${pathname}`);
    const body = upstream.body as ReadableStream<Uint8Array<ArrayBuffer>>;
    const maxBytes = Number(searchParams.get("head") ?? 4 * 1024 * 1024);
    const length = upstream.headers.get("content-length");
    if (searchParams.has("embed")) {
      const flow = embedInJson(body, {
        prefix: '{"image":"',
        suffix: '"}',
        ...(length === null ? {} : { pictureBytes: Number(length) }),
      });
      context.waitUntil(flow.finished.then((end) => ends.push(end)));
      return new Response(flow.stream);
    }
    if (searchParams.has("json")) {
      const found = await extractPicture(body, GEMINI, { maxHeadBytes: maxBytes });
      if (!found.found) return Response.json(found.document, { status: 502 });
      context.waitUntil(found.document.then((document) => ends.push(document)));
      return answer(found.held, context);
    }
    const held = await holdHead(openSource(body), {
      maxBytes,
      ...(length === null ? {} : { lengthBytes: Number(length) }),
    });
    return held.ok ? answer(held.value, context) : Response.json(held.failure, { status: 502 });
  },
};

function answer(held: Held, context: Context): Response {
  if (held.whole) return new Response(held.head, { headers: { "x-held": "whole" } });
  const flow: Flow = held.open();
  context.waitUntil(flow.finished.then((end) => ends.push(end)));
  return new Response(flow.stream, { headers: { "x-held": "head" } });
}

function fuzz(from: number, to: number): unknown {
  const found: string[] = [];
  for (let seed = from; seed < to; seed++) {
    const wrong = disagreement(seed);
    if (wrong !== undefined) found.push(wrong);
  }
  return { isNative: "setFromBase64" in Uint8Array.prototype, found };
}

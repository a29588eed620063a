/**
 * Between the runtime's AI binding and HTTP: what the binding takes, and its outputs and exceptions as responses.
 *
 * Models answer with a stream, with bytes, with `{image: base64}` or with a ready response (providers.md §3e); here all of them become a
 * response as the REST API would give, so that the dialect reads one thing. Pure but for building web objects; the adapter that holds
 * the binding calls `run(call.url, toBindingInputs(call), { signal })` and passes the outcome through here.
 */
import type { Call } from "../dialect.ts";
import { textAt } from "../read-json.ts";
import { statusOfCode } from "./judge.ts";

/** Inputs for `run`. A form goes as the multipart body that FLUX.2 wants. */
export function toBindingInputs(call: Call): Record<string, unknown> {
  if (!(call.body instanceof FormData)) return { ...call.binding?.inputs };
  const encoded = new Response(call.body);
  return { multipart: { body: encoded.body, contentType: encoded.headers.get("content-type") } };
}

/** Whatever `run` resolved with. Nothing that could be a picture becomes an empty document, which the dialect reports. */
export function toBindingResponse(output: unknown): Response {
  if (output instanceof Response) return output;
  if (output instanceof ReadableStream || output instanceof ArrayBuffer) return ofBytes(output);
  if (output instanceof Uint8Array) return ofBytes(output.slice());
  const base64 = typeof output === "string" ? output : textAt(output, "image");
  return json(200, base64 === undefined ? {} : { image: base64.replace(/^data:image\/[\w.+-]+;base64,/, "") });
}

/** Whatever `run` threw: `"3040: …"`, with or without a class name before it. An abort is the caller's own doing: rethrow that one. */
export function toBindingError(error: unknown): Response {
  const message = error instanceof Error ? error.message : String(error);
  const digits = /\b([3-9]\d{3}):/.exec(message)?.[1];
  const code = digits === undefined ? undefined : Number(digits);
  return json(statusOfCode(code), { success: false, errors: [{ ...(code === undefined ? {} : { code }), message }] });
}

function ofBytes(body: ReadableStream | ArrayBuffer | Uint8Array<ArrayBuffer>): Response {
  return new Response(body, { headers: { "content-type": "application/octet-stream" } });
}

function json(status: number, document: unknown): Response {
  return new Response(JSON.stringify(document), { status, headers: { "content-type": "application/json" } });
}

/**
 * Does the endpoint serve the version that the catalogue pins?
 *
 * The picture's own response is believed first. Where it does not say, a look at the endpoint runs beside the render and must have
 * answered before the first byte is released; its answer is remembered per endpoint. Fails open only where nobody says anything:
 * then the picture is `unverified`. A version that differs is never served.
 */
import type { Model } from "../config/snapshot.ts";
import type { Dialect, Target } from "../dialects/dialect.ts";
import type { AttemptFailure, Result } from "../failure/index.ts";
import type { PinMemory, Upstream } from "./ports.ts";

/** Most bytes read of the answer to a look: a list of models. */
const MAX_LOOK_BYTES = 256 * 1024;

export interface EndpointLook {
  readonly dialect: Dialect;
  readonly target: Target;
  readonly model: Model;
  readonly upstream: Upstream;
  readonly signal: AbortSignal;
}

export interface PinLook extends EndpointLook {
  readonly pins: PinMemory | undefined;
}

/** A way to ask the endpoint now which version it serves; `undefined` where the dialect knows none. The way rejects with the connection. */
export function wayToLook(look: EndpointLook): (() => Promise<string | undefined>) | undefined {
  const way = look.dialect.pinLook?.(look.target, look.model);
  if (way === undefined) return undefined;
  return async () => {
    const response = await look.upstream.send(way.call, look.signal);
    return way.settle(response.status, await readBounded(response.body));
  };
}

/** Starts the look; `undefined` where there is no memory to keep it in or the dialect knows no way. Never rejects. */
export function startPinLook(look: PinLook): Promise<string | undefined> | undefined {
  const { target, pins } = look;
  const load = pins === undefined ? undefined : wayToLook(look);
  if (pins === undefined || load === undefined) return undefined;
  // A look that fails says nothing about the version; the render beside it tells whether the endpoint is well.
  return pins.look(target.endpoint.id, load).catch(() => undefined);
}

/** Compares the pin with what was reported, if anything was. */
export function checkPin(
  expected: string,
  reported: string | undefined,
): Result<"verified" | "unverified", AttemptFailure> {
  if (reported === undefined) return { ok: true, value: "unverified" };
  if (expected === reported) return { ok: true, value: "verified" };
  return { ok: false, failure: { reason: "pin_mismatch", expected, reported } };
}

async function readBounded(body: ReadableStream<Uint8Array<ArrayBuffer>> | null): Promise<string> {
  if (body === null) return "";
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (let bytes = 0; bytes < MAX_LOOK_BYTES; ) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    bytes += value.length;
    text += decoder.decode(value, { stream: true });
  }
  await reader.cancel();
  return text;
}

/**
 * Sends a reply over HTTP, whole or in the broken way that a fault asks for.
 */
import type { ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { Reply } from "./exchange.ts";
import type { Fault } from "./faults.ts";

const DRIP_PIECES = 60;
const DRIP_MS = 30_000;

/** Resets the connection: the client gets no response, or a cut one. */
export function reset(response: ServerResponse): void {
  response.socket?.resetAndDestroy();
}

/** Waits until the client has left (or the server closes its connections). */
export function untilGone(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

/** One reply and how it is to be sent. The signal aborts when the client leaves. */
export interface Delivery {
  readonly reply: Reply;
  readonly fault?: Fault;
  readonly signal: AbortSignal;
  readonly timeScale: number;
}

/** Sends the reply; resolves when it is handed over, cut off, or no longer wanted. */
export async function deliver(response: ServerResponse, delivery: Delivery): Promise<void> {
  const { reply, fault, signal } = delivery;
  if (signal.aborted) return;
  const body = typeof reply.body === "string" ? Buffer.from(reply.body) : reply.body;
  if (fault?.kind === "reset-before-headers") return reset(response);
  response.writeHead(reply.status, { ...reply.headers, "content-length": String(body.length) });
  switch (fault?.kind) {
    case "reset-after-headers":
      response.write(body.subarray(0, body.length >> 1), () => reset(response));
      return;
    case "cut-after-headers":
      response.write(body.subarray(0, body.length >> 1), () => response.socket?.destroySoon());
      return;
    case "stall-after-headers":
      response.flushHeaders();
      response.write(body.subarray(0, Math.min(1024, body.length >> 2)));
      return untilGone(signal);
    case "slow-drip":
      return drip(response, body, { spanMs: (fault.durationMs ?? DRIP_MS) * delivery.timeScale, signal });
    default:
      response.end(body);
  }
}

async function drip(
  response: ServerResponse,
  body: Uint8Array,
  { spanMs, signal }: { readonly spanMs: number; readonly signal: AbortSignal },
): Promise<void> {
  const piece = Math.max(1, Math.ceil(body.length / DRIP_PIECES));
  for (let at = 0; at < body.length; at += piece) {
    if (signal.aborted) return;
    response.write(body.subarray(at, at + piece));
    await sleep(spanMs / DRIP_PIECES, undefined, { signal, ref: false }).catch(() => undefined);
  }
  response.end();
}

/**
 * A byte source as a stream for the client: what was held back first, then what still comes, with back-pressure.
 *
 * The stream closes only after a good end. Whatever else happens (connection lost, bytes too few, picture cut off) it errors, so that a
 * short picture is never silent. In workerd it is an internal stream, into which buffers go round; elsewhere a pulled one.
 */
import type { AttemptFailure } from "../failure/index.ts";
import { freeBuffer } from "./buffers.ts";
import { type ByteSource, READ_BYTES } from "./byte-source.ts";

/** How a flow ended. `bytes` is what was handed on; when a pipe of the platform's broke, what is known to have been. */
export type FlowEnd =
  | { readonly whole: true; readonly bytes: number }
  | { readonly whole: false; readonly bytes: number; readonly failure: AttemptFailure };

export interface Flow {
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** Never rejects. Where the runtime ends work with the handler, keep it alive until then. */
  readonly finished: Promise<FlowEnd>;
}

export interface FlowInput {
  /** Sent first, in this order. Emptied while it is sent. */
  readonly held: Uint8Array<ArrayBuffer>[];
  readonly source: ByteSource;
  /** Whole length, when known: fewer or more bytes are a failure, and workerd sends a Content-Length. */
  readonly lengthBytes?: number;
  /** Sees every chunk before it is sent; it must not keep it. */
  watch?(chunk: Uint8Array): void;
  /** Asked once after the last byte; a failure breaks the stream. */
  verdict?(bytes: number): AttemptFailure | undefined;
  /** Nothing of what was held is held any more. Called at least once, however the flow ends. */
  heldIsSent?(): void;
}

interface IdentityPair {
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly writable: WritableStream<Uint8Array<ArrayBuffer>>;
}

/** workerd's internal streams; absent elsewhere. */
interface WorkerdGlobals {
  readonly IdentityTransformStream?: new () => IdentityPair;
  readonly FixedLengthStream?: new (lengthBytes: number) => IdentityPair;
}

/** Begins to send. */
export function openFlow(input: FlowInput): Flow {
  const { IdentityTransformStream, FixedLengthStream } = globalThis as WorkerdGlobals;
  if (IdentityTransformStream === undefined || FixedLengthStream === undefined) return pulledFlow(input);
  const pair =
    input.lengthBytes === undefined ? new IdentityTransformStream() : new FixedLengthStream(input.lengthBytes);
  return { stream: pair.readable, finished: pump(input, pair.writable) };
}

type Step = { readonly chunk: Uint8Array<ArrayBuffer> } | { readonly end: FlowEnd };

/** The next chunk to send, or how it ended; counts and watches. */
function stepper(input: FlowInput): { next(spare?: ArrayBuffer): Promise<Step>; sent(): number } {
  const { held, source, lengthBytes } = input;
  let bytes = 0;
  const take = (chunk: Uint8Array<ArrayBuffer>): Step => {
    bytes += chunk.length;
    input.watch?.(chunk);
    return { chunk };
  };
  return {
    sent: () => bytes,
    async next(spare) {
      const first = held.shift();
      if (first !== undefined) return take(first);
      input.heldIsSent?.();
      const piece = await source.next(spare);
      if (piece.kind === "bytes" && piece.restart) {
        await source.cancel(TAKEN_BACK.reason);
        return { end: { whole: false, bytes, failure: TAKEN_BACK } };
      }
      if (piece.kind === "bytes") return take(piece.bytes);
      if (piece.kind === "failed") return { end: { whole: false, bytes, failure: piece.failure } };
      const short = lengthBytes !== undefined && lengthBytes !== bytes;
      const failure: AttemptFailure | undefined = short
        ? { reason: "bad_picture", defect: "truncated" }
        : input.verdict?.(bytes);
      return { end: failure === undefined ? { whole: true, bytes } : { whole: false, bytes, failure } };
    },
  };
}

/** The document excluded its picture after it had begun to stream. */
const TAKEN_BACK: AttemptFailure = { reason: "bad_response", defect: "no_picture" };

/** Reason of a stream that we break off; the client's connection is cut. */
function broken(failure: AttemptFailure): Error {
  return new Error(`the picture broke off: ${failure.reason}`);
}

const CLIENT_GONE: AttemptFailure = { reason: "cancelled", cause: "client_gone" };

/**
 * Pushes into a writable end. A write there resolves once its bytes were taken, so its buffer may be filled again: one goes round, and
 * those of what was held back are freed one after the other.
 */
async function pump(input: FlowInput, writable: WritableStream<Uint8Array<ArrayBuffer>>): Promise<FlowEnd> {
  const { source, held } = input;
  const writer = writable.getWriter();
  // A reader that leaves rejects `closed`; the writes below tell it too.
  writer.closed.catch(() => undefined);
  const { lengthBytes } = input;
  const steps = stepper(input);
  let spare: ArrayBuffer | undefined;
  try {
    for (;;) {
      // With a known length the platform itself sees to it that no byte is missing, so that nothing has to be watched.
      if (held.length === 0 && lengthBytes !== undefined && source.pipeRest !== undefined) {
        writer.releaseLock();
        return await pipe(input, writable, { sent: steps.sent(), lengthBytes });
      }
      const step = await steps.next(spare);
      if ("end" in step) {
        if (step.end.whole) await writer.close();
        else await writer.abort(broken(step.end.failure)).catch(() => undefined);
        return step.end;
      }
      await writer.write(step.chunk);
      if (!source.fillsBuffers) continue;
      spare = step.chunk.buffer;
      if (held.length === 0 && spare.byteLength <= READ_BYTES) continue;
      freeBuffer(spare);
      spare = undefined;
    }
  } catch (error: unknown) {
    await source.cancel(error);
    return { whole: false, bytes: steps.sent(), failure: CLIENT_GONE };
  } finally {
    if (spare !== undefined) freeBuffer(spare);
    if (source.fillsBuffers) for (const chunk of held) freeBuffer(chunk.buffer);
    input.heldIsSent?.();
  }
}

/** The rest by the platform's own pipe. */
async function pipe(
  { source, heldIsSent }: FlowInput,
  writable: WritableStream<Uint8Array<ArrayBuffer>>,
  known: { readonly sent: number; readonly lengthBytes: number },
): Promise<FlowEnd> {
  heldIsSent?.();
  const end = await source.pipeRest?.(writable);
  if (end === "whole") return { whole: true, bytes: known.lengthBytes };
  if (end === "sink_failed") return { whole: false, bytes: known.sent, failure: CLIENT_GONE };
  const failure: AttemptFailure = { reason: "connection_lost", receivedBytes: known.sent };
  await writable.abort(broken(failure)).catch(() => undefined);
  return { whole: false, bytes: known.sent, failure };
}

/** Pulled by its reader, one chunk ahead of nothing. */
function pulledFlow(input: FlowInput): Flow {
  const { promise: finished, resolve } = Promise.withResolvers<FlowEnd>();
  const steps = stepper(input);
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        const step = await steps.next();
        if ("chunk" in step) return controller.enqueue(step.chunk);
        if (step.end.whole) controller.close();
        else controller.error(broken(step.end.failure));
        resolve(step.end);
      },
      async cancel(reason) {
        input.heldIsSent?.();
        resolve({ whole: false, bytes: steps.sent(), failure: CLIENT_GONE });
        await input.source.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
  return { stream, finished };
}

/**
 * Bytes by demand, in few big reads: what every reader of a response body in this folder reads from.
 *
 * On byte streams (every body in workerd) a read fills a buffer that the caller hands over, so that buffers go round instead of
 * being made anew; elsewhere a plain reader serves and the buffer is left unused. Holds no bytes itself.
 * A broken connection is a value here, never a throw.
 */
import type { AttemptFailure } from "../failure/index.ts";
import { freeBuffer } from "./buffers.ts";

/** Bytes asked for in one read: large enough that the price of a read vanishes, small enough for eight pictures at once (bench:memory). */
export const READ_BYTES = 256 * 1024;

/** What a read yields. Bytes belong to the caller from then on. */
export type Piece =
  /** `restart`: what came before was not the picture after all, it begins here. Only where one is searched for in a document. */
  | { readonly kind: "bytes"; readonly bytes: Uint8Array<ArrayBuffer>; readonly restart?: true }
  | { readonly kind: "end" }
  | { readonly kind: "failed"; readonly failure: AttemptFailure };

export interface ByteSource {
  /**
   * The next bytes, at least one. `spare`: a buffer the caller no longer needs, to be filled if possible; it is gone afterwards.
   * After `end` or `failed` it answers the same again.
   */
  next(spare?: ArrayBuffer): Promise<Piece>;
  /** Stops the source; the upstream sees its connection close. Never rejects. */
  cancel(reason?: unknown): Promise<void>;
  /** What was read so far is being sent on: from now on nothing begins again (`restart`) because something better came. */
  keep?(): void;
  /** Do chunks fill the caller's buffers, so that the caller alone holds them? */
  readonly fillsBuffers: boolean;
  /**
   * Sends all that is still to come into `writable` and closes it, without a detour through JavaScript: for 25 MB 0.035 CPU s in
   * place of 0.055 by a loop (workerd 1.20261117.1). The source is used up. Only where the platform pipes by itself.
   */
  pipeRest?(writable: WritableStream<Uint8Array<ArrayBuffer>>): Promise<PipeEnd>;
}

/** Which side ended a pipe. After `source_failed` the writable is still open. */
export type PipeEnd = "whole" | "source_failed" | "sink_failed";

interface Reader {
  /** `undefined` at the end. */
  read(spare: ArrayBuffer | undefined): Promise<Uint8Array<ArrayBuffer> | undefined>;
  cancel(reason?: unknown): Promise<void>;
}

/** workerd's own name for `read(view, { min })`. */
interface WorkerdByobReader extends ReadableStreamBYOBReader {
  readAtLeast?(
    minElements: number,
    view: Uint8Array<ArrayBuffer>,
  ): Promise<{ done: boolean; value?: Uint8Array<ArrayBuffer> }>;
}

/** Takes the stream over (locks it). `readBytes`: size of a buffer where none is handed over, at least 1. */
export function openSource(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  readBytes: number = READ_BYTES,
): ByteSource {
  const byob = tryByobReader(stream);
  const reader = byob === undefined ? plainReader(stream) : byobReader(byob, readBytes);
  let receivedBytes = 0;
  let last: Piece | undefined;

  return {
    fillsBuffers: byob !== undefined,
    async next(spare) {
      if (last !== undefined) return last;
      try {
        for (;;) {
          const bytes = await reader.read(spare);
          if (bytes === undefined) {
            last = { kind: "end" };
            return last;
          }
          if (bytes.length === 0) continue;
          receivedBytes += bytes.length;
          return { kind: "bytes", bytes };
        }
      } catch {
        last = { kind: "failed", failure: { reason: "connection_lost", receivedBytes } };
        return last;
      }
    },
    async cancel(reason) {
      last ??= { kind: "failed", failure: { reason: "connection_lost", receivedBytes } };
      // A stream that already broke rejects its cancel; there is nothing left to stop then.
      await reader.cancel(reason).catch(() => undefined);
    },
    ...(byob === undefined || !hasInternalStreams ? {} : { pipeRest: pipeRestOf(stream, byob) }),
  };
}

/** workerd: streams that move bytes without JavaScript. */
const hasInternalStreams = "IdentityTransformStream" in globalThis;

function pipeRestOf(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  reader: ReadableStreamBYOBReader,
): NonNullable<ByteSource["pipeRest"]> {
  return async (writable) => {
    reader.releaseLock();
    try {
      await stream.pipeTo(writable, { preventAbort: true, preventCancel: true });
      return "whole";
    } catch (error: unknown) {
      await stream.cancel(error).catch(() => undefined);
      return (await takesBytes(writable)) ? "source_failed" : "sink_failed";
    }
  };
}

/**
 * Both sides of a broken pipe look alike from here, and only a write of a real byte tells them apart. It does no harm: what it is
 * written to is about to be broken off.
 */
async function takesBytes(writable: WritableStream<Uint8Array<ArrayBuffer>>): Promise<boolean> {
  const writer = writable.getWriter();
  writer.closed.catch(() => undefined);
  try {
    await writer.write(new Uint8Array(1));
    return true;
  } catch {
    return false;
  } finally {
    writer.releaseLock();
  }
}

/** Only byte streams give one; the others throw a TypeError. */
function tryByobReader(stream: ReadableStream<Uint8Array<ArrayBuffer>>): WorkerdByobReader | undefined {
  try {
    return stream.getReader({ mode: "byob" });
  } catch {
    return undefined;
  }
}

function byobReader(reader: WorkerdByobReader, readBytes: number): Reader {
  let ended = false;
  return {
    async read(spare) {
      if (ended) return undefined;
      const view = new Uint8Array(spare ?? new ArrayBuffer(readBytes));
      const { done, value } = reader.readAtLeast
        ? await reader.readAtLeast(view.length, view)
        : await reader.read(view, { min: view.length });
      // The last bytes come with `done` in the standard's `min` reads and before it in workerd's.
      ended = done;
      if (value !== undefined && value.length > 0) return value;
      // Nobody gets this buffer back.
      if (value !== undefined) freeBuffer(value.buffer);
      return done ? undefined : value;
    },
    cancel: (reason) => reader.cancel(reason),
  };
}

function plainReader(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Reader {
  const reader = stream.getReader();
  return {
    async read() {
      const { done, value } = await reader.read();
      return done ? undefined : value;
    },
    cancel: (reason) => reader.cancel(reason),
  };
}

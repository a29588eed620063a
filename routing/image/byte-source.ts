/**
 * Bytes by demand, in few big reads: what every reader of a response body in this folder reads from.
 *
 * On byte streams (every body in workerd) a read fills a buffer that the caller hands over, so that buffers go round instead of
 * being made anew; elsewhere a plain reader serves and the buffer is left unused. Holds no bytes itself.
 * A broken connection is a value here, never a throw.
 */
import type { AttemptFailure } from "../failure/index.ts";

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
  /** Do chunks fill the caller's buffers, so that the caller alone holds them? */
  readonly fillsBuffers: boolean;
}

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
  };
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
      return done && !value?.length ? undefined : value;
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

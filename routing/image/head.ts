/**
 * Holds a picture's first bytes back, so that it can be checked (and another attempt made) before the client sees anything.
 *
 * A picture that ends within the bound is held whole; of a larger one the first chunk is shown for the check and the rest streams.
 * Memory: at most `maxBytes` and one read a picture, freed as the client takes it.
 */
import type { AttemptFailure, Result } from "../failure/index.ts";
import { type ByteSource, READ_BYTES } from "./byte-source.ts";
import { endsWell, TAIL_BYTES } from "./complete.ts";
import { type Flow, openFlow } from "./flow.ts";
import type { PictureFormat } from "./request.ts";
import { SNIFF_BYTES } from "./sniff.ts";

/** The beginning of a picture, or all of it. */
export type Held =
  | { readonly whole: true; readonly head: Uint8Array<ArrayBuffer> }
  | {
      readonly whole: false;
      /** At least SNIFF_BYTES of it. Not to be changed or kept. */
      readonly head: Uint8Array<ArrayBuffer>;
      /** Streams all of the picture, the head included. Once. With the format, its end is checked too. */
      open(format?: PictureFormat): Flow;
      /** Drops it and stops the upstream. */
      discard(reason?: unknown): Promise<void>;
    };

export interface HoldOptions {
  /** Most bytes held back before the picture begins to stream. One read more may be held. */
  readonly maxBytes: number;
  /** Whole length of the picture where it is known beforehand (Content-Length without Content-Encoding). */
  readonly lengthBytes?: number;
}

/** Reads until the bound or the end. A failure here came before the client saw a byte. */
export async function holdHead(source: ByteSource, options: HoldOptions): Promise<Result<Held, AttemptFailure>> {
  const { lengthBytes } = options;
  // A picture known to be too large for the bound streams anyway: hold no more of it than the check needs.
  const stopAtBytes =
    lengthBytes !== undefined && lengthBytes > options.maxBytes ? SNIFF_BYTES : Math.max(options.maxBytes, SNIFF_BYTES);
  let chunks: Uint8Array<ArrayBuffer>[] = [];
  let heldBytes = 0;
  while (heldBytes < stopAtBytes) {
    const piece = await source.next(nextBuffer(lengthBytes, heldBytes));
    if (piece.kind === "failed") return { ok: false, failure: piece.failure };
    if (piece.kind === "end") {
      if (lengthBytes !== undefined && lengthBytes !== heldBytes) return truncated();
      return { ok: true, value: { whole: true, head: joined(chunks, heldBytes) } };
    }
    if (piece.restart) {
      chunks = [];
      heldBytes = 0;
    }
    chunks.push(piece.bytes);
    heldBytes += piece.bytes.length;
  }
  return { ok: true, value: streaming(source, gatherSniff(chunks), lengthBytes) };
}

/** Room for all that is still to come where that is known: one read, no copy. The extra byte lets the end show itself. */
function nextBuffer(lengthBytes: number | undefined, heldBytes: number): ArrayBuffer | undefined {
  if (lengthBytes === undefined) return undefined;
  return new ArrayBuffer(Math.min(READ_BYTES, Math.max(1, lengthBytes - heldBytes)));
}

function truncated(): Result<never, AttemptFailure> {
  return { ok: false, failure: { reason: "bad_picture", defect: "truncated" } };
}

/** Puts the first chunks together until one holds enough for the check; big reads leave nothing to do. */
function gatherSniff(chunks: Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer>[] {
  let count = 0;
  let bytes = 0;
  while (bytes < SNIFF_BYTES && count < chunks.length) bytes += chunks[count++]?.length ?? 0;
  return [joined(chunks.slice(0, count), bytes), ...chunks.slice(count)];
}

function joined(chunks: readonly Uint8Array<ArrayBuffer>[], bytes: number): Uint8Array<ArrayBuffer> {
  const [first] = chunks;
  if (first !== undefined && chunks.length === 1) return first;
  const all = new Uint8Array(bytes);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

function streaming(source: ByteSource, held: Uint8Array<ArrayBuffer>[], lengthBytes: number | undefined): Held {
  const head = held[0] ?? new Uint8Array(0);
  return {
    whole: false,
    head,
    discard: (reason) => source.cancel(reason),
    open(format) {
      const tail = tailKeeper();
      const start = head.slice(0, 12);
      return openFlow({
        held,
        source,
        ...(lengthBytes === undefined ? {} : { lengthBytes }),
        ...(format === undefined
          ? {}
          : {
              watch: tail.watch,
              verdict: (bytes: number) =>
                endsWell({ format, head: start, tail: tail.last(), lengthBytes: bytes })
                  ? undefined
                  : ({ reason: "bad_picture", defect: "truncated" } as const),
            }),
      });
    },
  };
}

/** Remembers the last TAIL_BYTES of what passes. */
function tailKeeper(): { watch(chunk: Uint8Array): void; last(): Uint8Array } {
  let tail = new Uint8Array(0);
  return {
    last: () => tail,
    watch(chunk) {
      const kept = chunk.length >= TAIL_BYTES ? 0 : Math.min(tail.length, TAIL_BYTES - chunk.length);
      const next = new Uint8Array(kept + Math.min(chunk.length, TAIL_BYTES));
      next.set(tail.subarray(tail.length - kept));
      next.set(chunk.subarray(-TAIL_BYTES), kept);
      tail = next;
    },
  };
}

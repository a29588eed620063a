/**
 * Holds a picture's first bytes back, so that it can be checked (and another attempt made) before the client sees anything.
 *
 * A picture that ends within the bound is held whole; of a larger one the first chunk is shown for the check and the rest streams.
 * Memory: at most `maxBytes` and one read a picture, all of an isolate together bounded by a budget, freed as the client takes it.
 */
import type { AttemptFailure, Result } from "../failure/index.ts";
import { freeBuffer } from "./buffers.ts";
import type { ByteSource } from "./byte-source.ts";
import { endsWell, TAIL_BYTES } from "./complete.ts";
import { type Flow, openFlow } from "./flow.ts";
import { type HeadBudget, type HeadShare, isolateHeadBudget } from "./head-budget.ts";
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
  /** Shared with the others that hold heads; the isolate's own where absent. */
  readonly budget?: HeadBudget;
}

/** Reads until the bound or the end. A failure here came before the client saw a byte. */
export async function holdHead(source: ByteSource, options: HoldOptions): Promise<Result<Held, AttemptFailure>> {
  const share = (options.budget ?? isolateHeadBudget).open();
  const result = await hold(source, options, share);
  // What is whole belongs to the caller from here on; what streams gives its share back as it goes.
  if (!result.ok || result.value.whole) share.giveBack();
  return result;
}

async function hold(
  source: ByteSource,
  { lengthBytes, maxBytes }: HoldOptions,
  share: HeadShare,
): Promise<Result<Held, AttemptFailure>> {
  // Room for all of a picture whose length is known and in bounds: one read, no copy.
  const isFitted = lengthBytes !== undefined && lengthBytes <= maxBytes && share.take(lengthBytes);
  // Of a picture known to be too large nothing is gained by holding more than the check needs.
  const stopAtBytes = lengthBytes !== undefined && !isFitted ? SNIFF_BYTES : Math.max(maxBytes, SNIFF_BYTES);
  let chunks: Uint8Array<ArrayBuffer>[] = [];
  let heldBytes = 0;
  while (heldBytes < stopAtBytes) {
    // Behind the last byte one more is asked for, so that the end shows itself.
    const roomBytes = isFitted && source.fillsBuffers ? Math.max(1, lengthBytes - heldBytes) : undefined;
    const piece = await source.next(roomBytes === undefined ? undefined : new ArrayBuffer(roomBytes));
    if (piece.kind === "failed") return { ok: false, failure: piece.failure };
    if (piece.kind === "end") {
      if (lengthBytes !== undefined && lengthBytes !== heldBytes) return truncated();
      return { ok: true, value: { whole: true, head: joined(chunks, source) } };
    }
    if (piece.restart) {
      chunks = [];
      heldBytes = 0;
      share.giveBack();
    }
    chunks.push(piece.bytes);
    heldBytes += piece.bytes.length;
    const isCounted = isFitted || share.take(piece.bytes.length);
    if (!isCounted && heldBytes >= SNIFF_BYTES) break;
  }
  return { ok: true, value: streaming({ source, held: gatherSniff(chunks, source), lengthBytes, share }) };
}

function truncated(): Result<never, AttemptFailure> {
  return { ok: false, failure: { reason: "bad_picture", defect: "truncated" } };
}

/** Puts the first chunks together until one holds enough for the check; big reads leave little to do. */
function gatherSniff(chunks: Uint8Array<ArrayBuffer>[], source: ByteSource): Uint8Array<ArrayBuffer>[] {
  let count = 0;
  let bytes = 0;
  while (bytes < SNIFF_BYTES && count < chunks.length) bytes += chunks[count++]?.length ?? 0;
  return [joined(chunks.slice(0, count), source), ...chunks.slice(count)];
}

/** All in one; a single one as it is. Frees the pieces where nobody else can have kept them. */
function joined(chunks: readonly Uint8Array<ArrayBuffer>[], source: ByteSource): Uint8Array<ArrayBuffer> {
  const [first] = chunks;
  if (first !== undefined && chunks.length === 1) return first;
  const all = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
    if (source.fillsBuffers) freeBuffer(chunk.buffer);
  }
  return all;
}

interface Streaming {
  readonly source: ByteSource;
  readonly held: Uint8Array<ArrayBuffer>[];
  readonly lengthBytes: number | undefined;
  readonly share: HeadShare;
}

function streaming({ source, held, lengthBytes, share }: Streaming): Held {
  const head = held[0] ?? new Uint8Array(0);
  return {
    whole: false,
    head,
    discard(reason) {
      share.giveBack();
      return source.cancel(reason);
    },
    open(format) {
      source.keep?.();
      const start = head.slice(0, 12);
      const tail = tailKeeper();
      const verdict = (bytes: number): AttemptFailure | undefined =>
        format === undefined || endsWell({ format, head: start, tail: tail.last(), lengthBytes: bytes })
          ? undefined
          : { reason: "bad_picture", defect: "truncated" };
      return openFlow({
        held,
        source,
        ...(lengthBytes === undefined ? {} : { lengthBytes }),
        watch: tail.watch,
        verdict,
        heldIsSent: share.giveBack,
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

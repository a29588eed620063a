/**
 * A picture into JSON, for clients that want base64: text before, the picture's base64 as it comes, text behind.
 *
 * The mirror of extract.ts, with the same big reads and buffers that go round; memory does not grow with the picture. Where the
 * picture's length is known the document's is too. A picture that breaks off breaks the document's stream.
 */
import { base64Length, encodeBase64 } from "./base64-encode.ts";
import { freeBuffer } from "./buffers.ts";
import { type ByteSource, openSource, type Piece } from "./byte-source.ts";
import { type Flow, openFlow } from "./flow.ts";
import { joinBytes } from "./read-bytes.ts";

/** Bytes read at a time: a multiple of 3, so that big reads leave nothing over. */
const READ_BYTES = 192 * 1024;

/** Bytes that become text at a time: short texts are collected cheaply (json-walk.ts). A multiple of 3. */
const SLICE_BYTES = 24 * 1024;

export interface AroundPicture {
  /** JSON text up to and with the opening quote. */
  readonly prefix: string;
  /** JSON text from the closing quote on. */
  readonly suffix: string;
  /** Length of the picture, when known. */
  readonly pictureBytes?: number;
}

/** Base64 of a stream, as ASCII bytes. Back-pressure, cancellation and errors pass through. */
export function toBase64Stream(
  bytes: ReadableStream<Uint8Array<ArrayBuffer>>,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  return embedInJson(bytes, { prefix: "", suffix: "" }).stream;
}

/** The document as a stream. Nobody escapes anything here: base64 needs none, and the texts around are JSON already. */
export function embedInJson(picture: ReadableStream<Uint8Array<ArrayBuffer>>, around: AroundPicture): Flow {
  const lengthBytes = embeddedBytes(around);
  return openFlow({
    held: around.prefix === "" ? [] : [encoder.encode(around.prefix)],
    source: base64Source(openSource(picture, READ_BYTES), around.suffix),
    ...(lengthBytes === undefined ? {} : { lengthBytes }),
  });
}

/** Length of the document that `embedInJson` makes, for Content-Length; `undefined` where the picture's is not known. */
export function embeddedBytes({ prefix, suffix, pictureBytes }: AroundPicture): number | undefined {
  if (pictureBytes === undefined) return undefined;
  return encoder.encode(prefix + suffix).length + base64Length(pictureBytes);
}

/**
 * Writes a stream's base64 into `writable` and leaves it open: for documents with several pictures in them. Rejects when the picture
 * breaks off, or when the reader of `writable` leaves; the picture is cancelled then.
 */
export async function writeBase64(
  bytes: ReadableStream<Uint8Array<ArrayBuffer>>,
  writable: WritableStream<Uint8Array<ArrayBuffer>>,
): Promise<void> {
  const source = base64Source(openSource(bytes, READ_BYTES), "");
  // In workerd's internal streams a write resolves once its bytes were taken; elsewhere they may still be queued.
  const goesRound = "IdentityTransformStream" in globalThis;
  const writer = writable.getWriter();
  let spare: ArrayBuffer | undefined;
  try {
    for (;;) {
      const piece = await source.next(spare);
      if (piece.kind === "end") return;
      if (piece.kind === "failed") throw new Error(`the picture broke off: ${piece.failure.reason}`);
      await writer.write(piece.bytes);
      spare = goesRound ? piece.bytes.buffer : undefined;
    }
  } catch (error: unknown) {
    await source.cancel(error);
    throw error;
  } finally {
    if (spare !== undefined) freeBuffer(spare);
    writer.releaseLock();
  }
}

const encoder = new TextEncoder();

/** A source of the picture's base64, then of `suffix`. */
function base64Source(source: ByteSource, suffix: string): ByteSource {
  let over = new Uint8Array(0);
  let spareInput: ArrayBuffer | undefined;
  let last: Piece | undefined;

  /** As many threes as there are, encoded over `room` where it is large enough. */
  function encode(bytes: Uint8Array, room: ArrayBuffer | undefined): Uint8Array<ArrayBuffer> {
    const count = over.length + bytes.length;
    const taken = count - (count % 3) - over.length;
    if (taken < 0) {
      over = joinBytes([over, bytes]);
      return new Uint8Array(0);
    }
    const needed = base64Length(over.length + taken);
    const text = new Uint8Array(room !== undefined && room.byteLength >= needed ? room : new ArrayBuffer(needed));
    const missing = over.length === 0 ? 0 : 3 - over.length;
    let at = write(joinBytes([over, bytes.subarray(0, missing)]), text, 0);
    for (let from = missing; from < taken; from += SLICE_BYTES) {
      at = write(bytes.subarray(from, Math.min(from + SLICE_BYTES, taken)), text, at);
    }
    over = bytes.slice(taken);
    return text.subarray(0, at);
  }

  function end(): Piece {
    if (spareInput !== undefined) freeBuffer(spareInput);
    last = { kind: "end" };
    const bytes = encoder.encode(encodeBase64(over) + suffix);
    return bytes.length === 0 ? last : { kind: "bytes", bytes };
  }

  return {
    fillsBuffers: true,
    cancel: (reason) => source.cancel(reason),
    async next(room) {
      if (last !== undefined) return last;
      for (;;) {
        const piece = await source.next(spareInput);
        if (piece.kind === "end") return end();
        if (piece.kind === "failed") {
          last = piece;
          return piece;
        }
        const bytes = encode(piece.bytes, room);
        spareInput = source.fillsBuffers ? piece.bytes.buffer : undefined;
        if (bytes.length > 0) return { kind: "bytes", bytes };
      }
    },
  };
}

/** Encodes `bytes` into `text` at `at`; where the next ones go. */
function write(bytes: Uint8Array, text: Uint8Array, at: number): number {
  return at + encoder.encodeInto(encodeBase64(bytes), text.subarray(at)).written;
}

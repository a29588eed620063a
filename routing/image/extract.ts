/**
 * A picture out of a JSON response, as a stream: few big reads, the platform's own decoder, and buffers that go round.
 *
 * Shows the picture as a byte source, so that it is held and streamed like one that came raw, and the document around it beside. The two
 * fail apart: a picture that is whole stays whole when the document behind it is broken. Memory does not grow with the picture.
 */

import type { AttemptFailure, Result } from "../failure/index.ts";
import {
  type Base64Scanner,
  createBase64Scanner,
  MAX_PICTURE_BYTES,
  MAX_REST_BYTES,
  type ScanDefect,
  type ScanOptions,
} from "./base64-scanner.ts";
import { freeBuffer } from "./buffers.ts";
import { type ByteSource, openSource, type Piece, READ_BYTES } from "./byte-source.ts";
import { type Held, holdHead } from "./head.ts";
import type { HeadBudget } from "./head-budget.ts";
import type { PictureField } from "./picture-field.ts";

export interface ExtractOptions extends ScanOptions {
  /** Most bytes of the picture held back before it begins to stream. */
  readonly maxHeadBytes: number;
  /** Length of the document, when known (Content-Length without Content-Encoding): keeps the buffers of a small one small. */
  readonly documentBytes?: number;
  /** Shared with the others that hold heads; the isolate's own where absent. */
  readonly budget?: HeadBudget;
}

/** The document with "" in the picture's place, for `settle`. */
export type DocumentResult = Result<unknown, AttemptFailure>;

export type Extraction =
  /** `document` is there at once when the picture is held whole, and at the stream's end otherwise. It never rejects. */
  | { readonly found: true; readonly held: Held; readonly document: Promise<DocumentResult> }
  /** No picture. A document that could be read says why (a refusal comes with status 200, too). */
  | { readonly found: false; readonly document: DocumentResult };

/** Reads a response until its picture is held whole, or its head is. */
export function extractPicture(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  select: PictureField,
  options: ExtractOptions,
): Promise<Extraction> {
  const readBytes = Math.min(READ_BYTES, (options.documentBytes ?? READ_BYTES) + 1);
  return extractFromSource(openSource(body, readBytes), select, options);
}

/** The same for a document whose source somebody watches over. */
export async function extractFromSource(
  source: ByteSource,
  select: PictureField,
  options: ExtractOptions,
): Promise<Extraction> {
  const { pictures, document } = openPictures(source, createBase64Scanner(select, options), options);
  const held = await holdHead(pictures, {
    maxBytes: options.maxHeadBytes,
    ...(options.budget === undefined ? {} : { budget: options.budget }),
  });
  if (held.ok) return { found: true, held: held.value, document };
  return { found: false, document: await document };
}

/** The scanner between a source of the document and a source of the picture in it. */
function openPictures(
  source: ByteSource,
  scanner: Base64Scanner,
  limits: ScanOptions,
): { readonly pictures: ByteSource; readonly document: Promise<DocumentResult> } {
  const { promise: document, resolve } = Promise.withResolvers<DocumentResult>();
  const ready: Piece[] = [];
  let restarted = false;
  let spareInput: ArrayBuffer | undefined;

  /** Reads on until something is ready. */
  async function readOn(room: ArrayBuffer | undefined): Promise<void> {
    while (ready.length === 0) {
      const piece = await source.next(spareInput);
      if (piece.kind !== "bytes") return finish(piece);
      const { restart, bytes, failed } = scanner.push(piece.bytes, room);
      spareInput = source.fillsBuffers ? piece.bytes.buffer : undefined;
      restarted ||= restart;
      if (bytes.length > 0) {
        ready.push({ kind: "bytes", bytes, ...(restarted ? { restart: true } : {}) });
        restarted = false;
      }
      if (failed === undefined) continue;
      await source.cancel(failed);
      const failure = toFailure(failed, limits);
      resolve({ ok: false, failure });
      ready.push({ kind: "failed", failure });
    }
  }

  /** The document is over, well or not: settles it and says the picture's last word. */
  function finish(piece: Piece): void {
    if (spareInput !== undefined) freeBuffer(spareInput);
    const end: DocumentResult = piece.kind === "failed" ? { ok: false, failure: piece.failure } : readDocument();
    resolve(end);
    if (scanner.hasPicture()) ready.push({ kind: "end" });
    else ready.push({ kind: "failed", failure: end.ok ? toFailure("no_picture", limits) : end.failure });
  }

  function readDocument(): DocumentResult {
    const end = scanner.end();
    return end.ok ? end : { ok: false, failure: toFailure(end.failure, limits) };
  }

  return {
    document,
    pictures: {
      fillsBuffers: true,
      async next(spare) {
        if (ready.length === 0) await readOn(spare);
        const [piece] = ready;
        // The last word stays: asked again, it is said again.
        if (piece?.kind === "bytes") ready.shift();
        return piece as Piece;
      },
      keep: scanner.keep,
      async cancel(reason) {
        await source.cancel(reason);
        resolve({ ok: false, failure: { reason: "connection_lost", receivedBytes: 0 } });
      },
    },
  };
}

/** What is wrong with the document, as the attempt's failure. */
function toFailure(defect: ScanDefect, limits: ScanOptions): AttemptFailure {
  if (defect === "truncated") return { reason: "bad_picture", defect };
  if (defect !== "too_large") return { reason: "bad_response", defect };
  const limitBytes = Math.max(limits.maxPictureBytes ?? MAX_PICTURE_BYTES, limits.maxRestBytes ?? MAX_REST_BYTES);
  return { reason: "too_large", limitBytes };
}

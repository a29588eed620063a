/**
 * Looks at a whole picture once more before it becomes an export: do all of its pixels come out?
 *
 * PNG: every row is inflated, and the deflate stream's own checksum has to agree, so that a byte that was damaged on the way is found
 * whatever its place; a picture of one colour or of nothing but squares is a defect too. Of JPEG and WebP signature, size and end are
 * looked at; whoever has a codec decodes them besides. Works on a stream: memory does not grow with the picture. Fails closed: what
 * cannot be read is a defect.
 */
import type { PictureDefect } from "../failure/index.ts";
import { flatTolerance, MIN_JUDGED_PIXELS } from "../image/blank.ts";
import { createCheckerboardJudge } from "../image/checkerboard.ts";
import { createFlatness, createRowReader, rowBytes } from "../image/png-rows.ts";
import { inflatePixels, pngHeader } from "../image/png-stream.ts";
import { readBytes, readHead } from "../image/read-bytes.ts";
import type { PictureFormat } from "../image/request.ts";
import { sniffPicture } from "../image/sniff.ts";

/** What the picture has to be. */
export interface Promised {
  readonly format: PictureFormat;
  /** px. */
  readonly width: number;
  readonly height: number;
}

/** Enough of any format to read its size, bytes. */
const HEAD_BYTES = 64 * 1024;

/** The bytes could not be read to their end, which says nothing of the picture. */
export class SourceBroke extends Error {}

/** The first defect; `undefined`: none. Rejects with `SourceBroke`. */
export async function verifyPicture(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  promised: Promised,
): Promise<PictureDefect | undefined> {
  const source = { isBroken: false };
  try {
    const defect = await verifyPieces(watched(readBytes(body), source), promised);
    if (!source.isBroken) return defect;
  } catch (error: unknown) {
    if (!source.isBroken) throw error;
  }
  throw new SourceBroke("The picture could not be read to its end");
}

async function* watched(pieces: AsyncGenerator<Bytes>, source: { isBroken: boolean }): AsyncGenerator<Bytes> {
  try {
    yield* pieces;
  } catch (error: unknown) {
    source.isBroken = true;
    throw error;
  }
}

async function verifyPieces(pieces: AsyncGenerator<Bytes>, promised: Promised): Promise<PictureDefect | undefined> {
  try {
    const head = await readHead(pieces, HEAD_BYTES);
    const found = sniffPicture(head);
    if (found === undefined || found === "need-more") return "not_a_picture";
    if (found.format !== promised.format) return "wrong_format";
    if (found.width !== promised.width || found.height !== promised.height) return "wrong_dimensions";
    return promised.format === "png" ? await verifyPng(head, pieces, promised) : undefined;
  } finally {
    await pieces.return(undefined);
  }
}

type Bytes = Uint8Array<ArrayBuffer>;

async function verifyPng(
  head: Bytes,
  rest: AsyncGenerator<Bytes>,
  { width, height }: Promised,
): Promise<PictureDefect | undefined> {
  const header = pngHeader(head);
  const rowsBytes = (rowBytes(header) + 1) * height;
  // Seven passes of other widths: only their sum is known to be no more than this.
  const mostBytes = header.interlaced ? rowsBytes + 8 * (height + width) : rowsBytes;
  const isJudged = !header.interlaced && width * height >= MIN_JUDGED_PIXELS;
  const board = isJudged ? createCheckerboardJudge(header) : undefined;
  const flatness = isJudged ? createFlatness(header, flatTolerance(header)) : undefined;
  let isFlat = isJudged;
  const rows = createRowReader(header, (row, filter) => {
    isFlat = isFlat && flatness?.(row, filter) === true;
    board?.row(row);
    return true;
  });
  let inflatedBytes = 0;
  let isSound = true;
  try {
    const { ended } = await inflatePixels(followedBy(head, rest), (piece) => {
      inflatedBytes += piece.length;
      isSound = inflatedBytes <= mostBytes && (header.interlaced || rows.push(piece));
      return isSound;
    });
    if (!ended) return "truncated";
  } catch {
    return "truncated";
  }
  if (!header.interlaced && inflatedBytes !== rowsBytes) return "truncated";
  if (isFlat) return "blank";
  return board?.isCheckerboard() ? "checkerboard" : undefined;
}

async function* followedBy(head: Bytes, rest: AsyncGenerator<Bytes>): AsyncGenerator<Bytes> {
  yield head;
  yield* rest;
}

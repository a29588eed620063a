/**
 * Looks at a whole picture once more before it becomes an export: do all of its pixels come out?
 *
 * PNG: every row is inflated, and the deflate stream's own checksum has to agree, so that a byte that was damaged on the way is found
 * whatever its place. JPEG and WebP are not decoded; their signature and size are looked at. Works on a stream: memory does not grow
 * with the picture. Fails closed: what cannot be read is a defect.
 */
import type { PictureDefect } from "../failure/index.ts";
import type { PictureFormat } from "../image/request.ts";
import { sniffPicture } from "../image/sniff.ts";
import { readBytes } from "./read-bytes.ts";

/** What the picture has to be. */
export interface Promised {
  readonly format: PictureFormat;
  /** px. */
  readonly width: number;
  readonly height: number;
}

/** Enough of any format to read its size, bytes. */
const HEAD_BYTES = 64 * 1024;

/** Samples a pixel of each PNG colour type. */
const CHANNELS: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/** The first defect; `undefined`: none. */
export async function verifyPicture(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  promised: Promised,
): Promise<PictureDefect | undefined> {
  const pieces = readBytes(body);
  try {
    const head = await readHead(pieces);
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

async function readHead(pieces: AsyncGenerator<Bytes>): Promise<Bytes> {
  let head = new Uint8Array(0);
  while (head.length < HEAD_BYTES) {
    const { done, value } = await pieces.next();
    if (done) break;
    const longer = new Uint8Array(head.length + value.length);
    longer.set(head);
    longer.set(value, head.length);
    head = longer;
  }
  return head;
}

async function verifyPng(
  head: Bytes,
  rest: AsyncGenerator<Bytes>,
  { width, height }: Promised,
): Promise<PictureDefect | undefined> {
  const [depth = 8, colour = 6, , , interlace = 0] = head.subarray(24, 29);
  const rowBytes = Math.ceil((width * depth * (CHANNELS[colour] ?? 4)) / 8);
  const inflater = new DecompressionStream("deflate");
  const feeding = feedPixels(inflater.writable.getWriter(), followedBy(head, rest));
  // Both ends fail together; the reading one tells.
  feeding.catch(() => undefined);
  let inflatedBytes = 0;
  try {
    for await (const piece of inflater.readable as ReadableStream<Bytes>) inflatedBytes += piece.length;
    if (!(await feeding)) return "truncated";
  } catch {
    return "truncated";
  }
  return interlace === 0 && inflatedBytes !== (rowBytes + 1) * height ? "truncated" : undefined;
}

async function* followedBy(head: Bytes, rest: AsyncGenerator<Bytes>): AsyncGenerator<Bytes> {
  yield head;
  yield* rest;
}

/** Gives the pixel chunks to the inflater. `true`: the end chunk came. PNG, 3rd edition, 5.3: length, type, data, CRC. */
async function feedPixels(
  writer: WritableStreamDefaultWriter<BufferSource>,
  pieces: AsyncGenerator<Bytes>,
): Promise<boolean> {
  const header = new Uint8Array(8);
  let isEnded = false;
  /** Bytes to pass over: the signature first. */
  let skip = 8;
  let headerBytes = 0;
  let pixelsLeft = 0;
  for await (const piece of pieces) {
    for (let at = 0; at < piece.length; ) {
      const left = piece.length - at;
      if (skip > 0) {
        at += Math.min(skip, left);
        skip -= Math.min(skip, left);
      } else if (pixelsLeft > 0) {
        const taken = Math.min(pixelsLeft, left);
        await writer.write(piece.subarray(at, at + taken));
        at += taken;
        pixelsLeft -= taken;
        if (pixelsLeft === 0) skip = 4;
      } else {
        header[headerBytes++] = piece[at++] as number;
        if (headerBytes < 8) continue;
        headerBytes = 0;
        const lengthBytes = new DataView(header.buffer).getUint32(0);
        const type = String.fromCharCode(...header.subarray(4));
        if (type === "IEND") isEnded = true;
        if (type === "IDAT" && lengthBytes > 0) pixelsLeft = lengthBytes;
        else skip = lengthBytes + 4;
      }
    }
  }
  await writer.close();
  return isEnded;
}

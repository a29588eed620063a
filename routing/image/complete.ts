/**
 * Is a picture that should be whole cut off?
 *
 * Follows each format's own end: PNG's IEND chunk, JPEG's EOI behind a scan, the length in WebP's RIFF header. Checksums are not
 * computed: damage inside is the transport's matter, a missing end is what upstreams that die leave behind. Bytes after the end pass.
 */
import { hasAscii, u32be, u32le } from "./integers.ts";
import { isEnd, isScan, scanDataEnd, segmentAt } from "./jpeg.ts";
import type { PictureFormat } from "./request.ts";

/** Does `bytes`, a picture of this format from its first byte on, reach its own end? */
export function isComplete(bytes: Uint8Array, format: PictureFormat): boolean {
  if (format === "png") return pngChunks(bytes).complete;
  if (format === "jpeg") return isCompleteJpeg(bytes);
  return webpLength(bytes) <= bytes.length;
}

/** Bytes looked at for the end of a picture that streams: room for what some encoders append behind it. */
export const TAIL_BYTES = 64;

/**
 * The same question for a picture of which only the first bytes (at least 12) and the last ones (up to TAIL_BYTES) are at hand.
 * For PNG and JPEG the end must stand within the tail.
 */
export function endsWell(picture: {
  readonly format: PictureFormat;
  readonly head: Uint8Array;
  readonly tail: Uint8Array;
  readonly lengthBytes: number;
}): boolean {
  if (picture.format === "webp") return webpLength(picture.head) <= picture.lengthBytes;
  const mark = picture.format === "png" ? "IEND" : "\xff\xd9";
  for (let at = picture.tail.length - mark.length; at >= 0; at--) {
    if (hasAscii(picture.tail, at, mark)) return true;
  }
  return false;
}

/** A part of a file: [from, to). */
export interface ByteRange {
  readonly from: number;
  readonly to: number;
}

/** The ranges of compressed pixels in a PNG, and whether IEND was reached with at least one of them before it. */
export function pngChunks(bytes: Uint8Array): { readonly complete: boolean; readonly pixels: readonly ByteRange[] } {
  const pixels: ByteRange[] = [];
  for (let at = 8; at + 12 <= bytes.length; ) {
    const dataAt = at + 8;
    const endAt = dataAt + u32be(bytes, at);
    if (endAt + 4 > bytes.length) break;
    if (hasAscii(bytes, at + 4, "IDAT")) pixels.push({ from: dataAt, to: endAt });
    if (hasAscii(bytes, at + 4, "IEND")) return { complete: pixels.length > 0, pixels };
    at = endAt + 4;
  }
  return { complete: false, pixels };
}

/** The entropy-coded ranges of a JPEG (one a scan), and whether EOI was reached behind at least one of them. */
export function jpegScans(bytes: Uint8Array): { readonly complete: boolean; readonly scans: readonly ByteRange[] } {
  const scans: ByteRange[] = [];
  for (let at = 2; ; ) {
    const segment = segmentAt(bytes, at);
    if (segment === undefined || segment === "need-more") return { complete: false, scans };
    if (isEnd(segment)) return { complete: scans.length > 0, scans };
    at = segment.endAt;
    if (!isScan(segment)) continue;
    const to = scanDataEnd(bytes, at);
    if (to === undefined) return { complete: false, scans };
    scans.push({ from: at, to });
    at = to;
  }
}

/** The last two bytes settle it for nearly every picture; otherwise the scans are walked through. */
function isCompleteJpeg(bytes: Uint8Array): boolean {
  const dataAt = firstScanAt(bytes);
  if (dataAt === undefined) return false;
  const endAt = bytes.length - 2;
  return (endAt > dataAt && hasAscii(bytes, endAt, "\xff\xd9")) || jpegScans(bytes).complete;
}

/**
 * Where the entropy-coded data of the first scan begins; `undefined` when the bytes end before one does. Looking for it keeps the EOI of
 * an embedded thumbnail from passing as the end.
 */
export function firstScanAt(bytes: Uint8Array): number | undefined {
  for (let at = 2; ; ) {
    const segment = segmentAt(bytes, at);
    if (segment === undefined || segment === "need-more" || isEnd(segment)) return undefined;
    at = segment.endAt;
    if (isScan(segment)) return at < bytes.length ? at : undefined;
  }
}

/** Length of the file that a WebP's RIFF header announces, bytes. */
export function webpLength(bytes: Uint8Array): number {
  return u32le(bytes, 4) + 8;
}

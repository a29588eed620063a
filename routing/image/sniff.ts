/**
 * What a picture's first bytes say: format, width and height.
 *
 * Reads headers only (PNG IHDR, JPEG SOF0–2, WebP VP8, VP8L and VP8X); pixels are blank.ts's matter, the end is complete.ts's.
 * Fails closed: a header that contradicts itself, or a size out of bounds, is no picture.
 */
import { hasAscii, u16be, u16le, u24le, u32be, u32le } from "./integers.ts";
import { isFrame, isScan, isServableFrame, segmentAt } from "./jpeg.ts";
import type { PictureFormat } from "./request.ts";

/** Longest side that is believed, px: WebP's own limit is 16,383, and no catalogue model draws more. A larger claim is garbage. */
export const MAX_SIDE_PX = 16_384;

/** Bytes that settle the header of any picture without oversized metadata before it. JPEG metadata segments are 64 KiB each. */
export const SNIFF_BYTES = 256 * 1024;

export interface PictureHeader {
  readonly format: PictureFormat;
  /** px, 1…MAX_SIDE_PX. */
  readonly width: number;
  readonly height: number;
}

/** `undefined`: not a picture that Galley serves. `"need-more"`: it may become one; more bytes will tell. */
export type Sniffed = PictureHeader | undefined | "need-more";

/** Something else that upstreams send where a picture is due. */
export type OtherContent = "gif" | "html" | "json" | "svg";

const PNG_SIGNATURE = "\x89PNG\r\n\x1a\n";
const JPEG_SIGNATURE = "\xff\xd8\xff";

/** Bit depths that each PNG colour type may have (PNG specification, 3rd edition, table 12). */
const PNG_DEPTHS: Readonly<Record<number, readonly number[]>> = {
  0: [1, 2, 4, 8, 16],
  2: [8, 16],
  3: [1, 2, 4, 8],
  4: [8, 16],
  6: [8, 16],
};

/** Looks at the first bytes of what should be a picture. The more is given, the surer; SNIFF_BYTES are enough in practice. */
export function sniffPicture(head: Uint8Array): Sniffed {
  if (startsLike(head, PNG_SIGNATURE)) return sniffPng(head);
  if (startsLike(head, JPEG_SIGNATURE)) return sniffJpeg(head);
  if (startsLike(head, "RIFF")) return sniffWebp(head);
  return undefined;
}

/** Names what stands where a picture is due; `undefined` when it is none of the usual suspects. */
export function recogniseOther(head: Uint8Array): OtherContent | undefined {
  if (hasAscii(head, 0, "GIF87a") || hasAscii(head, 0, "GIF89a")) return "gif";
  const start = new TextDecoder().decode(head.subarray(0, 1024)).trimStart().toLowerCase();
  if (start.startsWith("{") || start.startsWith("[")) return "json";
  if (start.startsWith("<svg") || (start.startsWith("<?xml") && start.includes("<svg"))) return "svg";
  if (start.startsWith("<")) return "html";
  return undefined;
}

/** Is `signature` there, as far as the bytes go? */
function startsLike(head: Uint8Array, signature: string): boolean {
  return hasAscii(head, 0, signature.slice(0, head.length));
}

function header(format: PictureFormat, width: number, height: number): Sniffed {
  const inBounds = width >= 1 && height >= 1 && width <= MAX_SIDE_PX && height <= MAX_SIDE_PX;
  return inBounds ? { format, width, height } : undefined;
}

function sniffPng(head: Uint8Array): Sniffed {
  if (head.length < 33) return "need-more";
  if (u32be(head, 8) !== 13 || !hasAscii(head, 12, "IHDR")) return undefined;
  const [depth = 0, colour = 0, compression, filter, interlace = 0] = head.subarray(24, 29);
  const sound = PNG_DEPTHS[colour]?.includes(depth) && compression === 0 && filter === 0 && interlace <= 1;
  return sound ? header("png", u32be(head, 16), u32be(head, 20)) : undefined;
}

function sniffJpeg(head: Uint8Array): Sniffed {
  for (let at = 2; ; ) {
    const segment = segmentAt(head, at);
    if (segment === "need-more" || segment === undefined) return segment;
    if (isFrame(segment.marker)) {
      if (!isServableFrame(segment.marker)) return undefined;
      if (segment.dataAt + 6 > head.length) return "need-more";
      const components = head[segment.dataAt + 5] ?? 0;
      const sound = head[segment.dataAt] === 8 && components >= 1 && components <= 4;
      return sound ? header("jpeg", u16be(head, segment.dataAt + 3), u16be(head, segment.dataAt + 1)) : undefined;
    }
    if (isScan(segment)) return undefined;
    at = segment.endAt;
  }
}

/** RFC 9649: RIFF container, then a first chunk that is VP8 (lossy), VP8L (lossless) or VP8X (extended). */
function sniffWebp(head: Uint8Array): Sniffed {
  if (!hasAscii(head, 8, "WEBP".slice(0, Math.max(0, head.length - 8)))) return undefined;
  if (head.length < 30) return "need-more";
  if (u32le(head, 4) < 12) return undefined;
  if (hasAscii(head, 12, "VP8X")) return header("webp", u24le(head, 24) + 1, u24le(head, 27) + 1);
  if (hasAscii(head, 12, "VP8 ")) {
    const isKeyFrame = ((head[20] ?? 1) & 1) === 0 && hasAscii(head, 23, "\x9d\x01\x2a");
    return isKeyFrame ? header("webp", u16le(head, 26) & 0x3fff, u16le(head, 28) & 0x3fff) : undefined;
  }
  if (hasAscii(head, 12, "VP8L")) {
    const sizes = u32le(head, 21);
    return head[20] === 0x2f ? header("webp", (sizes & 0x3fff) + 1, ((sizes >>> 14) & 0x3fff) + 1) : undefined;
  }
  return undefined;
}

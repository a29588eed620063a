/**
 * Is a whole picture nothing but one colour? A model that failed numerically and a safety filter both answer with black.
 *
 * PNG: exact, by inflating rows until two pixels differ. JPEG: equal blocks code to a repeating pattern, so every flat colour is found;
 * a mathematically perfect gradient in a small picture repeats likewise and counts as flat. WebP: by size, because its arithmetic coder
 * shows nothing else from outside. Fails open: what cannot be judged cheaply passes.
 */
import { firstScanAt, jpegScans, pngChunks } from "./complete.ts";
import { hasAscii, u32le } from "./integers.ts";
import { createFlatness, createRowReader, rowBytes } from "./png-rows.ts";
import { type PngHeader, pngHeader } from "./png-stream.ts";
import type { PictureHeader } from "./sniff.ts";

/** Pictures of fewer pixels are never judged: icons and test pixels may well be flat. */
export const MIN_JUDGED_PIXELS = 64 * 64;

/**
 * A flat PNG deflates to 1/300 (256 px wide) … 1/790 (2048 px) of its pixels, deflate's floor being 1/1032; drawings start near 1/100.
 * Larger than this share, it is not even inflated. (Measured on @napi-rs/canvas encodes: test/image/blank.test.ts.)
 */
const PNG_FLAT_SHARE = 1 / 128;

/** Pixels are inflated up to this many bytes: 4096 × 4096 in RGBA. */
const MAX_INFLATED_BYTES = 64 * 1024 * 1024;

/** Compressed bytes given to the inflater at a time: with deflate's 1:1032 at most 2 MiB come out. */
const INFLATE_STEP_BYTES = 2048;

/** Longest pattern looked for in a JPEG scan, bytes: 8 MCUs of six empty blocks at 6 bits each come to 36. */
const MAX_PATTERN_BYTES = 48;

/** Before the pattern stands the first MCU, which carries the colour; after it, the padding. */
const PATTERN_FROM_BYTES = 12;
const PATTERN_BEHIND_BYTES = 4;

/** A scan of a progressive JPEG that has nothing to add is one run of empty blocks: this long at most. */
const EMPTY_SCAN_BYTES = 16;

/** Bytes of the first scan that are looked at before all of them are. */
const JPEG_GLIMPSE_BYTES = 1024;

/**
 * Flat black or white in lossy WebP takes 0.00179 bytes a pixel and 40 more at every quality; the emptiest pictures that are not flat
 * (two halves, one small dot, a gradient) lie above this line. Flat colours between may pass, as may
 * black at quality 10 from other encoders. (Same test; sharp 0.35.5 at effort 4 and 6 lies on the same line.)
 */
const WEBP_FLAT_BYTES_PER_PIXEL = 0.0018;
const WEBP_FLAT_FIXED_BYTES = 48;

/** Flat lossless WebP is 14–17 bytes from @napi-rs/canvas and 22–68 from sharp 0.35.5; no model draws what fits in so little. */
const WEBP_FLAT_LOSSLESS_BYTES = 96;

/** Does the whole, complete picture in `bytes` show one flat colour? */
export async function isBlank(bytes: Uint8Array<ArrayBuffer>, header: PictureHeader): Promise<boolean> {
  if (header.width * header.height < MIN_JUDGED_PIXELS) return false;
  if (header.format === "png") return isFlatPng(bytes, header);
  if (header.format === "jpeg") return isFlatJpeg(bytes);
  return isFlatWebp(bytes, header);
}

async function isFlatPng(bytes: Uint8Array<ArrayBuffer>, header: PictureHeader): Promise<boolean> {
  const layout = pngHeader(bytes);
  if (layout.interlaced) return false;
  const inflatedBytes = (rowBytes(layout) + 1) * header.height;
  const pieces = pngChunks(bytes).pixels.map(({ from, to }) => bytes.subarray(from, to));
  const deflatedBytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
  if (deflatedBytes > inflatedBytes * PNG_FLAT_SHARE + 1024 && !isStoredFlat(pieces)) return false;
  if (inflatedBytes > MAX_INFLATED_BYTES) return false;

  const rows = createRowReader(layout, createFlatness(layout, flatTolerance(layout)));
  const reader = inflated(pieces).getReader();
  let left = inflatedBytes;
  try {
    while (left > 0) {
      const { done, value } = await reader.read();
      // Fewer rows than announced: broken, but not blank.
      if (done) return false;
      if (!rows.push(value.subarray(0, left))) return false;
      left -= value.length;
    }
    return true;
  } catch {
    return false;
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

/** Largest difference of two bytes of one colour: encoders dither by one; an index into a palette means another colour at once. */
export function flatTolerance({ colour, depth }: PngHeader): number {
  return colour === 3 || depth < 8 ? 0 : 2;
}

/** Bytes of a stored block that are looked at. */
const STORED_GLIMPSE_BYTES = 512;

/** A row of equal pixels, whatever its filter, has the filter's byte, a pixel of at most eight bytes, and zeros. */
const FLAT_ROW_VALUES = 10;

/** Is the first deflate block stored without compression, so that size says nothing, and does it begin like a flat picture? */
function isStoredFlat(pieces: readonly Uint8Array[]): boolean {
  const [zlib] = pieces;
  if (zlib === undefined || ((zlib[2] ?? 0xff) & 0b110) !== 0) return false;
  const seen = new Set<number>();
  for (const value of zlib.subarray(7, 7 + STORED_GLIMPSE_BYTES)) {
    if (seen.add(value).size > FLAT_ROW_VALUES) return false;
  }
  return true;
}

function inflated(pieces: readonly Uint8Array<ArrayBuffer>[]): ReadableStream<Uint8Array<ArrayBuffer>> {
  let piece = 0;
  let at = 0;
  const deflated = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      pull(controller) {
        while (piece < pieces.length && at >= (pieces[piece]?.length ?? 0)) {
          piece++;
          at = 0;
        }
        const current = pieces[piece];
        if (current === undefined) return controller.close();
        controller.enqueue(current.slice(at, at + INFLATE_STEP_BYTES));
        at += INFLATE_STEP_BYTES;
      },
    },
    { highWaterMark: 0 },
  );
  return deflated.pipeThrough(new DecompressionStream("deflate"));
}

function isFlatJpeg(bytes: Uint8Array): boolean {
  const dataAt = firstScanAt(bytes);
  if (dataAt === undefined) return false;
  // Nearly every picture differs within the first few blocks; only then is the whole walked through.
  const glimpse = bytes.subarray(dataAt, dataAt + JPEG_GLIMPSE_BYTES);
  if (glimpse.length === JPEG_GLIMPSE_BYTES && !repeats(glimpse)) return false;
  const scans = jpegScans(bytes).scans.map(({ from, to }) => bytes.subarray(from, to));
  return scans.length > 0 && scans.filter((data) => data.length > EMPTY_SCAN_BYTES).every(repeats);
}

/** Is the data one pattern of at most MAX_PATTERN_BYTES over and over, at least twice, but for its edges? */
function repeats(data: Uint8Array): boolean {
  const to = data.length - PATTERN_BEHIND_BYTES;
  for (let period = 1; period <= MAX_PATTERN_BYTES && PATTERN_FROM_BYTES + 2 * period <= to; period++) {
    let at = PATTERN_FROM_BYTES + period;
    while (at < to && data[at] === data[at - period]) at++;
    if (at >= to) return true;
  }
  return false;
}

function isFlatWebp(bytes: Uint8Array, header: PictureHeader): boolean {
  for (let at = 12; at + 8 <= bytes.length; ) {
    const length = u32le(bytes, at + 4);
    if (hasAscii(bytes, at, "VP8L")) return length <= WEBP_FLAT_LOSSLESS_BYTES;
    if (hasAscii(bytes, at, "VP8 ")) {
      return length <= header.width * header.height * WEBP_FLAT_BYTES_PER_PIXEL + WEBP_FLAT_FIXED_BYTES;
    }
    at += 8 + length + (length & 1);
  }
  return false;
}

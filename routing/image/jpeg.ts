/**
 * The segments of a JPEG file (ITU-T T.81 annex B): where the frame header, the scans and the end are.
 *
 * Walks markers only and decodes nothing. Stops quietly where the bytes end; what that means is the caller's to decide.
 */
import { u16be } from "./integers.ts";

const SOI = 0xd8;
const EOI = 0xd9;
const SOS = 0xda;
const RST_FIRST = 0xd0;
const RST_LAST = 0xd7;
const TEM = 0x01;

export interface JpegSegment {
  /** Second byte of the marker. */
  readonly marker: number;
  /** First byte after the length field. */
  readonly dataAt: number;
  /** First byte after the segment (for SOS: where entropy-coded data begins). May lie past the bytes given. */
  readonly endAt: number;
}

/** Baseline, extended sequential and progressive Huffman frames: what browsers show. */
export function isServableFrame(marker: number): boolean {
  return marker === 0xc0 || marker === 0xc1 || marker === 0xc2;
}

/** Any frame header: C0–CF without DHT (C4), JPG (C8) and DAC (CC). */
export function isFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}

export function isScan(segment: JpegSegment): boolean {
  return segment.marker === SOS;
}

export function isEnd(segment: JpegSegment): boolean {
  return segment.marker === EOI;
}

/**
 * The segment that begins at or after `at` (2 for the first one behind SOI), fill bytes skipped.
 * `"need-more"`: the bytes end before its length is known. `undefined`: no marker stands there, so this is not a JPEG.
 */
export function segmentAt(bytes: Uint8Array, at: number): JpegSegment | "need-more" | undefined {
  let markerAt = at;
  if (markerAt >= bytes.length) return "need-more";
  if (bytes[markerAt] !== 0xff) return undefined;
  while (bytes[markerAt] === 0xff) markerAt++;
  const marker = bytes[markerAt];
  if (marker === undefined) return "need-more";
  if (marker === 0x00) return undefined;
  const bare = marker === SOI || marker === EOI || marker === TEM || (marker >= RST_FIRST && marker <= RST_LAST);
  if (bare) return { marker, dataAt: markerAt + 1, endAt: markerAt + 1 };
  if (markerAt + 2 >= bytes.length) return "need-more";
  const length = u16be(bytes, markerAt + 1);
  if (length < 2) return undefined;
  return { marker, dataAt: markerAt + 3, endAt: markerAt + 1 + length };
}

/**
 * Where the entropy-coded data that begins at `at` ends: the next marker other than a restart or a stuffed zero.
 * `undefined` when the bytes end first.
 */
export function scanDataEnd(bytes: Uint8Array, at: number): number | undefined {
  for (let from = bytes.indexOf(0xff, at); from !== -1; from = bytes.indexOf(0xff, from + 1)) {
    const next = bytes[from + 1];
    if (next === undefined) return undefined;
    const inside = next === 0x00 || next === 0xff || (next >= RST_FIRST && next <= RST_LAST);
    if (!inside) return from;
  }
  return undefined;
}

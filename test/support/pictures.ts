/**
 * Real pictures for tests: PNGs of seeded noise, which compress a little and which no check takes for blank.
 */
import { crc32, deflateSync } from "node:zlib";

/** A whole PNG of `width` × `height` px. Different seeds, different bytes. */
export function aPng(width: number, height: number, seed = 1): Uint8Array<ArrayBuffer> {
  const rows = new Uint8Array(height * (1 + width));
  let state = seed * 2_654_435_761;
  for (let at = 0; at < rows.length; at += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    rows[at] = at % (1 + width) === 0 ? 0 : state >>> 28;
  }
  return pngOf({ width, height, colour: 0 }, rows);
}

/** A PNG of rows with their filter bytes, eight bits a sample. `colour`: 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGBA. */
export function pngOf(
  { width, height, colour }: { readonly width: number; readonly height: number; readonly colour: number },
  rows: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, colour, 0, 0, 0], 8);
  const parts = [
    Uint8Array.from([137, 80, 78, 71, 13, 10, 26, 10]),
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(rows)),
    chunk("IEND", new Uint8Array(0)),
  ];
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(12 + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set(new TextEncoder().encode(type), 4);
  bytes.set(data, 8);
  view.setUint32(8 + data.length, crc32(bytes.subarray(4, 8 + data.length)));
  return bytes;
}

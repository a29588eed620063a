/**
 * Is this a whole PNG of the asked size that shows something? Judged here and not by the router's own checks, which are on trial.
 */
import { crc32, inflateSync } from "node:zlib";

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** What is wrong with the picture, or `undefined`. */
export function flawOf(bytes: Buffer, side: number): string | undefined {
  if (!bytes.subarray(0, 8).equals(SIGNATURE)) return "no PNG";
  const pixels: Buffer[] = [];
  let at = 8;
  let kind = "";
  while (at + 12 <= bytes.length && kind !== "IEND") {
    const length = bytes.readUInt32BE(at);
    if (at + 12 + length > bytes.length) return "cut off";
    const body = bytes.subarray(at + 4, at + 8 + length);
    kind = body.toString("latin1", 0, 4);
    if (crc32(body) !== bytes.readUInt32BE(at + 8 + length)) return `checksum of ${kind}`;
    if (kind === "IHDR" && (body.readUInt32BE(4) !== side || body.readUInt32BE(8) !== side)) return "another size";
    if (kind === "IDAT") pixels.push(body.subarray(4));
    at += 12 + length;
  }
  if (kind !== "IEND") return "no end";
  try {
    const rows = inflateSync(Buffer.concat(pixels));
    if (new Set(rows).size < 8) return "blank";
  } catch {
    return "pixels that do not inflate";
  }
  return undefined;
}

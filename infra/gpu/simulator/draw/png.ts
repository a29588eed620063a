/**
 * Writes 8-bit RGB PNG (RFC 2083) with the Sub filter and quick compression.
 *
 * Canvas' own encoder takes five times the CPU for the same picture (270 against 60 ms for one grainy megapixel), and on a small machine
 * that CPU is taken from what is being tested.
 */
import { promisify } from "node:util";
import { crc32, deflate } from "node:zlib";

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const FILTER_SUB = 1;
const EIGHT_BIT_RGB = [8, 2, 0, 0, 0] as const;

/** Pixels as RGBA rows; alpha is dropped. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8ClampedArray;
}

/** The encoded picture; compression runs on the thread pool. */
export async function encodePng(pixels: Pixels): Promise<Buffer> {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(pixels.width, 0);
  header.writeUInt32BE(pixels.height, 4);
  header.set(EIGHT_BIT_RGB, 8);
  const body = await promisify(deflate)(filtered(pixels), { level: 1 });
  return Buffer.concat([SIGNATURE, chunk("IHDR", header), chunk("IDAT", body), chunk("IEND", Buffer.alloc(0))]);
}

/** Each row as its filter's number, then every channel less the one of the pixel to the left. */
function filtered({ width, height, data }: Pixels): Uint8Array {
  const rows = new Uint8Array(height * (1 + width * 3));
  let from = 0;
  let to = 0;
  for (let y = 0; y < height; y += 1) {
    rows[to++] = FILTER_SUB;
    let [red, green, blue] = [0, 0, 0];
    for (let x = 0; x < width; x += 1, from += 4) {
      const [nextRed, nextGreen, nextBlue] = [data[from] ?? 0, data[from + 1] ?? 0, data[from + 2] ?? 0];
      rows[to++] = nextRed - red;
      rows[to++] = nextGreen - green;
      rows[to++] = nextBlue - blue;
      red = nextRed;
      green = nextGreen;
      blue = nextBlue;
    }
  }
  return rows;
}

function chunk(type: string, body: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  const content = Buffer.concat([Buffer.from(type, "latin1"), body]);
  const check = Buffer.alloc(4);
  check.writeUInt32BE(crc32(content));
  return Buffer.concat([length, content, check]);
}

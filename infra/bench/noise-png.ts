/** PNG pictures of noise, of about a wanted size in bytes: real pictures that do not compress, so that the size is known. */
import { crc32, deflateSync } from "node:zlib";

export interface NoisePicture {
  readonly width: number;
  readonly height: number;
  readonly bytes: Buffer;
}

/** Samples a pixel: RGB, so that the file of a picture of a given size is as large as those of models. */
const CHANNELS = 3;

/** An RGB noise PNG, not compressed, whose file is about `wantedBytes` long. */
export function noisePng(wantedBytes: number): NoisePicture {
  const side = Math.ceil(Math.sqrt(wantedBytes / CHANNELS) / 16) * 16;
  const rowBytes = side * CHANNELS + 1;
  const height = Math.max(16, Math.round(wantedBytes / rowBytes / 16) * 16);
  const rows = Buffer.alloc(rowBytes * height);
  let state = 0x9e3779b9;
  for (let at = 0; at < rows.length; at += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    rows[at] = at % rowBytes === 0 ? 0 : state >>> 24;
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const bytes = Buffer.concat([
    signature,
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(rows, { level: 0 })),
    chunk("IEND", Buffer.alloc(0)),
  ]);
  return { width: side, height, bytes };
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const framed = Buffer.alloc(body.length + 8);
  framed.writeUInt32BE(data.length, 0);
  body.copy(framed, 4);
  framed.writeUInt32BE(crc32(body), body.length + 4);
  return framed;
}

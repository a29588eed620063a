/**
 * A mask that every server reads alike: transparent white where the picture may change, opaque black where it stays.
 *
 * OpenAI goes by transparency (providers.md §4.1); inpainting pipelines go by brightness and drop the transparency. A caller's mask is of
 * either kind: where nothing in it is transparent, white is meant. Memory: a bit a pixel for each kind.
 */
import { chunkOf, PNG_SIGNATURE } from "./png-crop.ts";
import { createRowReader } from "./png-rows.ts";
import { inflatePixels, type PngHeader, pngHeader } from "./png-stream.ts";
import type { InlinePicture } from "./request.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Most pixels of a mask that is rewritten: 4096 × 4096. A larger one is passed on as it came. */
export const MAX_MASK_PIXELS = 4096 * 4096;

/**
 * The mask as a PNG of that kind; one that is no PNG of whole bytes without palette and interlacing, or too large, as it came.
 * `undefined`: it is damaged.
 */
export async function toPortableMask(mask: InlinePicture): Promise<InlinePicture | undefined> {
  if (mask.format !== "png") return mask;
  const header = pngHeader(mask.bytes);
  const isPlain = header.depth === 8 && header.colour !== 3 && !header.interlaced;
  if (!isPlain || header.width * header.height > MAX_MASK_PIXELS) return mask;
  const free = await readFree(mask.bytes, header).catch(() => undefined);
  return free && { format: "png", bytes: await writeMask(header, free) };
}

/** A bit a pixel, row by row: may it change? `undefined`: rows are missing. */
async function readFree(file: Bytes, { width, height, colour, pixelBits }: PngHeader): Promise<Uint8Array | undefined> {
  const samples = pixelBits >> 3;
  const hasAlpha = colour === 4 || colour === 6;
  const transparent = new Uint8Array(Math.ceil((width * height) / 8));
  const white = new Uint8Array(transparent.length);
  let isAnyTransparent = false;
  let at = 0;
  let rows = 0;
  const reader = createRowReader({ width, pixelBits }, (row) => {
    if (rows++ >= height) return false;
    for (let from = 0; from < row.length; from += samples, at++) {
      const bit = 1 << (at & 7);
      // The first sample stands for the brightness: masks are grey.
      if ((row[from] as number) >= 128) white[at >> 3] = (white[at >> 3] as number) | bit;
      if (!hasAlpha || (row[from + samples - 1] as number) >= 128) continue;
      transparent[at >> 3] = (transparent[at >> 3] as number) | bit;
      isAnyTransparent = true;
    }
    return true;
  });
  const { ended } = await inflatePixels(pieces(file), (bytes) => reader.push(bytes));
  if (!ended || rows !== height) return undefined;
  return isAnyTransparent ? transparent : white;
}

async function* pieces(file: Bytes): AsyncGenerator<Bytes> {
  yield file;
}

async function writeMask({ width, height }: PngHeader, free: Uint8Array): Promise<Bytes> {
  const deflater = new CompressionStream("deflate");
  const writer = deflater.writable.getWriter();
  const written = (async () => {
    let at = 0;
    for (let row = 0; row < height; row++) {
      // A filter byte, then RGBA.
      const line = new Uint8Array(1 + width * 4);
      for (let to = 1; to < line.length; to += 4, at++) {
        const isFree = ((free[at >> 3] as number) & (1 << (at & 7))) !== 0;
        line.fill(isFree ? 255 : 0, to, to + 3);
        line[to + 3] = isFree ? 0 : 255;
      }
      await writer.write(line);
    }
    await writer.close();
  })();
  const [pixels] = await Promise.all([new Response(deflater.readable).bytes(), written]);
  const head = new Uint8Array(13);
  const view = new DataView(head.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  head.set([8, 6, 0, 0, 0], 8);
  const parts = [
    PNG_SIGNATURE,
    chunkOf("IHDR", head),
    chunkOf("IDAT", pixels as Bytes),
    chunkOf("IEND", new Uint8Array(0)),
  ];
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

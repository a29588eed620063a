/**
 * Cuts a box out of a PNG as it streams: rows are inflated, cut and deflated again, one after the other, so that memory does not grow
 * with the picture. No pixel changes.
 *
 * Each row keeps the filter that its encoder chose for it. Chunks before the pixels (palette, transparency, colour space, resolution) are
 * kept as they are, those behind them (text, time) are left out. Fails closed: a file that breaks off breaks the new one off.
 */
import { crc32 } from "./crc32.ts";
import { createRowReader, filterRow, filterStep } from "./png-rows.ts";
import { inflatePixels, PNG_HEAD_BYTES, type PngHeader, pngHeader } from "./png-stream.ts";
import { joinBytes, readBytes, readHead } from "./read-bytes.ts";
import { sniffPicture } from "./sniff.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** What every PNG file begins with. */
export const PNG_SIGNATURE: Bytes = Uint8Array.of(137, 80, 78, 71, 13, 10, 26, 10);

/** px; lies within the picture. */
export interface CropBox {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** The new file. `undefined`: this one cannot be cut by rows (interlaced, pixels smaller than a byte, no PNG); the stream is used up. */
export async function cropPng(body: ReadableStream<Bytes>, box: CropBox): Promise<ReadableStream<Bytes> | undefined> {
  const pieces = readBytes(body);
  const head = await readHead(pieces, PNG_HEAD_BYTES);
  const found = sniffPicture(head);
  const header = found === undefined || found === "need-more" || found.format !== "png" ? undefined : pngHeader(head);
  if (header === undefined || header.interlaced || header.pixelBits < 8) {
    await pieces.return(undefined);
    return undefined;
  }
  return streamOf(cutFile({ head, header, rest: pieces, box }));
}

interface Cutting {
  readonly head: Bytes;
  readonly header: PngHeader;
  readonly rest: AsyncGenerator<Bytes>;
  readonly box: CropBox;
}

async function* cutFile({ head, header, rest, box }: Cutting): AsyncGenerator<Bytes, undefined> {
  const before: Bytes[] = [];
  const deflater = new CompressionStream("deflate");
  const writer = deflater.writable.getWriter();
  const rows = createRowCutter(header, box);
  const cutting = cut().catch(async (error: unknown) => {
    await writer.abort(error).catch(() => undefined);
    throw error;
  });
  // The reading side tells.
  cutting.catch(() => undefined);

  async function cut(): Promise<void> {
    const { ended } = await inflatePixels(
      followedBy(head, rest),
      async (piece) => {
        const done = rows.push(piece);
        if (done.length > 0) await writer.write(done);
        return true;
      },
      (type, data) => before.push(chunkOf(type, data)),
    );
    if (!ended || !rows.isWhole()) throw new Error("The picture ends too early");
    await writer.close();
  }

  try {
    let isBegun = false;
    for await (const piece of deflater.readable as ReadableStream<Bytes>) {
      if (!isBegun) {
        isBegun = true;
        yield joinBytes([head.slice(0, 8), chunkOf("IHDR", newHeader(head, box)), ...before]);
      }
      yield chunkOf("IDAT", piece);
    }
    await cutting;
    yield chunkOf("IEND", new Uint8Array(0));
    return undefined;
  } finally {
    await rest.return(undefined);
  }
}

interface RowCutter {
  /** The new rows, filtered, that came of it; good only until the next call. */
  push(bytes: Bytes): Bytes;
  /** Are all rows of the box there? */
  isWhole(): boolean;
}

function createRowCutter(header: PngHeader, { left, top, width, height }: CropBox): RowCutter {
  const step = filterStep(header);
  const length = width * step;
  let above = new Uint8Array(length);
  let kept = new Uint8Array(length);
  let rowNumber = 0;
  let out = new Uint8Array(64 * (length + 1));
  let filled = 0;

  const reader = createRowReader(header, (row, filter) => {
    const at = rowNumber++ - top;
    if (at < 0 || at >= height) return true;
    kept.set(row.subarray(left * step, left * step + length));
    if (filled + length + 1 > out.length) {
      const longer = new Uint8Array(out.length * 2);
      longer.set(out);
      out = longer;
    }
    out[filled] = filter;
    filterRow({ row: kept, above, filter, step }, out.subarray(filled + 1, filled + 1 + length));
    filled += length + 1;
    [kept, above] = [above, kept];
    return true;
  });
  return {
    push(bytes) {
      filled = 0;
      if (!reader.push(bytes)) throw new Error("A row of the picture has an unknown filter");
      return out.slice(0, filled);
    },
    isWhole: () => rowNumber >= top + height,
  };
}

/** The header's data with another width and height. */
function newHeader(head: Bytes, { width, height }: CropBox): Bytes {
  const data = head.slice(16, 29);
  const view = new DataView(data.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  return data;
}

/** A chunk as it stands in a file. */
export function chunkOf(type: string, data: Bytes): Bytes {
  const bytes = new Uint8Array(12 + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  for (let i = 0; i < 4; i++) bytes[4 + i] = type.charCodeAt(i);
  bytes.set(data, 8);
  view.setUint32(8 + data.length, crc32(bytes.subarray(4, 8 + data.length)));
  return bytes;
}

async function* followedBy(first: Bytes, rest: AsyncGenerator<Bytes>): AsyncGenerator<Bytes> {
  yield first;
  yield* rest;
}

function streamOf(parts: AsyncGenerator<Bytes, undefined>): ReadableStream<Bytes> {
  return new ReadableStream<Bytes>(
    {
      async pull(controller) {
        const { done, value } = await parts.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        await parts.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
}

/**
 * A PNG file as a stream of chunks (PNG specification, 3rd edition, section 5.3: length, type, data, CRC), read piece by piece.
 *
 * Holds one small chunk at most. CRCs are not computed: the pixels carry a checksum of their own.
 */
import { hasAscii, u32be } from "./integers.ts";
import { PNG_CHANNELS, type RowLayout } from "./png-rows.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Largest chunk that is handed over whole, bytes: colour profiles are tens of KB. */
export const MAX_CHUNK_BYTES = 1024 * 1024;

/** Signature and header chunk, bytes. */
export const PNG_HEAD_BYTES = 33;

export interface PngHeader extends RowLayout {
  readonly height: number;
  /** Bits a sample. */
  readonly depth: number;
  /** Table 11.1: 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGBA. */
  readonly colour: number;
  readonly interlaced: boolean;
}

/** What the first PNG_HEAD_BYTES of a file say; they are known to be a PNG's. */
export function pngHeader(head: Uint8Array): PngHeader {
  const [depth = 8, colour = 6, , , interlace = 0] = head.subarray(24, 29);
  const pixelBits = depth * (PNG_CHANNELS[colour] ?? 4);
  return { width: u32be(head, 16), height: u32be(head, 20), depth, colour, pixelBits, interlaced: interlace !== 0 };
}

export interface PngSink {
  /** Compressed pixels, in order. The bytes are good only until it resolves. */
  pixels(bytes: Bytes): Promise<void>;
  /** Any chunk between the header and the pixels, whole; larger ones than MAX_CHUNK_BYTES are passed over. */
  chunkBefore?(type: string, data: Bytes): void;
}

/** Reads a file from its first byte on. `true`: its end chunk came. */
export async function readPngChunks(pieces: AsyncIterable<Bytes>, sink: PngSink): Promise<boolean> {
  const header = new Uint8Array(8);
  let isEnded = false;
  let hasPixels = false;
  /** Bytes to pass over: the signature first. */
  let skip = 8;
  let headerBytes = 0;
  let pixelsLeft = 0;
  let whole: { readonly type: string; readonly data: Bytes; filled: number } | undefined;
  for await (const piece of pieces) {
    for (let at = 0; at < piece.length; ) {
      const left = piece.length - at;
      if (skip > 0) {
        const passed = Math.min(skip, left);
        at += passed;
        skip -= passed;
      } else if (pixelsLeft > 0) {
        const taken = Math.min(pixelsLeft, left);
        await sink.pixels(piece.subarray(at, at + taken));
        at += taken;
        pixelsLeft -= taken;
        if (pixelsLeft === 0) skip = 4;
      } else if (whole !== undefined) {
        const taken = Math.min(whole.data.length - whole.filled, left);
        whole.data.set(piece.subarray(at, at + taken), whole.filled);
        whole.filled += taken;
        at += taken;
        if (whole.filled < whole.data.length) continue;
        sink.chunkBefore?.(whole.type, whole.data);
        whole = undefined;
        skip = 4;
      } else {
        header[headerBytes++] = piece[at++] as number;
        if (headerBytes < 8) continue;
        headerBytes = 0;
        const lengthBytes = u32be(header, 0);
        if (hasAscii(header, 4, "IEND")) isEnded = true;
        const isPixels = hasAscii(header, 4, "IDAT");
        hasPixels ||= isPixels;
        const isWanted = sink.chunkBefore !== undefined && !hasPixels && !hasAscii(header, 4, "IHDR");
        if (lengthBytes === 0) skip = 4;
        else if (isPixels) pixelsLeft = lengthBytes;
        else if (isWanted && lengthBytes <= MAX_CHUNK_BYTES) {
          whole = { type: String.fromCharCode(...header.subarray(4)), data: new Uint8Array(lengthBytes), filled: 0 };
        } else skip = lengthBytes + 4;
      }
    }
  }
  return isEnded;
}

/** Compressed bytes given to the inflater at a time: with deflate's 1:1032 at most 16 MiB come out. */
const INFLATE_STEP_BYTES = 16 * 1024;

/** Inflates the pixels of a file into `take`, which may stop it by `false`. `ended`: the file came to its own end. Rejects for broken data. */
export async function inflatePixels(
  pieces: AsyncIterable<Bytes>,
  take: (bytes: Bytes) => Promise<boolean> | boolean,
  chunkBefore?: PngSink["chunkBefore"],
): Promise<{ readonly ended: boolean }> {
  const inflater = new DecompressionStream("deflate");
  const writer = inflater.writable.getWriter();
  const feeding = readPngChunks(pieces, {
    async pixels(bytes) {
      for (let at = 0; at < bytes.length; at += INFLATE_STEP_BYTES)
        await writer.write(bytes.slice(at, at + INFLATE_STEP_BYTES));
    },
    ...(chunkBefore === undefined ? {} : { chunkBefore }),
  }).then(
    async (ended) => {
      await writer.close();
      return ended;
    },
    async (error: unknown) => {
      // The reading end would wait for ever.
      await writer.abort(error).catch(() => undefined);
      throw error;
    },
  );
  // Both ends fail together; the reading one tells.
  feeding.catch(() => undefined);
  for await (const piece of inflater.readable as ReadableStream<Bytes>) {
    if (!(await take(piece))) return { ended: false };
  }
  return { ended: await feeding };
}

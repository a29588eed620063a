/**
 * Decoding, scaling and encoding, by Cloudflare Images where wrangler.toml binds it (`CODEC`): codecs in WebAssembly would be a megabyte of
 * Worker, and a decoded 16-megapixel picture would be half of an isolate.
 *
 * Limits of the service (developers.cloudflare.com/images, "Limits and formats"): 100 MB and 100 megapixels a picture, 12,000 px a side;
 * every call is billed as one transformation. Locally Miniflare plays it with sharp, which buffers whole pictures in Node.
 * Fails closed: no answer, or another one than asked for, is a failure that is told apart from a picture that does not decode.
 */
import { MEDIA_TYPES, type Shape } from "../../routing/index.ts";
import type { Env } from "../router/environment.ts";

/** Longest side that the service takes or makes, px. */
export const MAX_CODEC_SIDE_PX = 12_000;

/** Of 100: a print shows what a web page (85) hides. None for PNG: naming one there allows a palette of 256 colours (same pages, "quality"). */
const QUALITY = { jpeg: { quality: 95 }, webp: { quality: 95 }, png: {} } as const;

type Bytes = Uint8Array<ArrayBuffer>;

/** The codec did not do it. `damaged`: because of the picture. */
export class CodecFailed extends Error {
  readonly damaged: boolean;
  constructor(damaged: boolean, message: string) {
    super(message);
    this.damaged = damaged;
  }
}

export interface PictureCodec {
  /** Scaled until it covers `to` and cut about the middle; no side over MAX_CODEC_SIDE_PX. Rejects with `CodecFailed`. */
  cover(picture: ReadableStream<Bytes>, to: Shape): Promise<ReadableStream<Bytes>>;
  /** All of it decoded, as a PNG of `sidePx` squared, whole. Rejects with `CodecFailed`. */
  thumbnail(picture: ReadableStream<Bytes>, sidePx: number): Promise<Bytes>;
}

/** The codec; `undefined` where none is bound. */
export function codecOf({ CODEC: images }: Env): PictureCodec | undefined {
  if (images === undefined) return undefined;
  const cover: PictureCodec["cover"] = async (picture, { width, height, format }) => {
    try {
      const made = await images
        .input(picture)
        .transform({ width, height, fit: "cover" })
        .output({ format: MEDIA_TYPES[format], ...QUALITY[format] });
      return made.image() as ReadableStream<Bytes>;
    } catch (error: unknown) {
      throw new CodecFailed(isAboutPicture(error), "The picture could not be decoded and scaled.");
    }
  };
  return {
    cover,
    async thumbnail(picture, sidePx) {
      const small = await cover(picture, { width: sidePx, height: sidePx, format: "png" });
      try {
        return new Uint8Array(await new Response(small).arrayBuffer());
      } catch {
        throw new CodecFailed(false, "The picture could not be decoded and scaled.");
      }
    },
  };
}

/**
 * 9412: not a picture; 9520: a format that is not taken; 9523: could not be worked on, "when an image has invalid format"
 * (developers.cloudflare.com/images, "Troubleshooting"). The last may be the service's own trouble too: it is asked again before it counts.
 */
const PICTURE_CODES: readonly unknown[] = [9412, 9520, 9523];

function isAboutPicture(error: unknown): boolean {
  return typeof error === "object" && error !== null && "code" in error && PICTURE_CODES.includes(error.code);
}

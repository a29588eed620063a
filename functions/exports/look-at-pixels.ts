/**
 * Does a JPEG or WebP decode, and to more than one colour? By the codec, where there is one: what it makes of the whole picture is a small
 * PNG, whose pixels are looked at here. Fails open: a codec that is down or slow keeps no picture from its caller.
 */
import { isBlank, type PictureDefect } from "../../routing/index.ts";
import { CodecFailed, type PictureCodec } from "./codec.ts";

/** The smallest that `isBlank` judges, px. */
const SIDE_PX = 64;

/** A 16-megapixel picture decodes in a second or two. */
const LIMIT_MS = 30_000;

/** How often a picture has to fail before it counts: the service may have trouble of its own. */
const TRIES = 2;

type Bytes = Uint8Array<ArrayBuffer>;

/** The defect; `undefined`: none, or nobody knows. Rejects where `read` does. */
export async function lookAtPixels(
  read: () => Promise<ReadableStream<Bytes>>,
  codec: PictureCodec | undefined,
): Promise<PictureDefect | undefined> {
  if (codec === undefined) return undefined;
  for (let time = 1; time <= TRIES; time += 1) {
    const body = await read();
    try {
      const small = await within(LIMIT_MS, codec.thumbnail(body, SIDE_PX));
      const header = { format: "png", width: SIDE_PX, height: SIDE_PX } as const;
      return small !== undefined && (await isBlank(small, header)) ? "blank" : undefined;
    } catch (error: unknown) {
      if (!(error instanceof CodecFailed)) throw error;
      if (!error.damaged) return undefined;
    }
  }
  return "undecodable";
}

/** `undefined` when it takes longer. */
async function within<Value>(limitMs: number, work: Promise<Value>): Promise<Value | undefined> {
  const late = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => late.resolve(undefined), limitMs);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
    work.catch(() => undefined);
  }
}

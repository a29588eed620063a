/**
 * A finished picture into the object store, under the hash of its bytes.
 *
 * One that is whole in memory is hashed and put. One that streams is hashed while it goes to a scratch object in parts, and is copied to
 * its address when the hash is known: memory holds one part, whatever the size. Equal bytes have one address, so writing them again
 * harms nobody; it renews their age, by which they expire. Fails closed: a picture that breaks off is never given an address.
 */
import {
  MEDIA_TYPES,
  type Picture,
  type RequestFailureCode,
  readBytes,
  type StoredPicture,
} from "../../routing/index.ts";

/** Prefixes in the bucket. The lifecycle rules of README go by them. */
export const ART_PREFIX = "art/";
export const SCRATCH_PREFIX = "scratch/";

/** Smallest part that the store takes, but for the last one, bytes (R2: 5 MiB). */
const PART_BYTES = 5 * 1024 * 1024;

/** Most bytes of an export. A 16-megapixel PNG is at most 64 MB. */
const MAX_PICTURE_BYTES = 128 * 1024 * 1024;

/** Waits before the store is asked again, ms: a picture that was paid for is not thrown away for a hiccup. */
const RETRY_MS = [250, 1_000, 4_000, 15_000] as const;

/** The picture could not be stored; the message is for the caller. */
export class PictureUnstorable extends Error {
  readonly code: RequestFailureCode;
  constructor(code: RequestFailureCode, message: string) {
    super(message);
    this.code = code;
  }
}

export type Stored = Pick<StoredPicture, "key" | "sha256" | "bytes">;

/** A picture that is all here and has no address yet. */
export interface Received {
  readonly sha256: string;
  readonly bytes: number;
  /** The bytes once more. Rejects with `PictureUnstorable`. */
  read(): Promise<ReadableStream<Uint8Array<ArrayBuffer>>>;
  /** Puts it under its address. Rejects with `PictureUnstorable`. */
  keep(): Promise<Stored>;
  /** Forgets it. */
  drop(): Promise<void>;
}

export interface PictureStore {
  /** Rejects with `PictureUnstorable`. `scratch` names the object in the making; one of the same name is overwritten. */
  receive(picture: Picture, how: { readonly scratch: string; readonly signal: AbortSignal }): Promise<Received>;
}

/** A store over a bucket. */
export function createPictureStore(bucket: R2Bucket): PictureStore {
  return {
    receive: (picture, { scratch, signal }) =>
      picture.bytes === undefined
        ? receiveStream(bucket, picture, { key: SCRATCH_PREFIX + scratch, signal })
        : receiveWhole(bucket, picture, picture.bytes),
  };
}

async function receiveWhole(bucket: R2Bucket, picture: Picture, bytes: Uint8Array<ArrayBuffer>): Promise<Received> {
  const sha256 = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
  const stored = { key: ART_PREFIX + sha256, sha256, bytes: bytes.length };
  return {
    ...{ sha256, bytes: bytes.length },
    read: async () => new Blob([bytes]).stream() as ReadableStream<Uint8Array<ArrayBuffer>>,
    async keep() {
      await persist(() => bucket.put(stored.key, bytes, metadata(picture, sha256)));
      return stored;
    },
    drop: async () => undefined,
  };
}

async function receiveStream(
  bucket: R2Bucket,
  picture: Picture,
  { key, signal }: { key: string; signal: AbortSignal },
): Promise<Received> {
  const upload = await persist(() => bucket.createMultipartUpload(key));
  let taken: { readonly sha256: string; readonly bytes: number };
  try {
    taken = await uploadParts(upload, picture.body, signal);
  } catch (error: unknown) {
    await upload.abort().catch(() => undefined);
    if (error instanceof PictureUnstorable) throw error;
    throw new PictureUnstorable("upstream_failed", "The picture broke off while it came in.");
  }
  const stored = { key: ART_PREFIX + taken.sha256, ...taken };
  const open = async () => {
    const scratch = await bucket.get(key);
    if (scratch === null) throw new Error("The scratch object is gone");
    return scratch.body as ReadableStream<Uint8Array<ArrayBuffer>>;
  };
  const drop = () => bucket.delete(key).catch(() => undefined);
  return {
    ...taken,
    read: () => persist(open),
    async keep() {
      await persist(async () => bucket.put(stored.key, await open(), metadata(picture, taken.sha256)));
      await drop();
      return stored;
    },
    drop,
  };
}

async function uploadParts(
  upload: R2MultipartUpload,
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  signal: AbortSignal,
): Promise<{ sha256: string; bytes: number }> {
  const digest = new crypto.DigestStream("SHA-256");
  const hashing = digest.getWriter();
  const parts: R2UploadedPart[] = [];
  const part = new Uint8Array(PART_BYTES);
  let filled = 0;
  let bytes = 0;
  const send = async () => {
    const number = parts.length + 1;
    parts.push(await persist(() => upload.uploadPart(number, part.subarray(0, filled))));
    filled = 0;
  };
  for await (const chunk of readBytes(body)) {
    if (signal.aborted) throw new PictureUnstorable("client_gone", "The export was cancelled.");
    bytes += chunk.length;
    if (bytes > MAX_PICTURE_BYTES)
      throw new PictureUnstorable("upstream_failed", "The picture is larger than 128 MiB.");
    await hashing.write(chunk);
    for (let at = 0; at < chunk.length; ) {
      const piece = chunk.subarray(at, at + PART_BYTES - filled);
      part.set(piece, filled);
      filled += piece.length;
      at += piece.length;
      if (filled === PART_BYTES) await send();
    }
  }
  if (filled > 0 || parts.length === 0) await send();
  await hashing.close();
  await persist(() => upload.complete(parts));
  return { sha256: new Uint8Array(await digest.digest).toHex(), bytes };
}

/** The store checks the bytes against the hash as they arrive. */
function metadata({ format }: Picture, sha256: string): R2PutOptions {
  return {
    sha256,
    httpMetadata: { contentType: MEDIA_TYPES[format], cacheControl: "private, max-age=31536000, immutable" },
  };
}

async function persist<Value>(work: () => Promise<Value>): Promise<Value> {
  for (const waitMs of RETRY_MS) {
    try {
      return await work();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  }
  try {
    return await work();
  } catch {
    throw new PictureUnstorable("internal", "The store for finished pictures does not answer.");
  }
}

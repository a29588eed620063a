/**
 * A finished picture into the object store, under its job and the hash of its bytes.
 *
 * One that is whole in memory is hashed and put. One that streams is hashed while it goes to a scratch object in parts, and is copied to
 * its address when the hash is known: memory holds one part, whatever the size. Addresses are a job's own, so that nobody deletes what
 * another job points to, and what a job left behind is found under its name. Fails closed: a picture that breaks off gets no address.
 */
import {
  MEDIA_TYPES,
  type Picture,
  type PictureFormat,
  type RequestFailureCode,
  readBytes,
  type StoredPicture,
  sha256Hex,
} from "../../routing/index.ts";

/** Prefixes in the bucket. The lifecycle rules of README go by them. */
const ART_PREFIX = "art/";
const SCRATCH_PREFIX = "scratch/";

/** Where the finished pictures of a job are: one, and what runs that died may have left. */
export const artPrefix = (jobId: string): string => `${ART_PREFIX}${jobId}/`;

/** Where a job's pictures in the making are. */
export const scratchPrefix = (jobId: string): string => `${SCRATCH_PREFIX}${jobId}/`;

/** Smallest part that the store takes, but for the last one, bytes (R2: 5 MiB). */
const PART_BYTES = 5 * 1024 * 1024;

/** Most bytes of an export. A 16-megapixel PNG is at most 64 MB. */
const MAX_PICTURE_BYTES = 128 * 1024 * 1024;

/** Waits before the store is asked again, ms: a picture that was paid for is not thrown away for a hiccup. */
const RETRY_MS = [250, 1_000, 4_000, 15_000] as const;

/** Longest that one try may take, ms: copying 128 MiB takes seconds. A store that is silent is as good as one that fails. */
const TRY_MS = 120_000;

/** The picture could not be stored; the message is for the caller. */
export class PictureUnstorable extends Error {
  readonly code: RequestFailureCode;
  constructor(code: RequestFailureCode, message: string) {
    super(message);
    this.code = code;
  }
}

export type Stored = Pick<StoredPicture, "key" | "sha256" | "bytes">;

type Bytes = Uint8Array<ArrayBuffer>;

/** A picture that is all here and has no address yet. */
export interface Received {
  readonly sha256: string;
  readonly bytes: number;
  /** The bytes once more. Rejects with `PictureUnstorable`. */
  read(): Promise<ReadableStream<Bytes>>;
  /** All of them at once, for a picture that is known to be small. Rejects with `PictureUnstorable`. */
  readWhole(): Promise<Bytes>;
  /** Puts it under its address. Rejects with `PictureUnstorable`. */
  keep(): Promise<Stored>;
  /** Lets it outlive this run where it is, unfinished. Rejects with `PictureUnstorable`. */
  keepUnfinished(): Promise<Stored>;
  /** Forgets it. */
  drop(): Promise<void>;
}

/** One picture of a job. */
export interface ReceiveOptions {
  readonly jobId: string;
  /** Tells the job's objects in the making apart; one of the same name is overwritten. */
  readonly name: string;
  readonly signal: AbortSignal;
}

export interface PictureStore {
  /** Takes a picture in. Rejects with `PictureUnstorable`. */
  receive(picture: Pick<Picture, "format" | "body" | "bytes">, options: ReceiveOptions): Promise<Received>;
  /** One that was kept unfinished; `undefined` where it is gone, or is not what was kept. Rejects with `PictureUnstorable`. */
  reopen(kept: Stored & { readonly format: PictureFormat }, jobId: string): Promise<Received | undefined>;
}

/** A store over a bucket. */
export function createPictureStore(bucket: R2Bucket, clock: StoreClock = REAL_CLOCK): PictureStore {
  const persist = <Value>(work: () => Promise<Value>) => withRetries(work, clock);

  function inScratch(stored: Stored, format: PictureFormat, jobId: string): Received {
    const { key: scratch, sha256, bytes } = stored;
    const open = async () => {
      const object = await bucket.get(scratch);
      if (object === null) throw new Error("The scratch object is gone");
      return object.body as ReadableStream<Bytes>;
    };
    const key = artPrefix(jobId) + sha256;
    return {
      ...{ sha256, bytes },
      read: () => persist(open),
      readWhole: () => persist(async () => new Uint8Array(await new Response(await open()).arrayBuffer())),
      async keep() {
        await persist(async () => bucket.put(key, await open(), metadata(format, sha256)));
        return { key, sha256, bytes };
      },
      keepUnfinished: async () => stored,
      drop: () => bucket.delete(scratch).catch(() => undefined),
    };
  }

  return {
    async receive(picture, { jobId, name, signal }) {
      const { format } = picture;
      const scratch = scratchPrefix(jobId) + name;
      if (picture.bytes === undefined) {
        const upload = await persist(() => bucket.createMultipartUpload(scratch));
        const sizeOf = async () => (await bucket.head(scratch))?.size;
        const taken = await takeParts(upload, picture.body, { signal, persist, sizeOf });
        return inScratch({ key: scratch, ...taken }, format, jobId);
      }
      const { bytes } = picture;
      const sha256 = await sha256Hex(bytes);
      const put = async (key: string): Promise<Stored> => {
        await persist(() => bucket.put(key, bytes, metadata(format, sha256)));
        return { key, sha256, bytes: bytes.length };
      };
      return {
        ...{ sha256, bytes: bytes.length },
        read: async () => new Blob([bytes]).stream() as ReadableStream<Bytes>,
        readWhole: async () => bytes,
        keep: () => put(artPrefix(jobId) + sha256),
        keepUnfinished: () => put(scratch),
        drop: async () => undefined,
      };
    },
    async reopen({ format, key, sha256, bytes }, jobId) {
      // What was paid for is not taken for lost by one look.
      for (const waitMs of [...RETRY_MS, undefined]) {
        const head = await persist(() => bucket.head(key));
        if (head?.size === bytes) return inScratch({ key, sha256, bytes }, format, jobId);
        if (waitMs !== undefined) await clock.sleep(waitMs);
      }
      return undefined;
    },
  };
}

type Persist = <Value>(work: () => Promise<Value>) => Promise<Value>;

interface Taking {
  readonly signal: AbortSignal;
  readonly persist: Persist;
  /** Of the object, once it is complete, bytes. */
  sizeOf(): Promise<number | undefined>;
}

async function takeParts(upload: R2MultipartUpload, body: ReadableStream<Bytes>, taking: Taking) {
  try {
    return await uploadParts(upload, body, taking);
  } catch (error: unknown) {
    await upload.abort().catch(() => undefined);
    if (error instanceof PictureUnstorable) throw error;
    throw new PictureUnstorable("upstream_failed", "The picture broke off while it came in.");
  }
}

async function uploadParts(
  upload: R2MultipartUpload,
  body: ReadableStream<Bytes>,
  { signal, persist, sizeOf }: Taking,
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
  await persist(async () => {
    try {
      await upload.complete(parts);
    } catch (error: unknown) {
      // Its word may be lost and the object be there; then there is no such upload any more.
      if ((await sizeOf()) !== bytes) throw error;
    }
  });
  return { sha256: new Uint8Array(await digest.digest).toHex(), bytes };
}

/** The store checks the bytes against the hash as they arrive. */
function metadata(format: PictureFormat, sha256: string): R2PutOptions {
  return {
    sha256,
    httpMetadata: { contentType: MEDIA_TYPES[format], cacheControl: "private, max-age=31536000, immutable" },
  };
}

/** Time between tries, and the time that one may take. */
export interface StoreClock {
  sleep(ms: number): Promise<void>;
  /** Rejects when `work` takes longer. */
  within<Value>(ms: number, work: Promise<Value>): Promise<Value>;
}

const REAL_CLOCK: StoreClock = {
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  async within(ms, work) {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(new Error("The store is silent")), ms);
    try {
      return await Promise.race([work, late.promise]);
    } finally {
      clearTimeout(timer);
    }
  },
};

async function withRetries<Value>(work: () => Promise<Value>, clock: StoreClock): Promise<Value> {
  for (const waitMs of [...RETRY_MS, undefined]) {
    try {
      return await clock.within(TRY_MS, work());
    } catch {
      if (waitMs !== undefined) await clock.sleep(waitMs);
    }
  }
  throw new PictureUnstorable("internal", "The store for finished pictures does not answer.");
}

/**
 * An upload to R2 that is written to piece by piece and stands only when it is committed, so that a picture which breaks off, or which its
 * upstream takes back at the end, leaves nothing.
 *
 * R2 wants a length or parts (platform.md B.6): with a length it takes a stream, of which the last piece is held back until the commit;
 * without one, parts of 5 MiB, of which one is held.
 */

export interface Upload {
  /** Takes a piece; resolves when there is room for the next. Keeps the buffer. */
  write(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** All was written and is good. */
  commit(): Promise<void>;
  /** Nothing of it is to stay. Never rejects. */
  abort(): Promise<void>;
}

export interface UploadTo {
  readonly bucket: R2Bucket;
  readonly key: string;
  readonly options?: R2MultipartOptions;
}

/** R2's smallest part but for the last. */
const PART_BYTES = 5 * 1024 * 1024;

/** Uploads so many bytes, no more and no fewer. */
export function uploadOfLength({ bucket, key, options }: UploadTo, lengthBytes: number): Upload {
  const { readable, writable } = new FixedLengthStream(lengthBytes);
  const writer = writable.getWriter();
  const put = bucket.put(key, readable, options);
  put.catch((error: unknown) => writer.abort(error).catch(() => undefined));
  let held: Uint8Array<ArrayBuffer> | undefined;
  const send = async (): Promise<void> => {
    if (held !== undefined) await writer.write(held);
  };
  return {
    async write(bytes) {
      await send();
      held = bytes;
    },
    async commit() {
      await send();
      await writer.close();
      await put;
    },
    async abort() {
      await writer.abort(new Error("the picture is not kept")).catch(() => undefined);
      await put.catch(() => undefined);
    },
  };
}

/** Uploads what comes. */
export async function uploadInParts({ bucket, key, options }: UploadTo): Promise<Upload> {
  const upload = await bucket.createMultipartUpload(key, options);
  const parts: R2UploadedPart[] = [];
  let part = new Uint8Array(PART_BYTES);
  let filled = 0;
  const send = async (bytes: Uint8Array): Promise<void> => {
    parts.push(await upload.uploadPart(parts.length + 1, bytes));
  };
  return {
    async write(bytes) {
      for (let at = 0; at < bytes.byteLength; ) {
        const piece = bytes.subarray(at, at + PART_BYTES - filled);
        part.set(piece, filled);
        filled += piece.byteLength;
        at += piece.byteLength;
        if (filled < PART_BYTES) continue;
        await send(part);
        part = new Uint8Array(PART_BYTES);
        filled = 0;
      }
    },
    async commit() {
      if (filled > 0 || parts.length === 0) await send(part.subarray(0, filled));
      await upload.complete(parts);
    },
    abort: () => upload.abort().catch(() => undefined),
  };
}

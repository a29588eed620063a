/**
 * Pictures that links open, in R2 under the SHA-256 of their bytes: `links/<hash>`. Equal pictures are stored once and never change.
 *
 * A picture that is whole is hashed and put. One that streams is uploaded in parts while it is hashed, and copied to its name then:
 * R2 wants a length or parts, and the hash is known only at the end. Five MiB are held at most.
 */
import { MEDIA_TYPES, type Picture } from "../../../routing/index.ts";

/** Where linked pictures are. A lifecycle rule of the bucket may delete what is older than a link lives. */
const LINKED = "links/";

/** Where uploads are until their hash is known. */
const INCOMING = "incoming/";

/** R2's smallest part but for the last (platform.md B.6). */
const PART_BYTES = 5 * 1024 * 1024;

/** Only the first writer of a name writes. */
const ONCE = { etagDoesNotMatch: "*" };

/** Stores a picture and gives its hash, 64 hex digits. Rejects when the picture breaks off or R2 does not take it. */
export async function storePicture(bucket: R2Bucket, picture: Picture): Promise<string> {
  const httpMetadata = { contentType: MEDIA_TYPES[picture.format] };
  if (picture.bytes !== undefined) {
    const hash = toHex(await crypto.subtle.digest("SHA-256", picture.bytes));
    await bucket.put(LINKED + hash, picture.bytes, { httpMetadata, onlyIf: ONCE });
    return hash;
  }
  const incoming = `${INCOMING}${crypto.randomUUID()}`;
  try {
    const hash = await upload(bucket, incoming, picture.body);
    const stored = await bucket.get(incoming);
    if (stored === null) throw new Error("R2 lost an upload");
    await bucket.put(LINKED + hash, stored.body, { httpMetadata, onlyIf: ONCE });
    return hash;
  } finally {
    await bucket.delete(incoming);
  }
}

/** A stored picture; `null` when there is none. */
export function findPicture(bucket: R2Bucket, hash: string): Promise<R2ObjectBody | null> {
  return bucket.get(LINKED + hash);
}

/** Uploads in parts; gives the hash. */
async function upload(bucket: R2Bucket, key: string, body: ReadableStream<Uint8Array>): Promise<string> {
  const upload = await bucket.createMultipartUpload(key);
  const digest = new crypto.DigestStream("SHA-256");
  const hashing = digest.getWriter();
  const parts: R2UploadedPart[] = [];
  const send = async (bytes: Uint8Array) => parts.push(await upload.uploadPart(parts.length + 1, bytes));
  try {
    let part = new Uint8Array(PART_BYTES);
    let filled = 0;
    for await (const chunk of body) {
      await hashing.write(chunk);
      for (let at = 0; at < chunk.byteLength; ) {
        const piece = chunk.subarray(at, at + PART_BYTES - filled);
        part.set(piece, filled);
        filled += piece.byteLength;
        at += piece.byteLength;
        if (filled < PART_BYTES) continue;
        await send(part);
        part = new Uint8Array(PART_BYTES);
        filled = 0;
      }
    }
    if (filled > 0 || parts.length === 0) await send(part.subarray(0, filled));
    await hashing.close();
    await upload.complete(parts);
    return toHex(await digest.digest);
  } catch (error: unknown) {
    await upload.abort();
    throw error;
  }
}

const toHex = (digest: ArrayBuffer): string => new Uint8Array(digest).toHex();

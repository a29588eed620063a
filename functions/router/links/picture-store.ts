/**
 * Pictures that links open, in R2 under the SHA-256 of their bytes: `links/<hash>`. Equal pictures are stored once and never change.
 *
 * A picture that is whole is hashed and put. One that streams is uploaded in parts while it is hashed, and copied to its name then:
 * R2 wants a length or parts, and the hash is known only at the end. Five MiB are held at most.
 */
import { MEDIA_TYPES, type Picture, sha256Hex } from "../../../routing/index.ts";
import { uploadInParts } from "../finished-pictures/upload.ts";

/** Where linked pictures are. A lifecycle rule of the bucket may delete what is older than a link lives. */
const LINKED = "links/";

/** Where uploads are until their hash is known. */
const INCOMING = "incoming/";

/** Only the first writer of a name writes. */
const ONCE = { etagDoesNotMatch: "*" };

/** Stores a picture and gives its hash, 64 hex digits. Rejects when the picture breaks off or R2 does not take it. */
export async function storePicture(bucket: R2Bucket, picture: Picture): Promise<string> {
  const httpMetadata = { contentType: MEDIA_TYPES[picture.format] };
  if (picture.bytes !== undefined) {
    const hash = await sha256Hex(picture.bytes);
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
async function upload(bucket: R2Bucket, key: string, body: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string> {
  const upload = await uploadInParts({ bucket, key });
  const digest = new crypto.DigestStream("SHA-256");
  const hashing = digest.getWriter();
  try {
    for await (const chunk of body) {
      await hashing.write(chunk);
      await upload.write(chunk);
    }
    await hashing.close();
    await upload.commit();
    return new Uint8Array(await digest.digest).toHex();
  } catch (error: unknown) {
    await upload.abort();
    throw error;
  }
}

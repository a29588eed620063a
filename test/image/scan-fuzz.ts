/**
 * One round of the scanner against the reference: what is wrong, in words, or `undefined`. Runs in Node and in workerd.
 */
import type { DecodeQuads } from "../../routing/image/base64-decode.ts";
import { randomChunks, randomDocument, seededChance } from "./random-documents.ts";
import { expectedPicture, scan, withoutPictures } from "./scan-reference.ts";

const hex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Compares the two on the document of this seed. `decodeQuads`: in place of the platform's decoder. */
export function disagreement(seed: number, decodeQuads?: DecodeQuads): string | undefined {
  const chance = seededChance(seed);
  const { select, text } = randomDocument(chance);
  const scanned = scan(randomChunks(chance, text), select, decodeQuads === undefined ? {} : { decodeQuads });
  const document: unknown = JSON.parse(text);
  const expected = expectedPicture(document, select);
  const say = (what: string) => `seed ${seed}: ${what} in ${text}`;

  if (scanned.failed === "bad_base64" && expected.badBase64 !== "not") return undefined;
  if (scanned.failed !== undefined) return say(`failed with ${scanned.failed}`);
  if (expected.badBase64 === "must") return say("bad base64 was taken");
  if (!scanned.end.ok) return say(`the document was ${scanned.end.failure}`);
  const rest = JSON.stringify(withoutPictures(scanned.end.value, select.paths));
  if (rest !== JSON.stringify(withoutPictures(document, select.paths))) return say(`the rest was ${rest}`);
  const { bytes } = expected;
  if (expected.mayBeLost === true && !scanned.hasPicture) return undefined;
  if (scanned.hasPicture !== (bytes !== undefined))
    return say(`the picture was ${scanned.hasPicture ? "invented" : "missed"}`);
  if (bytes !== undefined && hex(scanned.bytes) !== hex(bytes)) return say(`the bytes were ${hex(scanned.bytes)}`);
  return undefined;
}

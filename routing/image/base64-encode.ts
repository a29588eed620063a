/**
 * Bytes → base64 text (RFC 4648 §4, padded), by the platform's own encoder where there is one.
 */

/** Bytes a round: a multiple of 3, so that rounds join without padding, and few enough for a spread of arguments. */
const ROUND_BYTES = 24_576;

/** Length of the text for so many bytes, characters. */
export function base64Length(bytes: number): number {
  return Math.ceil(bytes / 3) * 4;
}

/** All of it at once: for what is small. */
export const encodeBase64: (bytes: Uint8Array) => string =
  "toBase64" in Uint8Array.prototype ? (bytes) => bytes.toBase64() : encodeInRounds;

/** For platforms without their own (Node before 25). */
export function encodeInRounds(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += ROUND_BYTES) {
    text += btoa(String.fromCharCode(...bytes.subarray(at, at + ROUND_BYTES)));
  }
  return text;
}

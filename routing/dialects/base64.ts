/**
 * Bytes → base64, for reference pictures that travel inside a JSON request. They are bounded by the body limit, so they are not streamed.
 */

/** Bytes a round: a multiple of 3, so that rounds join without padding, and few enough for a spread of arguments. */
const ROUND_BYTES = 24_576;

/** Standard alphabet, padded (RFC 4648 §4). */
export function toBase64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += ROUND_BYTES) {
    text += btoa(String.fromCharCode(...bytes.subarray(at, at + ROUND_BYTES)));
  }
  return text;
}

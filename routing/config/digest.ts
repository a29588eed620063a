/** Names made of content. */

/** SHA-256, 64 hex digits. */
export async function sha256Hex(bytes: Uint8Array): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>));
  // Not every runtime that we test on has Uint8Array's own toHex.
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

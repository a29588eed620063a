/**
 * murmur3_x86_32: the hash behind every sticky choice (arm, shadow sample, unit key).
 *
 * Chosen for speed and because its 32 bits stay independent under a prefix salt (control.md §6); it is no secret and no signature.
 * Pure and the same everywhere: a change of one bit here moves every unit to another arm, so golden vectors hold it.
 */

const C1 = 0xcc9e2d51;
const C2 = 0x1b873593;

const encoder = new TextEncoder();
/** Short ASCII texts, which are nearly all, are hashed from here: an encoder call costs more than the hash. */
const scratch = new Uint8Array(256);

const rotateLeft = (value: number, bits: number): number => (value << bits) | (value >>> (32 - bits));

const scramble = (block: number): number => Math.imul(rotateLeft(Math.imul(block, C1), 15), C2);

/** Hash of the UTF-8 bytes of `text`, an unsigned 32-bit integer. Lone surrogates count as U+FFFD. `seed` is unsigned 32 bit. */
export function murmur3(text: string, seed = 0): number {
  const bytes = toAscii(text) ? scratch : encoder.encode(text);
  const length = bytes === scratch ? text.length : bytes.length;
  const wholeBytes = length & ~3;
  let hash = seed | 0;
  for (let at = 0; at < wholeBytes; at += 4) {
    const block = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    hash = (Math.imul(rotateLeft(hash ^ scramble(block), 13), 5) + 0xe6546b64) | 0;
  }
  let rest = 0;
  for (let at = length - 1; at >= wholeBytes; at--) rest = (rest << 8) | bytes[at]!;
  if (length > wholeBytes) hash ^= scramble(rest);
  hash ^= length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Writes the text into `scratch`; `false` where it does not fit or is not ASCII. */
function toAscii(text: string): boolean {
  if (text.length > scratch.length) return false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code > 0x7f) return false;
    scratch[at] = code;
  }
  return true;
}

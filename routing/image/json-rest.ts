/**
 * What is kept of a JSON document whose large strings are left out. Bounded; grows by doubling; bytes in, one parse at the end.
 */
export interface JsonRest {
  /** Keeps bytes [from, to) of `chunk`. */
  keep(chunk: Uint8Array, from: number, to: number): void;
  /** Length so far: where `cutTo` may return to and `text` may begin. */
  length(): number;
  /** Forgets everything kept since. */
  cutTo(length: number): void;
  /** Was the bound passed? Then nothing more was kept. */
  overflowed(): boolean;
  /** The bytes from `from` on, as text. */
  text(from: number): string;
}

const utf8 = new TextDecoder();

/** `maxBytes`: the most that is kept. */
export function createJsonRest(maxBytes: number): JsonRest {
  let bytes = new Uint8Array(Math.min(1024, maxBytes));
  let length = 0;
  let overflowed = false;

  function grow(needed: number): void {
    const larger = new Uint8Array(Math.min(maxBytes, Math.max(needed, bytes.length * 2)));
    larger.set(bytes.subarray(0, length));
    bytes = larger;
  }

  return {
    length: () => length,
    overflowed: () => overflowed,
    text: (from) => utf8.decode(bytes.subarray(from, length)),
    cutTo(to) {
      length = to;
    },
    keep(chunk, from, to) {
      const needed = length + to - from;
      overflowed ||= needed > maxBytes;
      if (overflowed) return;
      if (needed > bytes.length) grow(needed);
      bytes.set(chunk.subarray(from, to), length);
      length = needed;
    },
  };
}

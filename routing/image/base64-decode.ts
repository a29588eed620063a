/**
 * Base64 → bytes, a run of text at a time, never the whole.
 *
 * On the platform's own decoder where there is one (50 GB/s in workerd 1.20261117.1), else on a table. Takes both alphabets, white space
 * between characters and missing padding, as the platform's does; anything else is bad. Holds at most three characters between runs.
 */

/** Base64 text → bytes. `undefined` means that the text is not base64; the decoder must not be used further then. */
export interface Base64Decoder {
  /** Decodes into `room` from its start; it must have `roomFor(text.length)` bytes. The number of bytes written. */
  push(text: string, room: Uint8Array): number | undefined;
  /** Is nothing held back, so that the next run begins a quad? */
  isAligned(): boolean;
  /** What was held back, at the end of the text: up to two bytes. */
  end(room: Uint8Array): number | undefined;
}

/** Decodes all the whole quads at the start of `text`. Throws where the text is not base64. */
export type DecodeQuads = (text: string, into: Uint8Array) => { readonly read: number; readonly written: number };

/** Bytes that a run of so many characters can decode to, what was held back included. */
export function roomFor(characters: number): number {
  return Math.ceil((characters + 3) / 4) * 3;
}

const STOP_EARLY = { lastChunkHandling: "stop-before-partial" } as const;

/** The platform's, which Node before 25 lacks. */
export const nativeQuads: DecodeQuads | undefined =
  "setFromBase64" in Uint8Array.prototype ? (text, into) => into.setFromBase64(text, STOP_EARLY) : undefined;

const WHITE_SPACE = /[\t\n\f\r ]+/g;

/** A decoder for one base64 text. */
export function createBase64Decoder(decodeQuads: DecodeQuads = nativeQuads ?? tableQuads): Base64Decoder {
  let held = "";
  let padded = false;
  let urlSafe = false;

  function decode(text: string, room: Uint8Array): number | undefined {
    // Only white space may follow padding; the platform sees to that within a run, not between runs.
    if (padded) return text.replace(WHITE_SPACE, "") === "" ? 0 : undefined;
    try {
      const { read, written } = decodeQuads(text, room);
      held = read === text.length ? "" : text.slice(read).replace(WHITE_SPACE, "");
      padded = written > 0 && written % 3 !== 0;
      return written;
    } catch {
      return undefined;
    }
  }

  function normalised(text: string): string {
    return urlSafe ? text.replaceAll("-", "+").replaceAll("_", "/") : text;
  }

  /** A failed run is tried once more in the URL-safe alphabet; from then on every run is read in it. */
  function decodeEither(text: string, room: Uint8Array): number | undefined {
    const written = decode(normalised(text), room);
    if (written !== undefined || urlSafe || !/[-_]/.test(text)) return written;
    urlSafe = true;
    return decode(normalised(text), room);
  }

  return {
    isAligned: () => held === "",
    push(text, room) {
      if (held === "") return decodeEither(text, room);
      const { quad, rest } = completeQuad(held, text);
      const first = decodeEither(quad, room);
      if (first === undefined || rest === "") return first;
      // A quad that is still not whole was held back again, so nothing but white space is left.
      const second = decodeEither(rest, room.subarray(first));
      return second === undefined ? undefined : first + second;
    },
    end(room) {
      if (held === "") return 0;
      if (held.length < 2 || held.includes("=")) return undefined;
      return decode(held.padEnd(4, "="), room);
    },
  };
}

/** Takes characters from `text` until they make four with the held ones, white space aside. */
function completeQuad(held: string, text: string): { readonly quad: string; readonly rest: string } {
  let quad = held;
  let at = 0;
  for (; at < text.length && quad.length < 4; at++) {
    const character = text[at] as string;
    if (!/[\t\n\f\r ]/.test(character)) quad += character;
  }
  return { quad, rest: text.slice(at) };
}

const BAD = 255;
const PADDING = 64;
const SKIPPED = 65;

/** Value of each character code below 128. */
const VALUES: Uint8Array = new Uint8Array(128).fill(BAD);
for (const [value, character] of [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="].entries()) {
  VALUES[character.charCodeAt(0)] = value;
}
for (const character of "\t\n\f\r ") VALUES[character.charCodeAt(0)] = SKIPPED;

/** The same by table, for platforms without their own. */
export const tableQuads: DecodeQuads = (text, into) => {
  let read = 0;
  let written = 0;
  let quad = 0;
  let count = 0;
  let padding = 0;
  for (let at = 0; at < text.length; at++) {
    const value = VALUES[text.charCodeAt(at)] ?? BAD;
    if (value === SKIPPED) {
      if (count === 0) read = at + 1;
      continue;
    }
    const misplaced = value === PADDING ? count < 2 : padding > 0;
    if (value === BAD || misplaced) throw new SyntaxError("not base64");
    if (value === PADDING) padding++;
    quad = (quad << 6) | (value & 63);
    if (++count < 4) continue;
    into[written++] = quad >> 16;
    if (padding < 2) into[written++] = quad >> 8;
    if (padding < 1) into[written++] = quad;
    read = at + 1;
    quad = 0;
    count = 0;
  }
  return { read, written };
};

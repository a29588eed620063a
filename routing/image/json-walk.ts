/**
 * Walks through a JSON document in chunks of any size and says where it is.
 *
 * Structure only: whether the document is valid JSON is decided by parsing what was kept of it, which is all of it but the strings taken
 * out (whose escapes and control characters are checked here) and those longer than LONG_STRING_BYTES. State: the path, a few bytes.
 */
import type { JsonRest } from "./json-rest.ts";
import { findClose, splitRun, toCharacters } from "./json-strings.ts";

/** Longer string values are left out of the rest: a picture nobody asked for, a thought's signature. */
export const LONG_STRING_BYTES = 8 * 1024;

/** Containers within one another; no upstream nests deeper than a dozen. */
const MAX_DEPTH = 256;

/**
 * Bytes of a wanted string that are made text at a time. Short texts die young and cost nothing; as long as a read they pile up: with
 * eight pictures of 25 MB at once the same loop peaked at 65 MB over idle with texts of 256 KiB and at 27 MB with these (workerd
 * 1.20261117.1, 2 cores, 2 rounds each). A multiple of four, for base64.
 */
const SLICE_BYTES = 32 * 1024;

/** Names and indexes from the root to where the walk is. */
export type JsonPath = readonly (string | number)[];

/** What the walk meets. */
export interface JsonVisitor {
  /** A string value begins. True: its characters are taken out and handed to `text`; false: it stays in the rest. */
  wants(path: JsonPath): boolean;
  /** Some of the wanted string's characters, unescaped. `isRaw`: nobody has looked for control characters yet. False stops the walk. */
  text(run: string, isRaw: boolean): boolean;
  /** The wanted string is over. False stops the walk. */
  textEnd(): boolean;
  /** The member at the end of `path` is `true`. */
  isTrue(path: JsonPath): void;
  /** A container was closed; `depth` are still open. */
  closed(depth: number): void;
}

export interface JsonWalker {
  /** False: stopped, by the visitor or because this cannot be JSON (then `isBroken`). */
  push(chunk: Uint8Array): boolean;
  isBroken(): boolean;
  /** Is a container or a string still open? */
  isOpen(): boolean;
}

const QUOTE = 0x22;
const STOPPED = -1;

/** A walk that keeps what is not taken out in `rest`. */
export function createJsonWalker(visitor: JsonVisitor, rest: JsonRest): JsonWalker {
  const path: (string | number)[] = [];
  let mode: "structure" | "name" | "value" | "wanted" = "structure";
  let nameNext = false;
  let broken = false;
  // Of the string that is open: where its characters begin in the rest, how many bytes of them came, what a chunk's end cut off.
  let stringFrom = 0;
  let stringBytes = 0;
  let inEscape = false;
  let cutEscape = "";

  function open(isObject: boolean): boolean {
    nameNext = isObject;
    path.push(isObject ? "" : 0);
    return path.length <= MAX_DEPTH;
  }

  function close(): boolean {
    nameNext = false;
    const wasOpen = path.pop() !== undefined;
    visitor.closed(path.length);
    return wasOpen;
  }

  /** One byte outside strings; false where it cannot stand. */
  function structure(byte: number): boolean {
    const key = path.at(-1);
    if (byte === 0x7b || byte === 0x5b) return open(byte === 0x7b);
    if (byte === 0x7d || byte === 0x5d) return close();
    if (byte === 0x3a) nameNext = false;
    else if (byte === 0x2c && typeof key === "number") path[path.length - 1] = key + 1;
    else if (byte === 0x2c) nameNext = true;
    else if (byte === 0x74 && typeof key === "string") visitor.isTrue(path);
    return true;
  }

  function openString(): void {
    stringFrom = rest.length();
    stringBytes = 0;
    inEscape = false;
    if (nameNext) mode = "name";
    else mode = visitor.wants(path) ? "wanted" : "value";
  }

  // Each of these takes what it can of the chunk from `at` on and returns where the next one begins.

  function takeStructure(chunk: Uint8Array, at: number): number {
    for (let to = at; to < chunk.length; to++) {
      const byte = chunk[to] as number;
      if (byte === QUOTE) {
        rest.keep(chunk, at, to + 1);
        openString();
        return to + 1;
      }
      if (!structure(byte)) {
        broken = true;
        return STOPPED;
      }
    }
    rest.keep(chunk, at, chunk.length);
    return chunk.length;
  }

  function takePlain(chunk: Uint8Array, at: number): number {
    const found = findClose(chunk, at, inEscape);
    inEscape = found.inEscape;
    stringBytes += found.at - at;
    if (mode === "value" && stringBytes > LONG_STRING_BYTES) rest.cutTo(stringFrom);
    else rest.keep(chunk, at, found.at);
    if (!found.closed) return chunk.length;
    if (mode === "name") path[path.length - 1] = toName(rest.text(stringFrom));
    mode = "structure";
    rest.keep(chunk, found.at, found.at + 1);
    return found.at + 1;
  }

  function takeWanted(chunk: Uint8Array, at: number): number {
    // Slices begin at multiples of four from the string's start, wherever chunks do.
    const sliceTo = Math.min(chunk.length, at + SLICE_BYTES - (stringBytes % 4));
    stringBytes += sliceTo - at;
    const input = cutEscape + toCharacters(chunk.subarray(at, sliceTo));
    const run = splitRun(input);
    broken = run === undefined;
    if (run === undefined || !visitor.text(run.text, run.isRaw)) return STOPPED;
    const quoteAt = at + run.length - cutEscape.length;
    cutEscape = run.closed ? "" : input.slice(run.length);
    if (!run.closed) return sliceTo;
    mode = "structure";
    rest.keep(chunk, quoteAt, quoteAt + 1);
    return visitor.textEnd() ? quoteAt + 1 : STOPPED;
  }

  return {
    isBroken: () => broken,
    isOpen: () => path.length > 0 || mode !== "structure",
    push(chunk) {
      let at = 0;
      while (at !== STOPPED && at < chunk.length) {
        if (mode === "structure") at = takeStructure(chunk, at);
        else at = mode === "wanted" ? takeWanted(chunk, at) : takePlain(chunk, at);
      }
      return at !== STOPPED;
    },
  };
}

/** A member's name as JSON spells it; one that is not valid matches nothing, and the document's parse will say so. */
function toName(spelled: string): string {
  if (!spelled.includes("\\")) return spelled;
  try {
    return JSON.parse(`"${spelled}"`) as string;
  } catch {
    return "";
  }
}

/**
 * Finds the picture in a JSON document that comes in chunks, decodes its base64 as it comes, and keeps the rest of the document.
 *
 * Pure: bytes in, bytes out. The first string at one of the paths is the picture (or the last one, picture-field.ts), unless an object
 * around it carries the `unless` flag; others at those paths are left out of the rest. Never holds more of the string than a chunk.
 */

import type { Result } from "../failure/index.ts";
import { type Base64Decoder, createBase64Decoder, type DecodeQuads, roomFor } from "./base64-decode.ts";
import { createDataUrlPrefix, type DataUrlPrefix } from "./data-url.ts";
import { createJsonRest } from "./json-rest.ts";
import { hasRawControl } from "./json-strings.ts";
import { createJsonWalker } from "./json-walk.ts";
import type { PictureField } from "./picture-field.ts";
import { createPictureScope } from "./picture-scope.ts";

/** Most that is kept of a document besides the picture, bytes. Gemini's is 1–2 KB, OpenAI's under 1 KB. */
export const MAX_REST_BYTES = 256 * 1024;

/** Most that one picture may have, bytes: above the 50 MB of a 4096 × 4096 PNG in RGB that does not compress at all. */
export const MAX_PICTURE_BYTES = 64 * 1024 * 1024;

export interface ScanOptions {
  readonly maxRestBytes?: number;
  readonly maxPictureBytes?: number;
  /** For tests: the decoder in place of the platform's. */
  readonly decodeQuads?: DecodeQuads;
}

/** What can be wrong with a document. `truncated`: it ends in its middle. */
export type ScanDefect = "not_json" | "html" | "no_picture" | "bad_base64" | "too_large" | "truncated";

/** What a chunk brought. */
export interface ScanOutput {
  /** What was handed out before is not the picture after all (its `unless` flag came behind it, or a later one counts): forget it. */
  readonly restart: boolean;
  /** More of the picture; may be empty. Over the buffer given, if one was and it was large enough. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The document is of no use; nothing more is read from it. */
  readonly failed?: ScanDefect;
}

export interface Base64Scanner {
  /** Takes the next chunk, which may be reused afterwards. `into`: where to put decoded bytes. */
  push(chunk: Uint8Array, into?: ArrayBuffer): ScanOutput;
  /** What was handed out is being sent on: no later picture takes its place. */
  keep(): void;
  /** Was the picture there in full, and is nothing left that could take it out? */
  hasPicture(): boolean;
  /** The document is over: it, with "" in the picture's place, or what is wrong. Independent of `hasPicture`. */
  end(): Result<unknown, ScanDefect>;
}

const NOTHING = new Uint8Array(0);

export function createBase64Scanner(select: PictureField, options: ScanOptions = {}): Base64Scanner {
  const maxPictureBytes = options.maxPictureBytes ?? MAX_PICTURE_BYTES;
  const rest = createJsonRest(options.maxRestBytes ?? MAX_REST_BYTES);
  const scope = createPictureScope(select);
  let started = false;
  let failed: ScanDefect | undefined;
  // The candidate: its decoder, and how many bytes it gave in all.
  let decoder: Base64Decoder | undefined;
  let prefix: DataUrlPrefix;
  let pictureBytes = 0;
  /** Bytes of the picture whose place a later string takes as soon as it gives a byte. */
  let formerBytes: number | undefined;
  // This push: what was decoded, [from, to) of `room`, and whether earlier pushes are void.
  let roomBuffer = () => new ArrayBuffer(0);
  let room: Uint8Array<ArrayBuffer> = NOTHING;
  let from = 0;
  let to = 0;
  let restart = false;

  function fail(defect: ScanDefect): false {
    failed = defect;
    return false;
  }

  function decoded(bytes: number | undefined): boolean {
    if (bytes === undefined) return fail("bad_base64");
    if (bytes > 0 && formerBytes !== undefined) {
      restart ||= formerBytes > to - from;
      from = to;
      formerBytes = undefined;
    }
    to += bytes;
    pictureBytes += bytes;
    return pictureBytes <= maxPictureBytes || fail("too_large");
  }

  /** Where decoded bytes go. Made on the first use in a push: most chunks without picture need none. */
  function free(): Uint8Array<ArrayBuffer> {
    if (room.length === 0) room = new Uint8Array(roomBuffer());
    return to === 0 ? room : room.subarray(to);
  }

  const decode = (run: string): boolean => run === "" || decoded(decoder?.push(run, free()));

  const walker = createJsonWalker(
    {
      wants(path) {
        const begins = scope.begins(path);
        if (begins === undefined) return false;
        formerBytes = begins === "instead" ? pictureBytes : undefined;
        decoder = createBase64Decoder(options.decodeQuads);
        prefix = createDataUrlPrefix();
        pictureBytes = 0;
        return true;
      },
      text(run, isRaw) {
        const base64 = prefix.push(run);
        if (base64 === undefined) return fail("bad_base64");
        const wasAligned = decoder?.isAligned() === true;
        const before = to;
        if (!decode(base64)) return false;
        // Three bytes for four characters leave no room for what JSON forbids: only the few runs that have it are searched.
        const isDense = wasAligned && base64 !== "" && (to - before) * 4 === base64.length * 3;
        return !isRaw || isDense || !hasRawControl(run) || fail("not_json");
      },
      textEnd() {
        if (!decode(prefix.end()) || !decoded(decoder?.end(free()))) return false;
        scope.ended(pictureBytes === 0);
        pictureBytes = formerBytes ?? pictureBytes;
        formerBytes = undefined;
        return true;
      },
      isTrue(path) {
        if (!scope.excludes(path)) return;
        restart ||= pictureBytes > to - from;
        from = to;
      },
      closed: scope.closed,
    },
    rest,
  );

  return {
    hasPicture: scope.isCertain,
    keep: scope.keep,
    push(chunk, into) {
      from = 0;
      to = 0;
      restart = false;
      if (failed === undefined && !started) {
        const first = firstSign(chunk);
        started = first !== undefined;
        if (first === "<") fail("html");
        else if (started && first !== "{" && first !== "[") fail("not_json");
      }
      if (failed === undefined) {
        const needed = roomFor(chunk.length + CARRIED_CHARACTERS);
        roomBuffer = () => (into !== undefined && into.byteLength >= needed ? into : new ArrayBuffer(needed));
        if (!walker.push(chunk) && walker.isBroken()) fail("not_json");
        if (rest.overflowed() && scope.isSearching()) fail("too_large");
      }
      const bytes = room.subarray(from, to);
      room = NOTHING;
      return { restart, bytes, ...(failed === undefined ? {} : { failed }) };
    },
    end() {
      if (failed !== undefined) return { ok: false, failure: failed };
      if (walker.isOpen()) return { ok: false, failure: "truncated" };
      if (rest.overflowed()) return { ok: false, failure: "too_large" };
      try {
        return { ok: true, value: JSON.parse(rest.text(0)) as unknown };
      } catch {
        return { ok: false, failure: "not_json" };
      }
    },
  };
}

/** Characters of earlier chunks that may be decoded with this one: a data URL's start, or an escape cut off. */
const CARRIED_CHARACTERS = 8;

const utf8 = new TextDecoder();

/** The first character that is not white space or a byte order mark. */
function firstSign(chunk: Uint8Array): string | undefined {
  return utf8.decode(chunk.subarray(0, 256)).trimStart()[0];
}

/**
 * What the scanner must find in a document, the slow and obvious way: JSON.parse, look, decode. Runs in Node and in workerd.
 */
import type { PictureField } from "../../routing/dialects/dialect.ts";
import {
  type Base64Scanner,
  createBase64Scanner,
  type ScanDefect,
  type ScanOptions,
} from "../../routing/image/base64-scanner.ts";

/** A string at one of the paths, with whether an object around it carries the flag. In document order. */
interface Found {
  readonly text: string;
  readonly excluded: boolean;
}

function stringsAt(value: unknown, paths: readonly (readonly string[])[], unless: string | undefined): Found[] {
  if (typeof value === "string")
    return paths.some((path) => path.length === 0) ? [{ text: value, excluded: false }] : [];
  if (typeof value !== "object" || value === null) return [];
  const inArray = Array.isArray(value);
  const flagged = !inArray && unless !== undefined && (value as Record<string, unknown>)[unless] === true;
  return Object.entries(value).flatMap(([name, member]) => {
    const deeper = paths.filter((path) => (inArray ? path[0] === "*" : path[0] === name));
    const found = stringsAt(
      member,
      deeper.map((path) => path.slice(1)),
      unless,
    );
    // The flag counts from the nearest array element inwards, so not for paths that still go through an array.
    const reaches = deeper.some((path) => !path.slice(1).includes("*"));
    return flagged && reaches ? found.map(({ text }) => ({ text, excluded: true })) : found;
  });
}

export interface Expected {
  /** The picture; `undefined` when the document has none, or its base64 is bad. */
  readonly bytes?: Uint8Array;
  /** Must the scanner fail on bad base64? It may where only an excluded string before the picture is bad: it cannot always know. */
  readonly badBase64: "must" | "may" | "not";
  /** Where the last one counts: an excluded string stands behind it, whose flag may have come too late to leave the picture in place. */
  readonly mayBeLost?: boolean;
}

/** The first string that is not excluded and not empty is the picture; or the last such. */
export function expectedPicture(document: unknown, select: PictureField): Expected {
  if (select.which === "last") return expectedLast(document, select);
  let badBefore = false;
  for (const { text, excluded } of stringsAt(document, select.paths, select.unless)) {
    const bytes = referenceBytes(text.replace(/^data:[^,]*;base64,/i, ""));
    if (excluded) badBefore ||= bytes === undefined;
    else if (bytes === undefined) return { badBase64: "must" };
    else if (bytes.length > 0) return { bytes, badBase64: badBefore ? "may" : "not" };
  }
  return { badBase64: badBefore ? "may" : "not" };
}

function expectedLast(document: unknown, select: PictureField): Expected {
  let last: Uint8Array | undefined;
  let badBefore = false;
  let mayBeLost = false;
  for (const { text, excluded } of stringsAt(document, select.paths, select.unless)) {
    const bytes = referenceBytes(text.replace(/^data:[^,]*;base64,/i, ""));
    if (excluded) {
      badBefore ||= bytes === undefined;
      mayBeLost ||= last !== undefined && bytes?.length !== 0;
    } else if (bytes === undefined) {
      return { badBase64: "must" };
    } else if (bytes.length > 0) {
      last = bytes;
      mayBeLost = false;
    }
  }
  return { ...(last === undefined ? {} : { bytes: last }), badBase64: badBefore ? "may" : "not", mayBeLost };
}

/** Strict about everything but the alphabet, white space and missing padding. `undefined`: not base64. */
export function referenceBytes(text: string): Uint8Array | undefined {
  const compact = text
    .replace(/[\t\n\f\r ]/g, "")
    .replaceAll("-", "+")
    .replaceAll("_", "/");
  const bare = compact.replace(/=+$/, "");
  const padding = compact.length - bare.length;
  if (!/^[A-Za-z0-9+/]*$/.test(bare) || bare.length % 4 === 1) return undefined;
  if (padding > 0 && (compact.length % 4 !== 0 || padding > 2)) return undefined;
  return Uint8Array.from(atob(bare), (character) => character.charCodeAt(0));
}

export interface Scanned {
  readonly bytes: Uint8Array;
  readonly hasPicture: boolean;
  readonly failed?: ScanDefect;
  readonly end: ReturnType<Base64Scanner["end"]>;
}

/** Runs the scanner over chunks; every chunk and every output buffer is overwritten after its push, as callers may. */
export function scan(chunks: readonly Uint8Array[], select: PictureField, options: ScanOptions = {}): Scanned {
  const scanner = createBase64Scanner(select, options);
  const into = new ArrayBuffer(1 << 16);
  let parts: Uint8Array[] = [];
  let failed: ScanDefect | undefined;
  for (const given of chunks) {
    const chunk = given.slice();
    const output = scanner.push(chunk, into);
    if (output.restart) parts = [];
    parts.push(output.bytes.slice());
    failed = output.failed;
    chunk.fill(0x22);
    new Uint8Array(into).fill(0xee);
  }
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return { bytes, hasPicture: scanner.hasPicture(), end: scanner.end(), ...(failed === undefined ? {} : { failed }) };
}

/** The document with every string at the paths made empty, so that what is left out here and there compares equal. */
export function withoutPictures(value: unknown, paths: readonly (readonly string[])[]): unknown {
  if (typeof value === "string") return paths.some((path) => path.length === 0) ? "" : value;
  if (typeof value !== "object" || value === null) return value;
  const inArray = Array.isArray(value);
  const entries = Object.entries(value).map(([name, member]) => {
    const deeper = paths.filter((path) => (inArray ? path[0] === "*" : path[0] === name));
    return [
      name,
      withoutPictures(
        member,
        deeper.map((path) => path.slice(1)),
      ),
    ] as const;
  });
  return inArray ? entries.map(([, member]) => member) : Object.fromEntries(entries);
}

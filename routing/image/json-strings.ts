/**
 * Where JSON strings end, and what their characters are, when they come in pieces.
 *
 * Bytes are searched, not copied; text is searched and unescaped by the platform's own functions, which is what makes megabytes cheap.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

export interface CloseSearch {
  /** Was the closing quote found? */
  readonly closed: boolean;
  /** Where the quote stands, or the chunk's length. */
  readonly at: number;
  /** Is the next byte, in the next chunk, escaped? */
  readonly inEscape: boolean;
}

/** The closing quote of a string whose characters go on at `from`. `inEscape`: is the byte there escaped? */
export function findClose(chunk: Uint8Array, from: number, inEscape: boolean): CloseSearch {
  for (let search = from; ; ) {
    const quoteAt = chunk.indexOf(QUOTE, search);
    const at = quoteAt === -1 ? chunk.length : quoteAt;
    const escaped = isEscaped(chunk, { from, at, inEscape });
    if (quoteAt === -1) return { closed: false, at, inEscape: escaped };
    if (!escaped) return { closed: true, at, inEscape: false };
    search = quoteAt + 1;
  }
}

/** Does an odd number of backslashes stand before `at`? */
function isEscaped(
  chunk: Uint8Array,
  string: { readonly from: number; readonly at: number; readonly inEscape: boolean },
): boolean {
  let first = string.at;
  while (first > string.from && chunk[first - 1] === BACKSLASH) first--;
  const carried = first === string.from && string.inEscape ? 1 : 0;
  return (string.at - first + carried) % 2 === 1;
}

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
const latin1 = new TextDecoder("latin1");

/** Bytes as text with one character a byte. Exact for ASCII; other bytes become some character that is not base64. */
export function toCharacters(bytes: Uint8Array): string {
  // The UTF-8 decoder is seven times faster on ASCII than the other (workerd 1.20261117.1), and shorter on anything else.
  const text = utf8.decode(bytes);
  return text.length === bytes.length ? text : latin1.decode(bytes);
}

export interface StringRun {
  /** Characters of the string, unescaped. */
  readonly text: string;
  /** Did the string end? */
  readonly closed: boolean;
  /** Characters of the input that this took up, without the closing quote. The rest begins an escape that is still cut off. */
  readonly length: number;
  /** Is the text as it stood, so that `hasRawControl` still has to be asked? */
  readonly isRaw: boolean;
}

/** The part of `input` that belongs to the string which it continues. `undefined`: an escape or, beside one, a character that JSON forbids. */
export function splitRun(input: string): StringRun | undefined {
  const backslashAt = input.indexOf("\\");
  const quoteAt = input.indexOf('"');
  const closed = quoteAt !== -1;
  if (backslashAt === -1 || (closed && quoteAt < backslashAt)) {
    const text = closed ? input.slice(0, quoteAt) : input;
    return { text, closed, length: text.length, isRaw: true };
  }
  return splitEscaped(input);
}

function splitEscaped(input: string): StringRun | undefined {
  let quoteAt = input.indexOf('"');
  while (quoteAt !== -1 && isEscapedAt(input, quoteAt)) quoteAt = input.indexOf('"', quoteAt + 1);
  const length = quoteAt === -1 ? wholeEscapes(input) : quoteAt;
  try {
    const text = JSON.parse(`"${input.slice(0, length)}"`) as string;
    return { text, closed: quoteAt !== -1, length, isRaw: false };
  } catch {
    return undefined;
  }
}

function isEscapedAt(input: string, at: number): boolean {
  let first = at;
  while (first > 0 && input[first - 1] === "\\") first--;
  return (at - first) % 2 === 1;
}

/** The longest part of `input` that does not end within an escape (`\u` and four digits at most). */
function wholeEscapes(input: string): number {
  for (let at = input.length - 1; at >= 0 && at >= input.length - 5; at--) {
    if (input[at] !== "\\") continue;
    // The second of two backslashes ends an escape.
    if (isEscapedAt(input, at)) return input.length;
    const needed = input[at + 1] === "u" ? 6 : 2;
    return at + needed <= input.length ? input.length : at;
  }
  return input.length;
}

/** Does the text hold white space that base64 decoders skip but JSON strings may not hold? Other control characters are no base64 either. */
export function hasRawControl(text: string): boolean {
  return text.includes("\n") || text.includes("\r") || text.includes("\t") || text.includes("\f");
}

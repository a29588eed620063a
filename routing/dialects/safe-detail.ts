/**
 * A provider's message about a wrong request, made fit to be shown: no part of the prompt, no URL, no key, at most 200 characters.
 *
 * Words that could be a key or an id are blanked. Providers like to quote what they were sent; rather than cutting quotes out, a
 * message that shares more than a few letters with the caller's words is dropped whole: fails closed, and what is lost is a hint.
 */
import type { ImageRequest } from "../image/request.ts";

/** Longest detail, characters (failure/attempt.ts). */
const MAX_DETAIL_CHARS = 200;

/** As much of a message as is looked at, characters. */
const MAX_MESSAGE_CHARS = 1_000;

/** Letters and digits in a row that count as a quotation: long enough that `size` or `image` in both is no match. */
const QUOTE_CHARS = 8;

/** The message, or `undefined` when nothing of it may be shown. */
export function safeDetail(message: string | undefined, request: ImageRequest): string | undefined {
  if (message === undefined) return undefined;
  const plain = message
    .slice(0, MAX_MESSAGE_CHARS)
    .replace(/[^\x20-\x7e]+/g, " ")
    .replace(/\b[a-z][a-z0-9+.-]*:\/\/\S*/gi, "(address)")
    .replace(/(?=\S*\d)(?=\S*[a-z])\S{16,}|\S{40,}/gi, "(word)")
    .replace(/\s+/g, " ")
    .trim();
  const words = [request.prompt, request.negativePrompt ?? "", ...request.text.map((overlay) => overlay.content)];
  return plain === "" || words.some((word) => quotes(fold(plain), fold(word)))
    ? undefined
    : plain.slice(0, MAX_DETAIL_CHARS);
}

/** Does the message contain the words, or QUOTE_CHARS of them in a row? */
function quotes(message: string, words: string): boolean {
  if (words === "") return false;
  if (words.length <= QUOTE_CHARS) return message.includes(words);
  for (let at = 0; at + QUOTE_CHARS <= message.length; at += 1) {
    if (words.includes(message.slice(at, at + QUOTE_CHARS))) return true;
  }
  return false;
}

function fold(text: string): string {
  return text.toLowerCase().replace(/[^a-z0-9]+/g, "");
}

/**
 * The headers that steer a submitted export: `Idempotency-Key` (IETF draft, a quoted string; taken unquoted as well) and `Prefer: wait=N`
 * (RFC 7240). Pure.
 */
import type { RequestFailure, Result } from "../../../routing/index.ts";

/** Longest key, characters (Stripe's bound). */
const MAX_KEY_CHARS = 255;

/** Longest wait, s. */
const MAX_WAIT_S = 60;

/** The key; `undefined` where none was sent. */
export function parseIdempotencyKey(header: string | null): Result<string | undefined, RequestFailure> {
  if (header === null) return { ok: true, value: undefined };
  const text = header.trim();
  const quoted = /^"((?:[^"\\]|\\["\\])*)"$/.exec(text)?.[1];
  const key = quoted === undefined ? text : quoted.replace(/\\(["\\])/g, "$1");
  const isSound = key.length > 0 && key.length <= MAX_KEY_CHARS && /^[\x20-\x7e]+$/.test(key);
  if (isSound && (quoted !== undefined || !text.includes('"'))) return { ok: true, value: key };
  const detail = `Idempotency-Key is a string of 1 to ${MAX_KEY_CHARS} printable ASCII characters, best in double quotes.`;
  return { ok: false, failure: { code: "invalid_request", detail } };
}

/** How long the caller would like to wait for the picture, s, 0…60; `undefined` where it does not say. */
export function parsePreferWait(header: string | null): number | undefined {
  for (const preference of (header ?? "").split(",")) {
    const seconds = /^\s*wait\s*=\s*"?(\d{1,6})"?\s*(?:;|$)/i.exec(preference)?.[1];
    if (seconds !== undefined) return Math.min(MAX_WAIT_S, Number(seconds));
  }
  return undefined;
}

/**
 * From a checked body to what the core is asked for. Inline pictures are decoded and sniffed here, so that a broken one is the
 * caller's problem with a path, not an upstream's riddle.
 */

import type * as z from "zod/mini";
import { type InlinePicture, type RequestFailure, type Result, sniffPicture } from "../../routing/index.ts";

/** Checks a value against a schema; the failure names the first offending member as a JSON pointer. */
export function checkBody<Schema extends z.ZodMiniType>(
  schema: Schema,
  value: unknown,
): Result<z.infer<Schema>, RequestFailure> {
  const checked = schema.safeParse(value);
  if (checked.success) return { ok: true, value: checked.data };
  const issue = checked.error.issues[0];
  const unknownKey = issue?.code === "unrecognized_keys" ? issue.keys.slice(0, 1) : [];
  const path = [...(issue?.path ?? []), ...unknownKey].map((step) => `/${escapePointer(String(step))}`).join("");
  const detail =
    unknownKey.length > 0 ? "There is no such member; check its spelling." : `${issue?.message ?? "Invalid"}.`;
  return { ok: false, failure: { code: "invalid_request", detail, path } };
}

/** RFC 6901 escapes, cut so that a caller's own key cannot blow up the answer. */
const escapePointer = (step: string): string => step.slice(0, 60).replaceAll("~", "~0").replaceAll("/", "~1");

/** Decodes an inline picture: base64, with or without a `data:` prefix. `path` is its JSON pointer. */
export function decodeInline(text: string, path: string): Result<InlinePicture, RequestFailure> {
  const comma = text.startsWith("data:") ? text.indexOf(",") : -1;
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = Uint8Array.fromBase64(text.slice(comma + 1));
  } catch {
    return { ok: false, failure: { code: "invalid_request", detail: "The picture is not base64.", path } };
  }
  const info = sniffPicture(bytes);
  if (info === undefined || info === "need-more") {
    return { ok: false, failure: { code: "invalid_request", detail: "The picture is not PNG, JPEG or WebP.", path } };
  }
  return { ok: true, value: { bytes, format: info.format } };
}

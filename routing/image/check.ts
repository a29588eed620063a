/**
 * May this picture be passed on? A success status means a picture only when the bytes say so.
 *
 * Signature, dimensions and format from the head; the end and blankness where the picture is whole. Of a picture that streams, the end
 * is checked by its flow. Fails closed, with the failure that the attempt then had.
 */
import type { AttemptFailure, PictureDefect, Result } from "../failure/index.ts";
import { isBlank } from "./blank.ts";
import { isComplete } from "./complete.ts";
import type { PictureFormat } from "./request.ts";
import { type PictureHeader, recogniseOther, sniffPicture } from "./sniff.ts";

export interface PictureCheck {
  /** The first bytes, or all. */
  readonly head: Uint8Array<ArrayBuffer>;
  /** Is `head` all of it? */
  readonly whole: boolean;
  /** The size that was asked for, px; absent where the provider chooses it (ratio and size class). */
  readonly expected?: { readonly width: number; readonly height: number };
  /** The format that the client must get; absent where any will do. */
  readonly format?: PictureFormat;
}

/** Checks the picture; on success its format and true size. */
export async function checkPicture(check: PictureCheck): Promise<Result<PictureHeader, AttemptFailure>> {
  const sniffed = sniffPicture(check.head);
  if (sniffed === undefined) return { ok: false, failure: unrecognised(check.head) };
  if (sniffed === "need-more") return defect(check.whole && check.head.length > 0 ? "truncated" : "not_a_picture");
  if (check.whole && !isComplete(check.head, sniffed.format)) return defect("truncated");
  if (check.format !== undefined && check.format !== sniffed.format) return defect("wrong_format");
  const { expected } = check;
  if (expected !== undefined && (expected.width !== sniffed.width || expected.height !== sniffed.height)) {
    return defect("wrong_dimensions");
  }
  if (check.whole && (await isBlank(check.head, sniffed))) return defect("blank");
  return { ok: true, value: sniffed };
}

function defect(kind: PictureDefect): Result<never, AttemptFailure> {
  return { ok: false, failure: { reason: "bad_picture", defect: kind } };
}

function unrecognised(head: Uint8Array): AttemptFailure {
  const other = recogniseOther(head);
  if (other === "html") return { reason: "bad_response", defect: "html" };
  if (other === "json") return { reason: "bad_response", defect: "unexpected_type" };
  return { reason: "bad_picture", defect: other === undefined ? "not_a_picture" : "wrong_format" };
}

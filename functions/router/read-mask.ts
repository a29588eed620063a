/** A caller's mask, made one that every server reads alike. */
import { type InlinePicture, type RequestFailure, type Result, toPortableMask } from "../../routing/index.ts";

/** The mask; `invalid_request` at `/mask` for a damaged one. */
export async function readMask(mask: InlinePicture): Promise<Result<InlinePicture, RequestFailure>> {
  const portable = await toPortableMask({ bytes: mask.bytes, format: mask.format });
  if (portable !== undefined) return { ok: true, value: portable };
  return { ok: false, failure: { code: "invalid_request", detail: "The mask is damaged.", path: "/mask" } };
}

/**
 * Stores pictures and makes links to them that open for an hour, for callers who want a URL and not the bytes.
 */
import type { Picture, RequestFailure, Result } from "../../../routing/index.ts";
import type { RequestContext } from "../request-context.ts";
import { linkKey } from "./link-key.ts";
import { storePicture } from "./picture-store.ts";
import { signLink } from "./sign.ts";

/** How long a link opens, s: as long as OpenAI's own did. */
export const LINK_TTL_S = 3_600;

/** Links in the order of the pictures. `origin` is where the caller reached us. */
export async function linkPictures(
  pictures: readonly Picture[],
  { context, origin }: { readonly context: RequestContext; readonly origin: string },
): Promise<Result<readonly string[], RequestFailure>> {
  const { env } = context;
  const key = linkKey(env);
  if (key === undefined) return { ok: false, failure: NO_KEY };
  const expiresAtS = Math.floor(Date.now() / 1000) + LINK_TTL_S;
  try {
    const urls: string[] = [];
    for (const picture of pictures) {
      const id = await storePicture(env.IMAGES, picture);
      urls.push(`${origin}/v1/images/${id}?exp=${expiresAtS}&sig=${await signLink({ id, expiresAtS }, key)}`);
    }
    return { ok: true, value: urls };
  } catch {
    return { ok: false, failure: NOT_STORED };
  }
}

const NO_KEY: RequestFailure = {
  code: "not_configured",
  detail: "Links need the Worker secret GALLEY_LINK_KEY. Ask for response_format b64_json.",
  path: "/response_format",
};

const NOT_STORED: RequestFailure = {
  code: "internal",
  detail: "The picture was made and could not be stored. Ask for response_format b64_json.",
};

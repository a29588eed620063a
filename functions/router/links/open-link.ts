/**
 * `GET /v1/images/{id}?exp=&sig=`: opens a link. The signature is the admission: whoever has the link may look, until it expires.
 */
import type { RequestFailure } from "../../../routing/index.ts";
import type { Env } from "../environment.ts";
import { linkKey } from "./link-key.ts";
import { findPicture } from "./picture-store.ts";
import { isSigned } from "./sign.ts";

export interface OpenedLink {
  readonly id: string;
  readonly url: URL;
  readonly env: Env;
  readonly nowMs: number;
  /** The caller's `if-none-match`. */
  readonly ifNoneMatch: string | null;
}

/** The picture, `304`, or why the link does not open. A wrong link and a picture that is gone look the same. */
export async function openLink({ id, url, env, nowMs, ifNoneMatch }: OpenedLink): Promise<Response | RequestFailure> {
  const key = linkKey(env);
  const expiresAtS = Number(url.searchParams.get("exp"));
  const signature = url.searchParams.get("sig") ?? "";
  if (key === undefined || !/^[0-9a-f]{64}$/.test(id) || !Number.isSafeInteger(expiresAtS)) return NOT_FOUND;
  if (!(await isSigned({ id, expiresAtS }, signature, key))) return NOT_FOUND;
  const leftS = expiresAtS - Math.floor(nowMs / 1000);
  if (leftS <= 0) return { code: "not_found", detail: "The link has expired." };
  const headers = {
    etag: `"${id}"`,
    "cache-control": `private, max-age=${leftS}`,
    "x-content-type-options": "nosniff",
  };
  if (ifNoneMatch === headers.etag) return new Response(null, { status: 304, headers });
  const stored = await findPicture(env.IMAGES, id);
  if (stored === null) return NOT_FOUND;
  return new Response(stored.body, {
    headers: {
      ...headers,
      "content-type": stored.httpMetadata?.contentType ?? "application/octet-stream",
      "content-length": String(stored.size),
    },
  });
}

const NOT_FOUND: RequestFailure = { code: "not_found", detail: "This link opens nothing." };

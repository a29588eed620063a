/**
 * Links to a picture that need no key and expire: an HMAC over the job and the time of expiry. Fails closed: without a key set on a
 * deployed router there are none.
 */
import type { Env } from "../environment.ts";
import { linkKey } from "../links/link-key.ts";

/** Longest that a link may live, s: seven days, as object stores' own signed links. */
export const MAX_LINK_S = 7 * 24 * 3_600;

/** Path and query of a link that expires at `expiresAtS` (epoch s); `undefined`: links are off. */
export async function signLink(env: Env, id: string, expiresAtS: number): Promise<string | undefined> {
  const key = linkKey(env);
  if (key === undefined) return undefined;
  const signature = new Uint8Array(
    await crypto.subtle.sign("HMAC", await importKey(key), content(id, String(expiresAtS))),
  );
  return `/v1/exports/${id}/image?expires=${expiresAtS}&signature=${signature.toHex()}`;
}

/** Does the link hold? */
export async function isLinkSound(
  env: Env,
  id: string,
  { query, nowMs }: { query: URLSearchParams; nowMs: number },
): Promise<boolean> {
  const [expires, signature] = [query.get("expires") ?? "", query.get("signature") ?? ""];
  if (!/^\d{1,12}$/.test(expires) || !/^[0-9a-f]{64}$/.test(signature) || Number(expires) * 1_000 < nowMs) return false;
  const key = linkKey(env);
  return (
    key !== undefined &&
    crypto.subtle.verify("HMAC", await importKey(key), Uint8Array.fromHex(signature), content(id, expires))
  );
}

const content = (id: string, expires: string): Uint8Array =>
  new TextEncoder().encode(`galley-export\n${id}\n${expires}`);

function importKey(text: string): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", new TextEncoder().encode(text), { name: "HMAC", hash: "SHA-256" }, false, [
    "sign",
    "verify",
  ]);
}

/**
 * Signs what a link says, so that only links of ours open: HMAC-SHA256 over `<id>\n<expiry>`, compared in constant time by the platform.
 */
const ALGORITHM = { name: "HMAC", hash: "SHA-256" } as const;

export interface Link {
  /** What it opens. */
  readonly id: string;
  /** Epoch s. */
  readonly expiresAtS: number;
}

/** The signature, base64url without padding. */
export async function signLink(link: Link, key: string): Promise<string> {
  const signature = await crypto.subtle.sign(ALGORITHM, await importKey(key), messageOf(link));
  return new Uint8Array(signature).toBase64({ alphabet: "base64url", omitPadding: true });
}

/** Is this our signature under this link? */
export async function isSigned(link: Link, signature: string, key: string): Promise<boolean> {
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = Uint8Array.fromBase64(signature, { alphabet: "base64url" });
  } catch {
    return false;
  }
  return crypto.subtle.verify(ALGORITHM, await importKey(key), bytes, messageOf(link));
}

function importKey(key: string): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", new TextEncoder().encode(key), ALGORITHM, false, ["sign", "verify"]);
}

const messageOf = ({ id, expiresAtS }: Link): Uint8Array => new TextEncoder().encode(`${id}\n${expiresAtS}`);

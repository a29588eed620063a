/**
 * When two requests with one idempotency key are the same request: equal canonical JSON (RFC 8785 for what our bodies hold), by hash.
 */
import { canonicalJson } from "../config/snapshot-json.ts";

/** SHA-256 of the value's canonical JSON, 64 hex digits. */
export async function fingerprint(value: unknown): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(canonicalJson(value)));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

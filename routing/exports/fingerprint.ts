/**
 * When two requests with one idempotency key are the same request: equal canonical JSON (RFC 8785 for what our bodies hold), by hash.
 */
import { sha256Hex } from "../config/digest.ts";
import { canonicalJson } from "../config/snapshot-json.ts";

/** SHA-256 of the value's canonical JSON, 64 hex digits. */
export function fingerprint(value: unknown): Promise<string> {
  return sha256Hex(new TextEncoder().encode(canonicalJson(value)));
}

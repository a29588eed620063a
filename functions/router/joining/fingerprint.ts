/**
 * A fingerprint of plain data: SHA-256 of its canonical JSON, with bytes replaced by their own digest. Equal data, equal fingerprint,
 * whatever the order of its members.
 */
import { sha256Hex } from "../../../routing/index.ts";

/** 64 hex digits. Members that are `undefined` do not count. */
export async function fingerprint(value: unknown): Promise<string> {
  return sha256Hex(new TextEncoder().encode(JSON.stringify(await canonical(value))));
}

async function canonical(value: unknown): Promise<unknown> {
  if (value instanceof Uint8Array) return { sha256: await sha256Hex(value) };
  if (Array.isArray(value)) return Promise.all(value.map(canonical));
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(async ([name, member]) => [name, await canonical(member)] as const);
  return Object.fromEntries(await Promise.all(members));
}

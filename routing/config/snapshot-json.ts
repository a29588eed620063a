/**
 * Snapshot ↔ JSON, and the version of a content.
 *
 * Free of zod and yaml: the Worker imports this file. `parseSnapshot` only checks what tells a snapshot from garbage, because a
 * document is written by `compile` alone and read on the way of a request. It fails closed: the reader keeps its last good one.
 */
import type { Result } from "../failure/index.ts";
import { sha256Hex } from "./digest.ts";
import { SNAPSHOT_SCHEMA, type Snapshot, type SnapshotContent } from "./snapshot.ts";

/** Why stored text is not a snapshot. */
export interface SnapshotFailure {
  readonly reason: "not_json" | "wrong_schema" | "bad_shape";
  readonly detail: string;
}

/** Hex digits of a version: 64 bits of the hash, so that two contents meet by accident once in 2^32 pushes. */
const VERSION_DIGITS = 16;

const VERSION = new RegExp(`^[0-9a-f]{${VERSION_DIGITS}}$`);

/** Has this the shape of a version? */
export function isVersion(value: unknown): value is string {
  return typeof value === "string" && VERSION.test(value);
}

/** JSON with the members of every object in code-unit order and no spaces: equal content gives equal text. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) => {
    if (typeof member !== "object" || member === null || Array.isArray(member)) return member;
    return Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
  });
}

/** The version of a content: the first 16 hex digits of the SHA-256 of its canonical JSON. */
export async function contentVersion(content: SnapshotContent): Promise<string> {
  return (await sha256Hex(new TextEncoder().encode(canonicalJson(content)))).slice(0, VERSION_DIGITS);
}

/** The text that is stored under `config/<version>`. */
export function toSnapshotJson(snapshot: Snapshot): string {
  return canonicalJson(snapshot);
}

/** Reads stored JSON. Checks `schema`, the shape of `version` and that every main section is there; not every field. */
export function parseSnapshot(text: string): Result<Snapshot, SnapshotFailure> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return failed("not_json", "the snapshot is not JSON");
  }
  if (!isObject(value)) return failed("bad_shape", "the snapshot is not an object");
  if (value.schema !== SNAPSHOT_SCHEMA) return failed("wrong_schema", `expected snapshot schema ${SNAPSHOT_SCHEMA}`);
  if (!isVersion(value.version)) return failed("bad_shape", "`version` is not 16 hex digits");
  const missing = missingSection(value.content);
  if (missing !== undefined) return failed("bad_shape", `\`${missing}\` is missing or of the wrong type`);
  return { ok: true, value: value as unknown as Snapshot };
}

function missingSection(content: unknown): string | undefined {
  if (!isObject(content)) return "content";
  const { routing, catalog } = content;
  if (!isObject(routing)) return "content.routing";
  if (!isObject(catalog)) return "content.catalog";
  for (const name of ["infer", "routes"] as const) {
    if (!Array.isArray(routing[name])) return `content.routing.${name}`;
  }
  for (const name of ["defaultRoute", "policies", "canaries"] as const) {
    if (!isObject(routing[name])) return `content.routing.${name}`;
  }
  for (const name of ["models", "endpoints", "places", "names"] as const) {
    if (!isObject(catalog[name])) return `content.catalog.${name}`;
  }
  return undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function failed(reason: SnapshotFailure["reason"], detail: string): Result<never, SnapshotFailure> {
  return { ok: false, failure: { reason, detail } };
}

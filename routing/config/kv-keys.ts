/**
 * What is stored in KV, and under which keys.
 *
 * | key                | value                              | written                                    |
 * | ------------------ | ---------------------------------- | ------------------------------------------ |
 * | `config/<version>` | the snapshot, canonical JSON       | once; never changed                        |
 * | `config/current`   | `ConfigPointer`, JSON              | after the document that it points to       |
 *
 * KV caches "not found" as well, hence the order: a pointer must never lead to a key that somebody has already missed.
 */
import type { Result } from "../failure/index.ts";
import { isVersion } from "./snapshot-json.ts";

/** Key of the pointer to the version in force. */
export const CURRENT_CONFIG_KEY = "config/current";

/** Schema of the pointer's JSON. */
export const POINTER_SCHEMA = 1;

/** Which version is in force, since when, by whom and why. */
export interface ConfigPointer {
  readonly schema: typeof POINTER_SCHEMA;
  readonly version: string;
  /** What the person who pushed it said about it; may be empty. */
  readonly message: string;
  readonly author: string;
  /** Epoch ms. */
  readonly pushedAtMs: number;
}

/** Why stored text is not a pointer. */
export interface PointerFailure {
  readonly reason: "not_json" | "wrong_schema" | "bad_shape";
  readonly detail: string;
}

/** Key of one immutable snapshot. */
export function configKey(version: string): string {
  return `config/${version}`;
}

/** Reads the pointer's JSON; fails closed, so that the reader keeps what it has. */
export function parsePointer(text: string): Result<ConfigPointer, PointerFailure> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return failed("not_json", "the pointer is not JSON");
  }
  if (typeof value !== "object" || value === null) return failed("bad_shape", "the pointer is not an object");
  const { schema, version, message, author, pushedAtMs } = value as Partial<Record<keyof ConfigPointer, unknown>>;
  if (schema !== POINTER_SCHEMA) return failed("wrong_schema", `expected pointer schema ${POINTER_SCHEMA}`);
  if (!isVersion(version)) return failed("bad_shape", "`version` is not 16 hex digits");
  if (typeof message !== "string" || typeof author !== "string") {
    return failed("bad_shape", "`message` and `author` must be strings");
  }
  if (typeof pushedAtMs !== "number" || !Number.isFinite(pushedAtMs)) {
    return failed("bad_shape", "`pushedAtMs` must be a number");
  }
  return { ok: true, value: { schema: POINTER_SCHEMA, version, message, author, pushedAtMs } };
}

function failed(reason: PointerFailure["reason"], detail: string): Result<never, PointerFailure> {
  return { ok: false, failure: { reason, detail } };
}

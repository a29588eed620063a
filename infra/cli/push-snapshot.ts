/**
 * Puts a snapshot in force: the immutable document first, then the pointer to it.
 *
 * Fails safe: when the document cannot be written the pointer is left alone, so what serves goes on serving.
 */
import {
  type ConfigPointer,
  CURRENT_CONFIG_KEY,
  configKey,
  POINTER_SCHEMA,
  type Snapshot,
  toSnapshotJson,
} from "../../routing/authoring.ts";
import type { ConfigStore } from "./config-store.ts";

export interface Push {
  readonly snapshot: Snapshot;
  readonly message: string;
  readonly author: string;
  /** Epoch ms. */
  readonly pushedAtMs: number;
}

export type Pushed =
  | { readonly ok: true }
  /** `reason` is the store's own words. */
  | { readonly ok: false; readonly failed: "document" | "pointer"; readonly reason: string };

/** Writes both keys, in the order that never points at a missing document. */
export async function pushSnapshot(store: ConfigStore, push: Push): Promise<Pushed> {
  const { version } = push.snapshot;
  const documentFault = await store.put(configKey(version), toSnapshotJson(push.snapshot));
  if (documentFault !== undefined) return { ok: false, failed: "document", reason: documentFault };
  const pointer: ConfigPointer = {
    schema: POINTER_SCHEMA,
    version,
    message: push.message,
    author: push.author,
    pushedAtMs: push.pushedAtMs,
  };
  const pointerFault = await store.put(CURRENT_CONFIG_KEY, JSON.stringify(pointer));
  return pointerFault === undefined ? { ok: true } : { ok: false, failed: "pointer", reason: pointerFault };
}

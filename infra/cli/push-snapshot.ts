/**
 * Puts a snapshot in force: nobody else pushing, nobody having pushed; the immutable document, the history, then the pointer.
 *
 * Fails safe: whatever goes wrong before the pointer is written leaves what serves alone, and the history does not tell of it.
 */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import {
  type ConfigPointer,
  CURRENT_CONFIG_KEY,
  configKey,
  configLogKey,
  POINTER_SCHEMA,
  type Snapshot,
  toSnapshotJson,
} from "../../routing/authoring.ts";
import type { ConfigStore } from "./config-store.ts";
import { claimPush } from "./push-lock.ts";

export interface Push {
  readonly snapshot: Snapshot;
  readonly message: string;
  readonly author: string;
  /** Epoch ms. */
  readonly pushedAtMs: number;
  /** The pointer's text that the person saw before deciding; `undefined`: there was none. Another one now: nothing is changed. */
  readonly seen: string | undefined;
  readonly previous?: string;
  readonly rollout?: ConfigPointer["rollout"];
}

export type Pushed =
  | { readonly ok: true; readonly pointer: ConfigPointer }
  /** `found`: the pointer's text now. */
  | { readonly ok: false; readonly failed: "overtaken"; readonly found: string | undefined }
  | { readonly ok: false; readonly failed: "busy" }
  /** `reason` is the store's own words. */
  | { readonly ok: false; readonly failed: "claim" | "document" | "log" | "pointer"; readonly reason: string };

/** Bytes of message and author in a key's metadata, which holds 1,024 in all (platform.md B.2). */
const METADATA_WORDS = { message: 400, author: 100 } as const;

/** Writes everything, in the order that never points at a missing document. Throws `StoreFault` when the store cannot be read. */
export async function pushSnapshot(
  store: ConfigStore,
  push: Push,
  wait: (ms: number) => Promise<unknown> = sleep,
): Promise<Pushed> {
  const claimed = await claimPush(store, {
    author: push.author,
    nowMs: push.pushedAtMs,
    mark: randomBytes(4).toString("hex"),
    wait,
  });
  if (!claimed.ok) {
    return claimed.why === "busy"
      ? { ok: false, failed: "busy" }
      : { ok: false, failed: "claim", reason: claimed.reason };
  }
  try {
    const found = await store.get(CURRENT_CONFIG_KEY);
    if (found !== push.seen) return { ok: false, failed: "overtaken", found };
    return await write(store, push);
  } finally {
    await claimed.release();
  }
}

async function write(store: ConfigStore, push: Push): Promise<Pushed> {
  const { version } = push.snapshot;
  const documentFault = await store.put(configKey(version), toSnapshotJson(push.snapshot));
  if (documentFault !== undefined) return { ok: false, failed: "document", reason: documentFault };
  const pointer: ConfigPointer = {
    schema: POINTER_SCHEMA,
    version,
    message: push.message,
    author: push.author,
    pushedAtMs: push.pushedAtMs,
    ...(push.previous === undefined ? {} : { previous: push.previous }),
    ...(push.rollout === undefined ? {} : { rollout: push.rollout }),
  };
  const logKey = configLogKey(pointer);
  const logFault = await store.put(logKey, JSON.stringify(pointer), { metadata: toMetadata(pointer) });
  if (logFault !== undefined) return { ok: false, failed: "log", reason: logFault };
  const pointerFault = await store.put(CURRENT_CONFIG_KEY, JSON.stringify(pointer));
  if (pointerFault === undefined) return { ok: true, pointer };
  await store.remove(logKey);
  return { ok: false, failed: "pointer", reason: pointerFault };
}

/** Long words are cut here; the value keeps them whole. */
function toMetadata({ message, author, rollout }: ConfigPointer): Record<string, unknown> {
  return {
    message: cutBytes(message, METADATA_WORDS.message),
    author: cutBytes(author, METADATA_WORDS.author),
    ...(rollout === undefined ? {} : { staged: true }),
  };
}

function cutBytes(text: string, bytes: number): string {
  return Buffer.from(text)
    .subarray(0, bytes)
    .toString()
    .replace(/\uFFFD+$/, "");
}

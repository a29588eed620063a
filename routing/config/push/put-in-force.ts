/**
 * Puts a version in force: nobody else pushing, nobody having pushed; the immutable document, the history, then the pointer.
 *
 * For whoever may do that: a person's command, and the object that judges a staged push. Over a store that is passed in. Fails safe: whatever
 * goes wrong before the pointer is written leaves what serves alone, and the history does not tell of it.
 */
import {
  type ConfigPointer,
  type ConfigStage,
  CURRENT_CONFIG_KEY,
  configKey,
  configLogKey,
  POINTER_SCHEMA,
} from "../kv-keys.ts";
import { type Claimant, claimPush } from "./claim.ts";

export interface PutOptions {
  /** Listed with the key; 1,024 bytes of JSON at most (platform.md B.2). */
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** The key ends by itself after this, s; 60 or more (platform.md B.2). */
  readonly ttlSeconds?: number;
}

/** The calls of a KV namespace that a push needs. */
export interface PushStore {
  /** The value, or `undefined` where there is none. Rejects when the store cannot be read. */
  get(key: string): Promise<string | undefined>;
  /** Keys in order. Rejects when the store cannot be read. */
  list(prefix: string): Promise<readonly { readonly name: string }[]>;
  /** What went wrong, in the store's own words, or `undefined`. */
  put(key: string, value: string, options?: PutOptions): Promise<string | undefined>;
  /** As `put`. */
  remove(key: string): Promise<string | undefined>;
}

export interface PutInForce {
  readonly version: string;
  /** The snapshot as JSON; absent: it stands under its key already. */
  readonly document?: string;
  readonly message: string;
  readonly author: string;
  /** Epoch ms. */
  readonly pushedAtMs: number;
  /** The pointer's text that was seen before deciding; `undefined`: there was none. Another one now: nothing is changed. */
  readonly seen: string | undefined;
  readonly previous?: string;
  readonly rollout?: ConfigStage;
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

/** Writes everything, in the order that never points at a missing document. Rejects when the store cannot be read. */
export async function putInForce(
  store: PushStore,
  push: PutInForce,
  { mark, wait }: Pick<Claimant, "mark" | "wait">,
): Promise<Pushed> {
  const claimed = await claimPush(store, { author: push.author, nowMs: push.pushedAtMs, mark, wait });
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

async function write(store: PushStore, push: PutInForce): Promise<Pushed> {
  const { version, document, message, author, pushedAtMs, previous, rollout } = push;
  const documentFault = document === undefined ? undefined : await store.put(configKey(version), document);
  if (documentFault !== undefined) return { ok: false, failed: "document", reason: documentFault };
  const pointer: ConfigPointer = {
    ...{ schema: POINTER_SCHEMA, version, message, author, pushedAtMs },
    ...(previous === undefined ? {} : { previous }),
    ...(rollout === undefined ? {} : { rollout }),
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
  const cut = new TextEncoder().encode(text).subarray(0, bytes);
  return new TextDecoder().decode(cut).replace(/\uFFFD+$/, "");
}

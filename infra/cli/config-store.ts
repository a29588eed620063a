/**
 * The configuration's KV namespace as people's tools see it: on this machine through one workerd, in Cloudflare through wrangler.
 *
 * KV has no compare-and-set: the last pointer wins, and `push-lock.ts` keeps two pushes apart. A document never changes under its key.
 */
import { openLocalStore } from "./local-store.ts";
import { openRemoteStore } from "./remote-store.ts";

export interface StoredKey {
  readonly name: string;
  /** What was given with the value, where there was something. */
  readonly metadata?: unknown;
}

export interface PutOptions {
  /** Listed with the key; 1,024 bytes of JSON at most (platform.md B.2). */
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** The key ends by itself after this, s; 60 or more (platform.md B.2). */
  readonly ttlSeconds?: number;
}

/** Where values are put. Whoever opened it closes it. */
export interface ConfigStore {
  /** The value, or `undefined` where there is none. Throws `StoreFault`. */
  get(key: string): Promise<string | undefined>;
  /** Keys in order. Throws `StoreFault`. */
  list(prefix: string): Promise<readonly StoredKey[]>;
  /** What went wrong, in the store's own words, or `undefined`. */
  put(key: string, value: string, options?: PutOptions): Promise<string | undefined>;
  /** As `put`. */
  remove(key: string): Promise<string | undefined>;
  close(): Promise<void>;
}

export type StorePlace =
  | { readonly place: "remote" }
  /** State on this machine, shared with `npm start`. */
  | { readonly place: "local"; readonly folder: string };

/** Opens a store; the local one starts a workerd, which takes a second or two. Throws `StoreFault`. */
export function openConfigStore(where: StorePlace): Promise<ConfigStore> {
  return where.place === "remote" ? Promise.resolve(openRemoteStore()) : openLocalStore(where.folder);
}

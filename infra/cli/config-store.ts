/**
 * The configuration's KV namespace as people's tools see it: on this machine through one workerd, in Cloudflare through wrangler.
 *
 * KV has no compare-and-set: the last pointer wins, and the claims of routing/config/push keep two pushes apart. A document never changes under its key.
 */
import type { PutOptions } from "../../routing/authoring.ts";
import { openLocalStore } from "./local-store.ts";
import { openRemoteStore } from "./remote-store.ts";

export interface StoredKey {
  readonly name: string;
  /** What was given with the value, where there was something. */
  readonly metadata?: unknown;
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

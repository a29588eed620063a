/** A configuration store in memory that sees its own writes at once, as KV does where it was written; some keys may refuse. */
import type { ConfigStore } from "../../infra/cli/config-store.ts";
import type { PutOptions } from "../../routing/authoring.ts";

export interface MemoryStore extends ConfigStore {
  readonly values: Map<string, string>;
  readonly metadata: Map<string, unknown>;
  /** Keys in order of their writes, without the claims. */
  readonly puts: string[];
  /** Runs before each read and write, to let another pusher in. */
  before: (call: string, key: string) => Promise<void> | void;
}

export function aStore(refused: readonly string[] = []): MemoryStore {
  const values = new Map<string, string>();
  const metadata = new Map<string, unknown>();
  const puts: string[] = [];
  const store: MemoryStore = {
    values,
    metadata,
    puts,
    before: () => undefined,
    async get(key) {
      await store.before("get", key);
      return values.get(key);
    },
    async list(prefix) {
      await store.before("list", prefix);
      const names = [...values.keys()].filter((name) => name.startsWith(prefix)).sort();
      return names.map((name) => ({ name, metadata: metadata.get(name) }));
    },
    async put(key, value, options: PutOptions = {}) {
      await store.before("put", key);
      if (refused.some((name) => key.startsWith(name))) return "no such namespace";
      if (!key.startsWith("config/claim/")) puts.push(key);
      values.set(key, value);
      metadata.set(key, options.metadata);
      return undefined;
    },
    async remove(key) {
      await store.before("remove", key);
      values.delete(key);
      return undefined;
    },
    close: async () => undefined,
  };
  return store;
}

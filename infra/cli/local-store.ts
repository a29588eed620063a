/**
 * The KV namespace on this machine, opened directly: one workerd a command, where wrangler would start one a value.
 *
 * It reads and writes the files that `wrangler --persist-to <folder>` and `npm start` use, also while those run.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type KeyPage, listKeys } from "../../routing/authoring.ts";
import { ROOT } from "../local/wrangler.ts";
import type { ConfigStore } from "./config-store.ts";
import { StoreFault, storeWords } from "./store-fault.ts";
import { whileBusy } from "./while-busy.ts";

/** The folder inside `--persist-to` that wrangler keeps its files in. */
const LAYOUT = "v3";

/** Opens the store in wrangler's `--persist-to` folder. */
export async function openLocalStore(folder: string): Promise<ConfigStore> {
  const { convertV4MiniflareOptions, Log, LogLevel, Miniflare } = await import("miniflare");
  const options = convertV4MiniflareOptions({
    cf: false,
    log: new Log(LogLevel.NONE),
    name: "config-store",
    modules: true,
    script: "export default {};",
    compatibilityDate: "2026-11-01",
    kvNamespaces: { CONFIG: await namespaceId() },
  });
  let miniflare: InstanceType<typeof Miniflare> | undefined;
  try {
    miniflare = new Miniflare(Object.assign(options, { resourcePersistencePath: join(folder, LAYOUT) }));
    await miniflare.ready;
    const kv = await miniflare.getKVNamespace("CONFIG");
    return toStore(kv, () => miniflare?.dispose() ?? Promise.resolve());
  } catch (error: unknown) {
    await miniflare?.dispose().catch(() => undefined);
    throw new StoreFault(storeWords(error));
  }
}

/** The calls of a namespace that are needed. */
interface Namespace {
  get(key: string): Promise<string | null>;
  put(key: string, value: string, options?: { metadata?: unknown; expirationTtl?: number }): Promise<void>;
  delete(key: string): Promise<void>;
  list(options: { prefix: string; cursor?: string }): Promise<KeyPage<{ name: string; metadata?: unknown }>>;
}

function toStore(kv: unknown, close: () => Promise<void>): ConfigStore {
  const namespace = kv as Namespace;
  const reading = <Value>(work: () => Promise<Value>): Promise<Value> =>
    whileBusy(work).catch((error: unknown) => {
      throw new StoreFault(storeWords(error));
    });
  const writing = (work: () => Promise<void>): Promise<string | undefined> =>
    whileBusy(work).then(() => undefined, storeWords);
  return {
    get: async (key) => (await reading(() => namespace.get(key))) ?? undefined,
    list: (prefix) => listKeys(prefix, (options) => reading(() => namespace.list(options))),
    put: (key, value, { metadata, ttlSeconds } = {}) =>
      writing(() =>
        namespace.put(key, value, {
          ...(metadata === undefined ? {} : { metadata }),
          ...(ttlSeconds === undefined ? {} : { expirationTtl: ttlSeconds }),
        }),
      ),
    remove: (key) => writing(() => namespace.delete(key)),
    close,
  };
}

/** The namespace's id in wrangler.toml, under which its files are kept. */
async function namespaceId(): Promise<string> {
  const toml = await readFile(join(ROOT, "wrangler.toml"), "utf8");
  const id = /\[\[kv_namespaces\]\]\s*binding = "CONFIG"\s*id = "([^"]+)"/.exec(toml)?.[1];
  if (id === undefined) throw new StoreFault("wrangler.toml has no KV namespace with the binding CONFIG and an id");
  return id;
}

/** Cloudflare's KV through wrangler, which knows how the person is logged in: one command a value. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runWrangler, type WranglerRun } from "../local/wrangler.ts";
import type { ConfigStore, StoredKey } from "./config-store.ts";
import { StoreFault } from "./store-fault.ts";

/** The binding's name in wrangler.toml. */
const WHERE = ["--binding", "CONFIG", "--remote"] as const;

/** How wrangler says that a key has no value: in its own words, or in those of Cloudflare's API. */
const NO_VALUE = /^Value not found$|key not found|\[code: 10009\]/m;

/** A store over wrangler's commands; `run` stands in for them in tests. */
export function openRemoteStore(run: (args: readonly string[]) => Promise<WranglerRun> = runWrangler): ConfigStore {
  const kv = (...args: readonly string[]) => run(["kv", "key", ...args, ...WHERE]);
  const writing = async (ran: Promise<WranglerRun>): Promise<string | undefined> => {
    const { exitCode, output } = await ran;
    return exitCode === 0 ? undefined : output.trim();
  };
  return {
    async get(key) {
      const { exitCode, output, stdout } = await kv("get", key, "--text");
      if (NO_VALUE.test(exitCode === 0 ? stdout.trim() : output)) return undefined;
      if (exitCode !== 0) throw new StoreFault(output.trim());
      return stdout.trim();
    },
    async list(prefix) {
      const { exitCode, output, stdout } = await kv("list", "--prefix", prefix);
      if (exitCode !== 0) throw new StoreFault(output.trim());
      try {
        return JSON.parse(stdout) as StoredKey[];
      } catch {
        throw new StoreFault(output.trim());
      }
    },
    // The value goes through a file: it may be longer than a command line.
    async put(key, value, { metadata, ttlSeconds } = {}) {
      const folder = await mkdtemp(join(tmpdir(), "galley-push-"));
      try {
        const file = join(folder, "value.json");
        await writeFile(file, value);
        const more = [
          ...(metadata === undefined ? [] : ["--metadata", JSON.stringify(metadata)]),
          ...(ttlSeconds === undefined ? [] : ["--ttl", String(ttlSeconds)]),
        ];
        return await writing(kv("put", key, "--path", file, ...more));
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
    remove: (key) => writing(kv("delete", key)),
    close: () => Promise.resolve(),
  };
}

/**
 * The configuration's KV namespace, written through wrangler's own commands.
 *
 * KV has no compare-and-set: the last pointer wins. A document never changes under its key, so writing it again does no harm.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runWrangler } from "../local/wrangler.ts";

/** The binding's name in wrangler.toml. */
const BINDING = "CONFIG";

/** Where values are put; the answer is what went wrong, or `undefined`. */
export interface ConfigStore {
  put(key: string, value: string): Promise<string | undefined>;
}

export type StorePlace =
  | { readonly place: "remote" }
  /** State on this machine, shared with `npm start`. */
  | { readonly place: "local"; readonly folder: string };

/** A store that runs one wrangler command a value. The value goes through a file: it may be longer than a command line. */
export function openConfigStore(where: StorePlace): ConfigStore {
  const whereFlags = where.place === "remote" ? ["--remote"] : ["--local", "--persist-to", where.folder];
  return {
    put: async (key, value) => {
      const folder = await mkdtemp(join(tmpdir(), "galley-push-"));
      try {
        const file = join(folder, "value.json");
        await writeFile(file, value);
        const run = await runWrangler(["kv", "key", "put", key, "--path", file, "--binding", BINDING, ...whereFlags]);
        return run.exitCode === 0 ? undefined : run.output.trim();
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
  };
}

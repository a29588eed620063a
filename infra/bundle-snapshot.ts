/**
 * wrangler's build step: compiles the two YAML files into the snapshot that a fresh isolate serves when KV cannot be read.
 *
 * Runs before every bundle, so that no deploy carries a snapshot of other files than it names: the shipped routing file and catalog.yml,
 * unless GALLEY_ROUTING_FILE or GALLEY_CATALOG_FILE name others (`npm start` and `npm run serve` do).
 */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { loadConfiguration } from "./configuration.ts";
import { ROOT } from "./local/wrangler.ts";

const { GALLEY_ROUTING_FILE, GALLEY_CATALOG_FILE } = process.env;

const { json } = await loadConfiguration({
  routing: GALLEY_ROUTING_FILE ?? join(ROOT, "routing/model-routing.yml"),
  catalog: GALLEY_CATALOG_FILE ?? join(ROOT, "routing/catalog.yml"),
});
const file = join(ROOT, "dist/snapshot.json");
await mkdir(dirname(file), { recursive: true });
await writeFile(file, json);

/**
 * Builds the Worker: compiles the shipped configuration into the bundled snapshot, lets wrangler bundle, and writes down the bindings
 * that a local runtime must bring, so that nothing reads wrangler.toml twice.
 */
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { gzipSync } from "node:zlib";
import { loadConfiguration } from "./configuration.ts";
import { ROOT, runWrangler } from "./local/wrangler.ts";

/** Where the build puts everything. Ignored by git. */
export const DIST_DIR = join(ROOT, "dist");
export const WORKER_FILE = join(DIST_DIR, "worker", "worker.js");
export const WORKER_OPTIONS_FILE = join(DIST_DIR, "worker-options.json");
const BUNDLED_SNAPSHOT_FILE = join(DIST_DIR, "snapshot.json");

/** Compiles the named files and writes the snapshot that a fresh isolate serves when KV is down. Returns its version. */
export async function writeBundledSnapshot(files: { routing: string; catalog: string }): Promise<string> {
  const { json, snapshot } = await loadConfiguration(files);
  await mkdir(DIST_DIR, { recursive: true });
  await writeFile(BUNDLED_SNAPSHOT_FILE, json);
  return snapshot.version;
}

/** Bundles the Worker without deploying it. Throws with wrangler's output when it cannot. */
export async function bundleWorker(): Promise<{ bytes: number; gzipBytes: number }> {
  const run = await runWrangler(["deploy", "--dry-run", "--outdir", join(DIST_DIR, "worker")]);
  if (run.exitCode !== 0) throw new Error(`wrangler could not bundle the Worker:\n${run.output}`);
  const { unstable_getMiniflareWorkerOptions } = await import("wrangler");
  const { workerOptions } = unstable_getMiniflareWorkerOptions(join(ROOT, "wrangler.toml"));
  await writeFile(WORKER_OPTIONS_FILE, JSON.stringify(workerOptions, null, 2));
  const [{ size }, code] = await Promise.all([stat(WORKER_FILE), readFile(WORKER_FILE)]);
  return { bytes: size, gzipBytes: gzipSync(code, { level: 9 }).byteLength };
}

if (import.meta.main) {
  const version = await writeBundledSnapshot({
    routing: join(ROOT, "routing/model-routing.yml"),
    catalog: join(ROOT, "routing/catalog.yml"),
  });
  const { bytes, gzipBytes } = await bundleWorker();
  const kib = (count: number) => `${(count / 1024).toFixed(1)} KiB`;
  console.log(
    `built ${relative(ROOT, WORKER_FILE)}: ${kib(bytes)}, ${kib(gzipBytes)} gzipped; bundled snapshot ${version}`,
  );
}

/**
 * Builds the Worker: lets wrangler bundle (its build step compiles the bundled snapshot), and writes down the bindings that a local
 * runtime must bring, so that nothing else reads wrangler.toml.
 */
import { readFile, stat, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { gzipSync } from "node:zlib";
import { ROOT, runWrangler } from "./local/wrangler.ts";

/** Where the build puts everything. Ignored by git. */
const DIST_DIR = join(ROOT, "dist");
export const WORKER_FILE = join(DIST_DIR, "worker", "worker.js");
export const WORKER_OPTIONS_FILE = join(DIST_DIR, "worker-options.json");

/** The configuration to bundle; absent: the shipped routing file and catalog.yml. */
export interface BundledFiles {
  readonly routing: string;
  readonly catalog: string;
}

/** The environment that tells the build step which files to compile. */
export function bundleEnvironment({ routing, catalog }: BundledFiles): NodeJS.ProcessEnv {
  return { GALLEY_ROUTING_FILE: routing, GALLEY_CATALOG_FILE: catalog };
}

/** Bundles the Worker without deploying it. Throws with wrangler's output when it cannot. */
export async function bundleWorker(files?: BundledFiles): Promise<{ bytes: number; gzipBytes: number }> {
  const environment = files === undefined ? {} : bundleEnvironment(files);
  const run = await runWrangler(["deploy", "--dry-run", "--outdir", join(DIST_DIR, "worker")], environment);
  if (run.exitCode !== 0) throw new Error(`wrangler could not bundle the Worker:\n${run.output}`);
  const { unstable_getMiniflareWorkerOptions } = await import("wrangler");
  const { workerOptions } = unstable_getMiniflareWorkerOptions(join(ROOT, "wrangler.toml"));
  await writeFile(WORKER_OPTIONS_FILE, JSON.stringify(workerOptions, null, 2));
  const [{ size }, code] = await Promise.all([stat(WORKER_FILE), readFile(WORKER_FILE)]);
  return { bytes: size, gzipBytes: gzipSync(code, { level: 9 }).byteLength };
}

if (import.meta.main) {
  const { bytes, gzipBytes } = await bundleWorker();
  const kib = (count: number) => `${(count / 1024).toFixed(1)} KiB`;
  console.log(`built ${relative(ROOT, WORKER_FILE)}: ${kib(bytes)}, ${kib(gzipBytes)} gzipped`);
}

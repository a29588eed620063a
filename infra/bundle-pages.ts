/**
 * wrangler's build step for what is served without running the Worker: the API's description and its page go beside the other static
 * files, and the methods of its paths into the bundle.
 */
import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { ROOT } from "./local/wrangler.ts";

/** Served as it stands (wrangler.toml, `[assets]`). What is made here is ignored by git. */
const PUBLIC_DIR = join(ROOT, "functions/pages/public");

interface Printed {
  /** Content by file name. */
  readonly files: Readonly<Record<string, string>>;
  readonly methods: Readonly<Record<string, readonly string[]>>;
}

const { stdout } = await promisify(execFile)(
  process.execPath,
  [join(ROOT, "functions/router/openapi/print-pages.ts")],
  { maxBuffer: 16 * 1024 * 1024 },
);
const { files, methods } = JSON.parse(stdout) as Printed;
await mkdir(join(ROOT, "dist"), { recursive: true });
await Promise.all([
  ...Object.entries(files).map(([name, content]) => writeFile(join(PUBLIC_DIR, name), content)),
  writeFile(join(ROOT, "dist/methods.json"), JSON.stringify(methods)),
]);

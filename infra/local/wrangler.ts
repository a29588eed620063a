/**
 * Runs wrangler as a child process on the project's own Node, without telemetry, update checks or look-ups that hang offline.
 */
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";

/** The repository root. */
export const ROOT = resolve(import.meta.dirname, "../..");

/** Where everything local lives: KV, R2, Durable Objects, wrangler's registry and logs. Ignored by git. */
export const LOCAL_DIR = join(ROOT, ".galley");

/** Local state shared by `npm start` and `galley … --local`. */
export const STATE_DIR = join(LOCAL_DIR, "state");

const wranglerBin = join(dirname(createRequire(import.meta.url).resolve("wrangler/package.json")), "bin/wrangler.js");

/** Switches that keep wrangler quiet and offline (platform.md C.2). */
export function quietEnvironment(): NodeJS.ProcessEnv {
  return {
    ...process.env,
    // The build step runs `node`: the one that runs this, whatever the machine has.
    PATH: `${dirname(process.execPath)}:${process.env.PATH ?? ""}`,
    CLOUDFLARE_CF_FETCH_ENABLED: "false",
    WRANGLER_HIDE_BANNER: "true",
    WRANGLER_SEND_METRICS: "false",
    WRANGLER_SEND_ERROR_REPORTS: "false",
    WRANGLER_REGISTRY_PATH: join(LOCAL_DIR, "registry"),
    WRANGLER_LOG_PATH: join(LOCAL_DIR, "logs"),
    NO_UPDATE_NOTIFIER: "1",
    CI: "true",
  };
}

/** Spawns wrangler from the repository root. */
export function spawnWrangler(args: readonly string[], options: SpawnOptions = {}): ChildProcess {
  return spawn(process.execPath, [wranglerBin, ...args], { cwd: ROOT, env: quietEnvironment(), ...options });
}

export interface WranglerRun {
  readonly exitCode: number;
  /** Everything that it printed, in order. */
  readonly output: string;
  /** What it printed to stdout alone: the value that was asked for. */
  readonly stdout: string;
}

/** Runs wrangler to its end and gives what it printed. */
export async function runWrangler(args: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<WranglerRun> {
  const env = { ...quietEnvironment(), ...environment };
  const child = spawnWrangler(args, { env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let stdout = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    output += chunk.toString();
    stdout += chunk.toString();
  });
  child.stderr?.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  const exitCode = await new Promise<number>((done, fail) => {
    child.once("error", fail);
    child.once("close", (code) => done(code ?? 1));
  });
  return { exitCode, output, stdout };
}

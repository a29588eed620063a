/**
 * `npm start`: everything on this machine with one command.
 *
 * Compiles and checks the shipped configuration, puts it into the local KV, starts the GPU simulators and the router Worker under
 * wrangler, waits until all answer, and says how to use it. Ctrl-C ends every process it started.
 */
import type { ChildProcess } from "node:child_process";
import { createWriteStream } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { Command } from "commander";
import { CURRENT_CONFIG_KEY, configKey, POINTER_SCHEMA } from "../routing/authoring.ts";
import { bundleEnvironment } from "./build.ts";
import { ConfigurationError, loadConfiguration } from "./configuration.ts";
import { endpointsFromCatalog, startSimulator } from "./gpu/simulator/index.ts";
import { assertPortFree, PortTakenError } from "./local/ports.ts";
import { welcome } from "./local/welcome.ts";
import { LOCAL_DIR, quietEnvironment, ROOT, runWrangler, STATE_DIR, spawnWrangler } from "./local/wrangler.ts";
import { parsePort } from "./parse-port.ts";

/** The port of every simulator URL in catalog.local.yml. */
const SIMULATOR_PORT = 9100;

/** What runs here: the shipped policy over the simulators. */
const FILES = { routing: join(ROOT, "routing/model-routing.yml"), catalog: join(ROOT, "routing/catalog.local.yml") };

/** How long the Worker may take to answer for the first time, ms. */
const START_LIMIT_MS = 60_000;

interface DevOptions {
  readonly port: number;
  readonly timeScale: number;
  /** File that features of each request are added to. */
  readonly record?: string;
}

/** Starting failed for a reason that the person at the keyboard can mend; the message says how. */
class StartError extends Error {}

async function start({ port, timeScale, record }: DevOptions): Promise<void> {
  await assertPortFree(port, `npm start -- --port ${port + 1}`);
  await assertPortFree(SIMULATOR_PORT, "the same command again once it is free (the simulators need this port)");
  const { snapshot, json } = await loadConfiguration(FILES);
  await mkdir(LOCAL_DIR, { recursive: true });
  await putIntoLocalKv(snapshot.version, json);

  const simulator = await startSimulator({
    port: SIMULATOR_PORT,
    endpoints: endpointsFromCatalog(snapshot.content),
    seed: 1,
    timeScale,
  });
  const worker = startWorker(port, record);
  const stop = async (code: number) => {
    endGroup(worker);
    await simulator.close();
    process.exit(code);
  };
  process.once("SIGINT", () => void stop(0));
  process.once("SIGTERM", () => void stop(0));
  worker.once("exit", (code) => {
    console.error(`The Worker stopped by itself (exit ${code ?? "by signal"}). Its log is in .galley/logs.`);
    void stop(2);
  });
  const url = `http://localhost:${port}`;
  await untilHealthy(url);
  console.log(welcome({ url, version: snapshot.version, regions: Object.keys(snapshot.content.catalog.places) }));
}

/** One command for both keys: the document first, then the pointer to it. */
async function putIntoLocalKv(version: string, json: string): Promise<void> {
  const file = join(LOCAL_DIR, "kv.json");
  const pointer = JSON.stringify({
    schema: POINTER_SCHEMA,
    version,
    message: "npm start",
    author: "local",
    pushedAtMs: Date.now(),
  });
  await writeFile(
    file,
    JSON.stringify([
      { key: configKey(version), value: json },
      { key: CURRENT_CONFIG_KEY, value: pointer },
    ]),
  );
  const run = await runWrangler([
    "kv",
    "bulk",
    "put",
    file,
    "--binding",
    "CONFIG",
    "--local",
    "--persist-to",
    STATE_DIR,
  ]);
  await rm(file);
  if (run.exitCode !== 0) throw new StartError(`The configuration could not be put into the local KV:\n${run.output}`);
}

/** wrangler and its workerd processes in a group of their own, so that one signal ends them all. */
function startWorker(port: number, record: string | undefined): ChildProcess {
  const worker = spawnWrangler(
    [
      "dev",
      ...["--port", String(port), "--ip", "127.0.0.1", "--persist-to", STATE_DIR],
      // Recorded requests come through the log.
      ...["--log-level", record === undefined ? "error" : "log"],
      ...["--var", "GALLEY_MODE:local", ...(record === undefined ? [] : ["GALLEY_RECORD:1"])],
      "--show-interactive-dev-session=false",
    ],
    {
      detached: true,
      stdio: ["ignore", record === undefined ? "ignore" : "pipe", "inherit"],
      env: { ...quietEnvironment(), ...bundleEnvironment(FILES) },
    },
  );
  if (record !== undefined && worker.stdout !== null) keepRecording(worker.stdout, record);
  return worker;
}

/** Adds the log's recorded requests to a file, and nothing else of it. */
function keepRecording(log: Readable, path: string): void {
  const file = createWriteStream(path, { flags: "a" });
  createInterface({ input: log }).on("line", (line) => {
    if (line.includes('"request-features"')) file.write(`${line.slice(line.indexOf("{"))}\n`);
  });
}

function endGroup(child: ChildProcess): void {
  child.removeAllListeners("exit");
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGTERM");
  } catch {
    // The group is gone already, which is what was wanted.
  }
}

async function untilHealthy(url: string): Promise<void> {
  const limitAtMs = Date.now() + START_LIMIT_MS;
  while (Date.now() < limitAtMs) {
    const answer = await fetch(`${url}/healthz`).catch(() => undefined);
    if (answer?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new StartError(
    `The Worker did not answer at ${url}/healthz within ${START_LIMIT_MS / 1000} s; see .galley/logs.`,
  );
}

const program = new Command("npm start --")
  .description("Start the router, its configuration store and simulated GPUs on this machine.")
  .option("--port <port>", "port of the router", parsePort, 8787)
  .option(
    "--time-scale <factor>",
    "speed of the simulated GPUs: 1 is like the real thing, 0.1 ten times faster",
    Number,
    1,
  )
  .option("--record <file>", "add features of each request to this file, for `galley config replay`; never its prompt")
  .action(async (options: DevOptions) => {
    try {
      await start(options);
    } catch (error: unknown) {
      const isKnown =
        error instanceof ConfigurationError || error instanceof PortTakenError || error instanceof StartError;
      if (!isKnown) throw error;
      console.error(error.message);
      process.exit(error instanceof StartError ? 2 : 1);
    }
  });

await program.parseAsync();

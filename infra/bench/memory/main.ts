/**
 * `npm run bench:memory`: memory and CPU of taking large pictures out of a Gemini answer: the built router beside the naive way.
 *
 * Each cell (scenario, way, round) has a workerd of its own, so that no way inherits another's heap. Memory is that process's peak over
 * what it used idle, CPU its user and system time per gigabyte of pictures, both from /proc; other work on the machine hardly touches
 * them, whereas it does touch the time to the first byte. Upstream and load run in processes of their own.
 */
import { type ChildProcess, fork } from "node:child_process";
import { cpus } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { build } from "esbuild";
import type { Snapshot } from "../../../routing/authoring.ts";
import { startRouter } from "../../local/runtime.ts";
import { benchSnapshot } from "../bench-snapshot.ts";
import { childrenNamed, cpuSeconds, forgetPeak, residentBytes } from "../process-usage.ts";
import type { LoadOrder, LoadReport } from "./load.ts";
import { type Cell, renderReport, WAYS, type Way } from "./report.ts";
import type { Sending } from "./upstream.ts";

interface Scenario {
  readonly label: string;
  readonly bytes: number;
  readonly concurrency: number;
  readonly pictures: number;
}

const SCENARIOS: readonly Scenario[] = [
  { label: "8 × 25 MB at once", bytes: 25_000_000, concurrency: 8, pictures: 8 },
  { label: "48 × 25 MB, 8 at once", bytes: 25_000_000, concurrency: 8, pictures: 48 },
  { label: "25 MB alone", bytes: 25_000_000, concurrency: 1, pictures: 8 },
  { label: "1.5 MB alone", bytes: 1_500_000, concurrency: 1, pictures: 100 },
  { label: "100 KB alone", bytes: 100_000, concurrency: 1, pictures: 1_000 },
];

/** Asked for before anything is measured, so that idle means "has worked before". */
const WARM_UP: Scenario = { label: "warm-up", bytes: 100_000, concurrency: 1, pictures: 20 };

interface Bench {
  readonly upstream: ChildProcess;
  readonly upstreamUrl: string;
  readonly load: ChildProcess;
  /** What the router is compared with, bundled. */
  readonly script: string;
  /** For the router: one Gemini endpoint, the upstream. */
  readonly snapshot: Snapshot;
}

interface Options {
  readonly rounds: number;
}

async function run({ rounds }: Options): Promise<readonly Cell[]> {
  const upstream = fork(join(import.meta.dirname, "upstream.ts"));
  const load = fork(join(import.meta.dirname, "load.ts"));
  const upstreamUrl = `http://127.0.0.1:${await message<number>(upstream)}`;
  const bench: Bench = {
    upstream,
    upstreamUrl,
    load,
    script: await bundle(),
    snapshot: await benchSnapshot(import.meta.dirname, upstreamUrl),
  };
  const cells: Cell[] = [];
  for (const scenario of SCENARIOS) {
    for (let round = 0; round < rounds; round++) {
      const order = round % 2 === 0 ? WAYS : WAYS.toReversed();
      for (const way of order) cells.push(await measure(bench, scenario, way));
    }
  }
  load.disconnect();
  upstream.disconnect();
  return cells;
}

async function bundle(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, "worker.ts")],
    bundle: true,
    format: "esm",
    target: "esnext",
    write: false,
  });
  return outputFiles[0]?.text ?? "";
}

/** One way through one scenario in a fresh workerd. Throws when any answer was not what it had to be. */
async function measure(bench: Bench, scenario: Scenario, way: Way): Promise<Cell> {
  const router = await startRouter({
    snapshot: bench.snapshot,
    beside: [{ name: "bench", script: bench.script, variables: { UPSTREAM: bench.upstreamUrl } }],
  });
  const url = way === "router" ? `${router.url}/v1/generate` : `${router.besideUrls["bench"]}/${way}`;
  try {
    const workerd = childrenNamed(process.pid, "workerd")[0];
    if (workerd === undefined) throw new Error("workerd is not among the child processes");
    await drive(bench, WARM_UP, { url, way });
    forgetPeak(workerd);
    const idleBytes = residentBytes(workerd).now;
    const cpuBefore = cpuSeconds(workerd);
    const { firstByteMs } = await drive(bench, scenario, { url, way });
    return {
      scenario: scenario.label,
      way,
      peakOverIdleBytes: residentBytes(workerd).peak - idleBytes,
      cpuSecondsPerGb: (cpuSeconds(workerd) - cpuBefore) / ((scenario.pictures * scenario.bytes) / 1e9),
      firstByteMs,
    };
  } finally {
    await router.stop();
  }
}

async function drive(
  bench: Bench,
  scenario: Scenario,
  target: { readonly url: string; readonly way: Way },
): Promise<LoadReport> {
  const { pictures, concurrency } = scenario;
  const sending = message<Sending>(bench.upstream);
  bench.upstream.send(scenario.bytes);
  const { document, picture } = await sending;
  const order: LoadOrder = {
    url: target.url,
    body: JSON.stringify({ prompt: "bench", purpose: "preview", width: 1024, height: 1024 }),
    pictures,
    concurrency,
    expected: target.way === "pass" ? document : picture,
  };
  const reported = message<LoadReport>(bench.load);
  bench.load.send(order);
  const report = await reported;
  if (report.failures.length > 0)
    throw new Error(`${target.way} failed ${report.failures.length} ×: ${report.failures[0]}`);
  return report;
}

const message = <Message>(child: ChildProcess) => new Promise<Message>((resolve) => child.once("message", resolve));

const program = new Command("bench:memory")
  .description("Memory and CPU of taking pictures out of JSON, through the router and the naive way, in workerd.")
  .option("--rounds <n>", "rounds of each cell, in alternating order", Number, 5)
  .action(async (options: Options) => {
    console.log(renderReport(await run(options), { cores: cpus().length, node: process.version }));
  });

await program.parseAsync();

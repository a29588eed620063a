/**
 * `npm run bench:overhead`: what the router costs over a bare proxy.
 *
 * The built Worker and a Worker that does `return fetch(upstream, request)` run in the same workerd, on direct sockets, against the
 * same upstream, alternating in one run. CPU is workerd's own, from /proc, per 1,000 requests; latency is the client's.
 * Upstream and load run in processes of their own.
 */
import { type ChildProcess, fork } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { Command } from "commander";
import { WORKER_FILE } from "../../build.ts";
import { startRouter } from "../../local/runtime.ts";
import { benchSnapshot } from "../bench-snapshot.ts";
import { noisePng } from "../noise-png.ts";
import { childrenNamed, cpuSeconds } from "../process-usage.ts";
import type { LoadOrder, LoadReport } from "./load.ts";
import { type Cell, renderReport } from "./report.ts";

const SIZES = [
  { label: "100 KB", bytes: 100_000, requests: 2_000 },
  { label: "1.5 MB", bytes: 1_500_000, requests: 400 },
  { label: "25 MB", bytes: 25_000_000, requests: 40 },
] as const;

const BARE_WORKER = `export default { fetch: (request, env) => fetch(env.UPSTREAM + new URL(request.url).pathname, request) };`;

interface BenchOptions {
  readonly rounds: number;
  readonly scale: number;
}

async function bench({ rounds, scale }: BenchOptions): Promise<readonly Cell[]> {
  const load = fork(join(import.meta.dirname, "load.ts"));
  const cells: Cell[] = [];
  for (const size of SIZES) {
    const picture = noisePng(size.bytes);
    const upstream = fork(join(import.meta.dirname, "upstream.ts"), [String(size.bytes)]);
    const upstreamUrl = `http://127.0.0.1:${await message<number>(upstream)}`;
    const router = await startRouter({
      snapshot: await benchSnapshot(import.meta.dirname, upstreamUrl),
      beside: [{ name: "bare", script: BARE_WORKER, variables: { UPSTREAM: upstreamUrl } }],
    });
    const workerd = childrenNamed(process.pid, "workerd")[0];
    if (workerd === undefined) throw new Error("workerd is not among the child processes");
    const body = JSON.stringify({
      prompt: "bench",
      purpose: "preview",
      ...{ width: picture.width, height: picture.height },
    });
    const targets = { router: `${router.url}/v1/generate`, bare: `${router.besideUrls["bare"]}/generate` };
    for (const concurrency of [1, 8]) {
      const requests = Math.max(concurrency, Math.round(size.requests * scale));
      const order = { body, concurrency, expectedBytes: picture.bytes.byteLength };
      const drive = (target: keyof typeof targets, count: number) =>
        run(load, { ...order, url: targets[target], requests: count });
      await drive("bare", requests / 4);
      await drive("router", requests / 4);
      for (let round = 0; round < rounds; round += 1) {
        for (const target of round % 2 === 0 ? (["bare", "router"] as const) : (["router", "bare"] as const)) {
          const before = cpuSeconds(workerd);
          const report = await drive(target, requests);
          if (report.failures.length > 0)
            throw new Error(`${target} failed ${report.failures.length} ×: ${report.failures[0]}`);
          const cpuSecondsPerThousand = ((cpuSeconds(workerd) - before) / requests) * 1_000;
          cells.push({
            size: size.label,
            concurrency,
            target,
            round,
            cpuSecondsPerThousand,
            latenciesMs: report.latenciesMs,
          });
        }
      }
    }
    await router.stop();
    upstream.disconnect();
  }
  load.disconnect();
  return cells;
}

const message = <Message>(child: ChildProcess) => new Promise<Message>((resolve) => child.once("message", resolve));

async function run(load: ChildProcess, order: LoadOrder): Promise<LoadReport> {
  const report = message<LoadReport>(load);
  load.send({ ...order, requests: Math.max(1, Math.round(order.requests)) });
  return report;
}

const program = new Command("bench:overhead")
  .description("CPU and latency of the built Worker beside a bare proxy, on the same workerd in the same run.")
  .option("--rounds <n>", "alternating rounds of each cell", Number, 5)
  .option("--scale <factor>", "share of the usual number of requests", Number, 1)
  .action(async (options: BenchOptions) => {
    const cells = await bench(options);
    const gzipBytes = gzipSync(readFileSync(WORKER_FILE), { level: 9 }).byteLength;
    console.log(renderReport(cells, { gzipBytes, cores: cpus().length, node: process.version }));
  });

await program.parseAsync();

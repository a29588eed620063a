/**
 * `npm run bench:scheduler`: what a place's scheduler costs, and how many reservations one object holds.
 *
 * The pure machine in this process, and one real RegionScheduler object in workerd under callers in a closed loop: each reserves,
 * releases, and begins anew. Nothing is drawn. CPU is the process's own, from /proc for workerd, and counts caller and object.
 */
import { readFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { compile, type Snapshot } from "../../../routing/authoring.ts";
import type { ScheduledAsk, ScheduledOutcome } from "../../../routing/index.ts";
import { startRouter } from "../../local/runtime.ts";
import { ROOT } from "../../local/wrangler.ts";
import { toTable } from "../../simulate/canary/table.ts";
import { childrenNamed, cpuSeconds } from "../process-usage.ts";
import { DRIVER_WORKER } from "./driver-worker.ts";
import { machineCpuMs } from "./machine-cost.ts";

/** Two endpoints of 32 slots each: as many as there are callers at most. */
const SLOTS = 64;
const CALLERS = [1, 8, 32] as const;
/** Reservations of one call to the driver. */
const PAIRS_A_CALL = 50;

const ASK: ScheduledAsk = {
  ...{ place: "weur", model: "sd3.5-medium", candidates: ["weur-a", "weur-b"], sizeClass: "m", steps: 28 },
  ...{ priority: "interactive", deadlineAtMs: 0, kind: "first", avoid: [], tenant: "bench", requestId: "" },
  ...{ policy: "fast-preview", elsewhere: true },
};
const OUTCOME: ScheduledOutcome = {
  ...{ model: "sd3.5-medium", sizeClass: "m", steps: 28, result: { ok: true }, elapsedMs: 1_500, serviceMs: 1_450 },
};

interface Driven {
  readonly granted: number;
  readonly refused: Readonly<Record<string, number>>;
}

async function bench(pairs: number): Promise<readonly (readonly string[])[]> {
  const snapshot = await benchSnapshot();
  const rows: string[][] = [];
  for (const { what, held } of [
    { what: "machine, with slack", held: 0 },
    { what: "machine, 32 waiting", held: SLOTS + 32 },
  ]) {
    const cpuMs = machineCpuMs({ snapshot, ask: ASK, outcome: OUTCOME, pairs, held });
    rows.push([what, "–", "–", cpuMs.toFixed(1)]);
  }
  const router = await startRouter({
    snapshot,
    beside: [{ name: "driver", script: DRIVER_WORKER, variables: {}, objects: { REGION: "RegionScheduler" } }],
  });
  const workerd = childrenNamed(process.pid, "workerd")[0];
  if (workerd === undefined) throw new Error("workerd is not among the child processes");
  const post = async (path: string, body: unknown): Promise<unknown> => {
    const response = await fetch(`${router.besideUrls["driver"]}${path}`, {
      method: "POST",
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`the driver answered ${response.status}: ${await response.text()}`);
    return response.json();
  };
  await post("/configure", snapshot);
  const drive = async (callers: number, count: number): Promise<number> => {
    let left = count;
    let granted = 0;
    const caller = async (name: string): Promise<void> => {
      for (let call = 0; left > 0; call += 1) {
        left -= PAIRS_A_CALL;
        const order = { caller: `${name}.${call}`, pairs: PAIRS_A_CALL, ask: ASK, outcome: OUTCOME };
        const driven = (await post("/drive", order)) as Driven;
        granted += driven.granted;
        if (Object.keys(driven.refused).length > 0) throw new Error(`not granted: ${JSON.stringify(driven.refused)}`);
      }
    };
    await Promise.all(Array.from({ length: callers }, (_, index) => caller(`c${index}`)));
    return granted;
  };
  for (const callers of CALLERS) {
    await drive(callers, pairs / 4);
    const before = cpuSeconds(workerd);
    const startedAtMs = performance.now();
    const granted = await drive(callers, pairs);
    const seconds = (performance.now() - startedAtMs) / 1_000;
    const cpuMs = ((cpuSeconds(workerd) - before) / granted) * 1e6;
    rows.push(["object in workerd", String(callers), (granted / seconds).toFixed(0), cpuMs.toFixed(0)]);
  }
  await router.stop();
  return rows;
}

async function benchSnapshot(): Promise<Snapshot> {
  const catalog = readFileSync(join(ROOT, "infra/simulate/policies/two-pools.yml"), "utf8");
  const routing = [
    `default_route: "preview"`,
    `routes: [{ match: "preview", model: "SD3.5 Medium", policy: fast-preview }]`,
    "policies: { fast-preview: { fallback: [sibling-region] } }",
  ].join("\n");
  const compiled = await compile({
    routing: { file: "routing", text: routing },
    catalog: { file: "two-pools.yml", text: catalog.replaceAll("concurrency: 4", `concurrency: ${SLOTS / 2}`) },
  });
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.problems, null, 2));
  return compiled.snapshot;
}

const HEAD = ["reserve + release", "callers", "reservations/s", "CPU ms / 1,000"];

await new Command("bench:scheduler")
  .description(
    "CPU of a reservation with its release, and reservations a second that one scheduler object holds. Build first.",
  )
  .option("--pairs <n>", "reservations a row", Number, 5_000)
  .addHelpText("after", "\nExamples:\n  $ npm run bench:scheduler\n  $ npm run bench:scheduler -- --pairs 1000")
  .action(async ({ pairs }: { pairs: number }) => {
    const rows = await bench(pairs);
    console.log(toTable(HEAD, rows));
    console.log(
      `${pairs} a row; the object's rows count the calling Worker's CPU too; ${cpus().length} cores, load ${loadavg()[0]?.toFixed(1)}; node ${process.version}`,
    );
  })
  .parseAsync();

/**
 * `npm run bench:faults`: every fault of the simulator, at one home endpoint and in the whole home region, over the built Worker in real
 * workerd. What the senders of previews see, as a table.
 *
 * Shipped configuration with all its times multiplied by one factor, so that a table takes minutes; a fresh router a cell, so that
 * none knows what the cell before taught. Exits with 1 when an error was untyped or a broken picture was passed on.
 */
import { readFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { compile, type Snapshot } from "../../../routing/authoring.ts";
import { endpointsFromCatalog, FAULTS, type Fault, type FaultKind, startSimulator } from "../../gpu/simulator/index.ts";
import { startRouter } from "../../local/runtime.ts";
import { ROOT } from "../../local/wrangler.ts";
import { toTable } from "../../simulate/canary/table.ts";
import { type CellReport, runCell } from "./cell.ts";

/** Where catalog.local.yml expects the simulators. */
const LOCAL_SIMULATOR = "http://127.0.0.1:9100";

/** The preview policy's deadline and reserve as shipped, ms. */
const DEADLINE_MS = 8_000;
const RESERVE_MS = 300;

/** `url-gone` is of dialects that these endpoints do not speak. */
const KINDS = (Object.keys(FAULTS) as FaultKind[]).filter((kind) => kind !== "url-gone");
const TARGETS = ["weur-sd35-a", "weur"] as const;

/** What leaves the picture good, only slower or refused. */
const HARMLESS: readonly FaultKind[] = ["slow", "slow-drip"];

interface Options {
  readonly requests: number;
  readonly concurrency: number;
  readonly scale: number;
  readonly only?: string;
}

interface Row {
  readonly kind: FaultKind | "none";
  readonly target: string;
  readonly report: CellReport;
}

async function bench(options: Options): Promise<readonly Row[]> {
  const outline = await scaledSnapshot(options.scale, LOCAL_SIMULATOR);
  const simulator = await startSimulator({ port: 0, endpoints: endpointsFromCatalog(outline.content), seed: 1 });
  const snapshot = await scaledSnapshot(options.scale, simulator.url);
  const kinds = options.only === undefined ? KINDS : KINDS.filter((kind) => options.only?.split(",").includes(kind));
  const cells = [
    { kind: "none" as const, target: "–" },
    ...kinds.flatMap((kind) => TARGETS.map((target) => ({ kind, target }))),
  ];
  const rows: Row[] = [];
  for (const { kind, target } of cells) {
    const router = await startRouter({ snapshot });
    if (kind !== "none") simulator.control.setFault(target, faultOf(kind, options.scale));
    const report = await runCell({
      ...{ router, simulator, requests: options.requests, concurrency: options.concurrency },
      deadlineMs: DEADLINE_MS * options.scale,
      neverFrom: (endpoint) => kind !== "none" && !HARMLESS.includes(kind) && endpoint.startsWith(target),
    });
    simulator.control.clearFaults();
    await router.stop();
    rows.push({ kind, target, report });
    process.stderr.write(`${rows.length}/${cells.length} ${kind} at ${target}: ${report.inTime} in time\n`);
  }
  await simulator.close();
  return rows;
}

function faultOf(kind: FaultKind, scale: number): Fault {
  return kind === "slow-drip" ? { kind, durationMs: 30_000 * scale } : { kind };
}

/** The shipped configuration, every time of it × `scale`. */
async function scaledSnapshot(scale: number, simulatorUrl: string): Promise<Snapshot> {
  const text = (file: string) => readFileSync(join(ROOT, "routing", file), "utf8");
  const scaled = (number: string, unit: string) =>
    `${Math.round(Number(number) * (unit === "s" ? 1_000 : 1) * scale)}ms`;
  const routing = text("model-routing.yml").replace(
    /fast-preview:\n\s+deadline: 8s/,
    `fast-preview:\n    deadline: ${DEADLINE_MS * scale}ms\n    reserve: ${RESERVE_MS * scale}ms`,
  );
  const catalog = text("catalog.local.yml")
    .replaceAll(LOCAL_SIMULATOR, simulatorUrl)
    .replace(/(p50|p95): ([\d.]+)(ms|s)/g, (_, name: string, number: string, unit: string) => {
      return `${name}: ${scaled(number, unit)}`;
    });
  const compiled = await compile({
    routing: { file: "model-routing.yml", text: routing },
    catalog: { file: "catalog.local.yml", text: catalog },
  });
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.problems, null, 2));
  return compiled.snapshot;
}

function rowCells({ kind, target, report }: Row): readonly string[] {
  const { requests, inTime, problems, untyped, broken, latenciesMs, attempts } = report;
  const quantile = (q: number) => `${Math.round(latenciesMs[Math.floor(q * (latenciesMs.length - 1))] ?? Number.NaN)}`;
  return [
    kind,
    target,
    `${((100 * inTime) / requests).toFixed(1)} %`,
    `${report.late}`,
    Object.entries(problems)
      .map(([code, count]) => `${code} ${count}`)
      .join(", ") || "–",
    `${untyped.length}`,
    `${broken.length}`,
    latenciesMs.length === 0 ? "–" : `${quantile(0.5)} / ${quantile(0.95)}`,
    (attempts / requests).toFixed(2),
  ];
}

const HEAD = ["fault", "at", "in deadline", "late", "problems", "untyped", "broken", "p50 / p95 ms", "attempts"];

const count = (text: string): number => {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError("A whole number of at least 1 is needed.");
  return value;
};

await new Command("bench:faults")
  .description(
    "Every fault of the simulator over the built Worker: pictures in time, errors, broken pictures. Build first.",
  )
  .option("--requests <n>", "previews a cell", count, 200)
  .option("--concurrency <n>", "callers at a time", count, 4)
  .option("--scale <factor>", "share of the configured times and of the deadline", Number, 0.2)
  .option("--only <kinds>", "these faults only, with commas between")
  .addHelpText(
    "after",
    "\nExamples:\n  $ npm run bench:faults\n  $ npm run bench:faults -- --requests 20 --only black,429",
  )
  .action(async (options: Options) => {
    const startedAtMs = performance.now();
    const rows = await bench(options);
    const minutes = ((performance.now() - startedAtMs) / 60_000).toFixed(1);
    const flaws = rows.flatMap(({ kind, target, report }) =>
      [...report.untyped, ...report.broken].slice(0, 3).map((words) => `${kind} at ${target}: ${words}`),
    );
    console.log(toTable(HEAD, rows.map(rowCells)));
    for (const words of flaws) console.log(words);
    const { requests, concurrency, scale } = options;
    console.log(
      `${requests} previews a cell, ${concurrency} at a time; times × ${scale} (deadline ${DEADLINE_MS * scale} ms); ` +
        `${cpus().length} cores, load ${loadavg()[0]?.toFixed(1)}; node ${process.version}; ${minutes} min`,
    );
    process.exitCode = flaws.length === 0 ? 0 : 1;
  })
  .parseAsync();

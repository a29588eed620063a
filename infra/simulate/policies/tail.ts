/**
 * `npm run simulate:tail`: what stragglers do to previews, and what hedging does about it, at which cost in GPU time.
 *
 * The setting of control.md §1: two pools of eight GPUs, 1.5 s a picture with 15 % spread, some of the pictures 10 to 20 s late. With
 * 1 % of stragglers the 99th percentile stands on the edge between them and the others and says nothing; what follows it does.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { program } from "commander";
import type { SimulatedEndpoint } from "../../gpu/simulator/endpoint.ts";
import { toTable } from "../canary/table.ts";
import {
  capacityPerSecond,
  compiled,
  type Deciding,
  previewRouting,
  quantilesS,
  runTrial,
  slowestMs,
} from "./trial.ts";

/** A deadline that lets the tail be seen, and not what is cut off by it. */
const DEADLINE = "deadline: 40s";

const VARIANTS: readonly { readonly name: string; readonly policy: string; readonly deciding: Deciding }[] = [
  { name: "policy on", policy: "fallback: [sibling-region]", deciding: "scheduler" },
  { name: "hedging off", policy: "fallback: [sibling-region], hedge: none", deciding: "scheduler" },
  // Without another leg no attempt is cut off early: what is left of the tail is the hedge's to save.
  { name: "hedging alone", policy: "fallback: [], overlap: false", deciding: "scheduler" },
  { name: "queue alone", policy: "fallback: [], hedge: none, overlap: false", deciding: "scheduler" },
  { name: "no policy", policy: "fallback: [], hedge: none, overlap: false", deciding: "blind" },
];

interface Setting {
  /** Of the pictures, 0…1. */
  readonly stragglers: number;
  /** Does hanging up stop the work? Where not, hedges only add load above 0.7 (control.md §1). */
  readonly cancels: boolean;
  readonly loads: readonly number[];
}

const SETTINGS: readonly Setting[] = [
  { stragglers: 0.01, cancels: true, loads: [0.4, 0.75] },
  { stragglers: 0.02, cancels: true, loads: [0.4, 0.75] },
  { stragglers: 0.01, cancels: false, loads: [0.4, 0.75] },
  { stragglers: 0, cancels: true, loads: [0.4, 0.75] },
];

program
  .name("simulate:tail")
  .description("Stragglers: quantiles and GPU time of previews under several policies, in virtual time.")
  .option("--requests <n>", "requests a trial", Number, 20_000)
  .option("--seed <n>", "seed", Number, 1);
const { requests, seed } = program.parse().opts<{ requests: number; seed: number }>();

const shipped = readFileSync(join(import.meta.dirname, "two-pools.yml"), "utf8");
const rows: string[][] = [];
for (const { stragglers: share, cancels, loads } of SETTINGS) {
  const catalog = cancels ? shipped : shipped.replaceAll("honours_cancel: true", "honours_cancel: false");
  const adjust = (endpoint: SimulatedEndpoint): SimulatedEndpoint => ({
    ...endpoint,
    ...(endpoint.timing === undefined ? {} : { timing: { ...endpoint.timing, spread: 0.15 } }),
    ...(share === 0 ? {} : { stragglers: { share, extraMs: [10_000, 20_000] } }),
  });
  for (const load of loads) {
    for (const { name, policy, deciding } of VARIANTS) {
      const snapshot = await compiled(previewRouting(`${DEADLINE}, ${policy}`), catalog);
      const each = load * capacityPerSecond(snapshot, adjust, { place: "weur", model: "sd3.5-medium" });
      const perSecond = { EU: each, NA: each };
      const report = await runTrial({ snapshot, deciding, seed, requests, perSecond, adjust });
      rows.push([
        `${100 * share} %`,
        cancels ? "yes" : "no",
        String(load),
        name,
        quantilesS(report),
        (slowestMs(report) / 1_000).toFixed(2),
        report.gpuSecondsPerPicture.toFixed(3),
        `${(100 * (report.attemptsPerRequest - 1)).toFixed(1)} %`,
        `${(100 * report.hedged).toFixed(1)} %`,
        `${(100 * report.inTime).toFixed(2)} %`,
      ]);
      process.stderr.write(`${rows.at(-1)?.join("  ")}\n`);
    }
  }
}
const head = [
  "stragglers",
  "cancels",
  "load",
  "policy",
  "p50 / p95 / p99 / p99.9 s",
  "slowest 1 %, mean s",
  "GPU s/picture",
  "extra attempts",
  "hedged",
  "pictures",
];
process.stdout.write(`${toTable(head, rows)}\n${requests} requests a trial, seed ${seed}\n`);
process.exit(0);

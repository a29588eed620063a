/**
 * `npm run simulate:saturation`: previews at 1.5 × what their endpoints can draw. With prediction a preview that would be late takes its
 * next leg at once; with timeouts only, it waits in a GPU's queue until its time is up and takes the next leg then.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { program } from "commander";
import { ROOT } from "../../local/wrangler.ts";
import { toTable } from "../canary/table.ts";
import { capacityPerSecond, compiled, type Deciding, previewRouting, quantilesS, runTrial } from "./trial.ts";

const OVERLOAD = 1.5;

/** Regional previews as shipped; the cluster and other models stay out, or they would hide what happens. */
const CHAIN = "fallback: [sibling-region, faster-model, any-region]";

const VARIANTS: readonly { readonly name: string; readonly policy: string; readonly deciding: Deciding }[] = [
  { name: "prediction", policy: `deadline: 8s, attempts: 5, ${CHAIN}`, deciding: "scheduler" },
  {
    name: "timeouts only",
    policy: `deadline: 8s, attempts: 5, ${CHAIN}, attempt_timeout: 3s, hedge: none, overlap: false`,
    deciding: "blind",
  },
  {
    name: "one timeout of 8 s",
    policy: "deadline: 8s, fallback: [], hedge: none, overlap: false",
    deciding: "blind",
  },
];

program
  .name("simulate:saturation")
  .description("Previews at 1.5 × capacity: share in deadline with prediction and with timeouts only, in virtual time.")
  .option("--requests <n>", "requests a trial", Number, 10_000)
  .option("--seed <n>", "seed", Number, 1);
const { requests, seed } = program.parse().opts<{ requests: number; seed: number }>();

const catalog = readFileSync(join(ROOT, "routing/catalog.local.yml"), "utf8");
const rows: string[][] = [];
for (const where of ["everywhere", "in one region"] as const) {
  for (const { name, policy, deciding } of VARIANTS) {
    const snapshot = await compiled(previewRouting(policy), catalog);
    const adjust = <Endpoint>(endpoint: Endpoint): Endpoint => endpoint;
    const full = capacityPerSecond(snapshot, adjust, { place: "weur", model: "sd3.5-medium" });
    const elsewhere = where === "everywhere" ? OVERLOAD * full : 0.3 * full;
    const perSecond = { EU: OVERLOAD * full, NA: elsewhere, AS: elsewhere };
    const report = await runTrial({ snapshot, deciding, seed, requests, perSecond, adjust });
    rows.push([
      where,
      name,
      `${(100 * report.inTime).toFixed(1)} %`,
      `${(100 * report.degraded).toFixed(1)} %`,
      quantilesS(report),
      report.gpuSecondsPerPicture.toFixed(3),
      report.attemptsPerRequest.toFixed(2),
    ]);
    process.stderr.write(`${rows.at(-1)?.join("  ")}\n`);
  }
}
const head = [
  "1.5 × capacity",
  "policy",
  "in deadline",
  "degraded",
  "p50 / p95 / p99 / p99.9 s",
  "GPU s/picture",
  "attempts",
];
process.stdout.write(`${toTable(head, rows)}\n${requests} requests a trial, seed ${seed}\n`);
process.exit(0);

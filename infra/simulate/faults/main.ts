/**
 * `npm run simulate:faults`: thousands of requests a seed through the real core in virtual time, in seeded weather, every promise watched.
 *
 * Prints a table; exits with 1 when a promise was broken, and says which seed shows it again.
 */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { program } from "commander";
import type { Snapshot } from "../../../routing/index.ts";
import { loadConfiguration } from "../../configuration.ts";
import { ROOT } from "../../local/wrangler.ts";
import { parseCount } from "../../parse-count.ts";
import { renderRuns } from "./report.ts";
import { type RunReport, runSeed } from "./run.ts";

interface Options {
  readonly seeds: number;
  readonly firstSeed: number;
  readonly requests: number;
  readonly routing: string;
  readonly catalog: string;
}

program
  .name("simulate:faults")
  .description(
    "Requests in virtual time against simulated regions that fail in every way; the promises of the router are watched.",
  )
  .option("--seeds <n>", "runs, each with a seed of its own", parseCount, 20)
  .option("--first-seed <n>", "seed of the first run", parseCount, 1)
  .option("--requests <n>", "requests a run", parseCount, 2000)
  .option("--routing <file>", "routing file", join(ROOT, "routing/model-routing.yml"))
  .option("--catalog <file>", "catalogue file", join(ROOT, "routing/catalog.local.yml"))
  .addHelpText(
    "after",
    "\nExamples:\n  $ npm run simulate:faults -- --seeds 200\n  $ npm run simulate:faults -- --seeds 1 --first-seed 137",
  );

const options = program.parse().opts<Options>();
const startedAtMs = performance.now();
const { snapshot } = await loadConfiguration(options);
const seeds = Array.from({ length: options.seeds }, (_, at) => options.firstSeed + at);
const reports = await runAll(snapshot, seeds);

// The first seed again: whatever else passes, a run that does not repeat cannot be looked into.
const [first] = reports;
const again = await runSeed({ snapshot, seed: options.firstSeed, requests: options.requests });
const repeats = first?.trace === again.trace;
const seconds = (performance.now() - startedAtMs) / 1_000;
process.stdout.write(renderRuns(reports, { seconds, repeats, requests: options.requests }));
process.exit(repeats && reports.every(({ breaches }) => breaches.length === 0) ? 0 : 1);

/** Deals the seeds to one worker thread a core; reports come in the order of the seeds. */
async function runAll(snapshot: Snapshot, seeds: readonly number[]): Promise<readonly RunReport[]> {
  const reports = new Array<RunReport>(seeds.length);
  let nextAt = 0;
  let done = 0;
  const work = async (): Promise<void> => {
    const worker = new Worker(new URL("./seed-worker.ts", import.meta.url), {
      workerData: { snapshot, requests: options.requests },
    });
    while (nextAt < seeds.length) {
      const at = nextAt;
      nextAt += 1;
      const report = await new Promise<RunReport>((resolve, reject) => {
        worker.once("message", (told: RunReport) => {
          worker.off("error", reject);
          resolve(told);
        });
        worker.once("error", reject);
        worker.postMessage(seeds[at]);
      });
      reports[at] = report;
      done += 1;
      if (report.breaches.length > 0 || done % 10 === 0) {
        process.stderr.write(`${done}/${seeds.length} runs; seed ${seeds[at]}: ${report.breaches.length} breaches\n`);
      }
    }
    await worker.terminate();
  };
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), seeds.length) }, work));
  return reports;
}

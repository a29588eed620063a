/**
 * `npm run simulate:canary`: what the canary's statistics promise, checked by Monte Carlo through the code that runs in production.
 *
 * Prints tables and exits with 1 when a promise is broken. Virtual time; the same seed gives the same figures.
 */
import { program } from "commander";
import { parseCount } from "../../parse-count.ts";
import { quantileOf } from "./chance.ts";
import { createTrialPool } from "./pool.ts";
import {
  aaScenario,
  bareTestEvents,
  falseEndingLimit,
  PROMOTE_ALPHA,
  PROMOTION_REFERENCE,
  plantedScenario,
  promotionScenario,
  REFERENCE,
  ROLLBACK_ALPHA,
  type Scenario,
  type Summary,
  summarize,
} from "./scenarios.ts";
import { toTable } from "./table.ts";
import type { Shape } from "./traffic.ts";

/** `stubborn` is shown, not promised: units that differ as much as their mean are beyond what a sticky test can see through. */
const PROMISED: readonly Shape[] = ["steady", "diurnal", "bursty"];

program
  .name("simulate:canary")
  .description("False alarms, time to detect and false promotions of the canary statistics, by simulation.")
  .option("--runs <n>", "A/A experiments a traffic shape", parseCount, 2000)
  .option("--planted <n>", "experiments a planted ratio, and a promotion case", parseCount, 200)
  .option("--requests <n>", "requests of an A/A experiment", parseCount, 3000)
  .option("--seed <n>", "first seed; experiment k takes seed + k", parseCount, 1)
  .option("--json", "print the figures as JSON")
  .addHelpText(
    "after",
    "\nExamples:\n  $ npm run simulate:canary\n  $ npm run simulate:canary -- --runs 10000 --seed 7\n  $ npm run simulate:canary -- --runs 200 --planted 50 --json",
  );

const options = program.parse().opts<{ runs: number; planted: number; requests: number; seed: number; json?: true }>();
const pool = createTrialPool();
const startedAtMs = performance.now();

const run = async (title: string, scenario: Scenario, runs: number, ending: Parameters<typeof summarize>[1]) => {
  process.stderr.write(`${((performance.now() - startedAtMs) / 1000).toFixed(0).padStart(4)} s  ${title}\n`);
  return summarize(await pool.run(scenario, runs, options.seed), ending);
};

const shareOf = (summary: Summary, ending: keyof Summary["endings"]) => (summary.endings[ending] ?? 0) / summary.runs;
const percent = (share: number) => `${(100 * share).toFixed(2)} %`;
const figure = (value: number | undefined) => (value === undefined ? "–" : `${value}`);

const falseAlarms = [];
for (const shape of ["steady", "diurnal", "bursty", "stubborn"] as const) {
  const summary = await run(`A/A, ${shape}`, aaScenario(shape, options.requests), options.runs, "rolled-back");
  const share = shareOf(summary, "rolled-back");
  const limit = falseEndingLimit(ROLLBACK_ALPHA, options.runs);
  const promised = PROMISED.includes(shape);
  falseAlarms.push({
    shape,
    promised,
    falseRollbacks: share,
    limit,
    falseFreezes: shareOf(summary, "frozen"),
    kept: share <= limit,
  });
}

const detections = [];
for (const reference of REFERENCE) {
  const { ratio } = reference;
  const bare = (alpha: number) =>
    Array.from({ length: options.planted }, (_, at) => bareTestEvents(ratio, alpha, options.seed + at));
  const [bare05, bare01] = [bare(0.05), bare(0.01)];
  const steady = await run(
    `${ratio}x, steady`,
    plantedScenario("steady", ratio, 40_000),
    options.planted,
    "rolled-back",
  );
  const bursty = await run(
    `${ratio}x, bursty`,
    plantedScenario("bursty", ratio, 40_000),
    options.planted,
    "rolled-back",
  );
  const bareFigures = {
    median05: quantileOf(bare05, 0.5),
    p90At05: quantileOf(bare05, 0.9),
    median01: quantileOf(bare01, 0.5),
    p90At01: quantileOf(bare01, 0.9),
  };
  detections.push({ ...reference, bare: bareFigures, steady, bursty });
}

const promotions = [];
for (const shape of ["steady", "bursty", "stubborn"] as const) {
  const good = await run(
    `promotion of an equal, ${shape}`,
    promotionScenario(shape, 1, 16_000, true),
    options.planted,
    "promoted",
  );
  const bad = await run(
    `promotion at the margin, ${shape}`,
    promotionScenario(shape, 1.5, 8_000, false),
    options.planted,
    "promoted",
  );
  const share = shareOf(bad, "promoted");
  const limit = falseEndingLimit(PROMOTE_ALPHA, options.planted);
  promotions.push({
    shape,
    promised: PROMISED.includes(shape),
    good,
    falsePromotions: share,
    limit,
    kept: share <= limit,
  });
}
await pool.close();

const kept = [...falseAlarms, ...promotions].every((one) => !one.promised || one.kept);
const seconds = (performance.now() - startedAtMs) / 1000;

if (options.json) {
  process.stdout.write(
    `${JSON.stringify({ options, seconds, kept, falseAlarms, detections, promotions }, undefined, 2)}\n`,
  );
} else {
  const verdict = (one: { promised: boolean; kept: boolean }) =>
    one.promised ? (one.kept ? "kept" : "BROKEN") : "shown only";
  process.stdout.write(
    [
      `A/A: nothing is wrong, decided after every request (${options.runs} experiments of ${options.requests} requests at 30 %)`,
      toTable(
        ["traffic", "false rollbacks", "at most", "false freezes", "promise"],
        falseAlarms.map((one) => [
          one.shape,
          percent(one.falseRollbacks),
          percent(one.limit),
          percent(one.falseFreezes),
          verdict(one),
        ]),
      ),
      `Candidate fails more often: counted bad events to the rollback, median / p90 (${options.planted} experiments each)`,
      toTable(
        [
          "ratio",
          "reference α .05",
          "bare test α .05",
          "reference α .01",
          "bare test α .01",
          "machine, steady",
          "requests",
          "machine, bursty",
          "requests",
        ],
        detections.map(({ ratio, medianAlpha05, p90Alpha05, medianAlpha01, bare, steady, bursty }) => [
          `${ratio}x`,
          `${medianAlpha05} / ${p90Alpha05}`,
          `${figure(bare.median05)} / ${figure(bare.p90At05)}`,
          `${medianAlpha01} / –`,
          `${figure(bare.median01)} / ${figure(bare.p90At01)}`,
          `${figure(steady.medianBad)} / ${figure(steady.p90Bad)}`,
          figure(steady.medianRequests),
          `${figure(bursty.medianBad)} / ${figure(bursty.p90Bad)}`,
          figure(bursty.medianRequests),
        ]),
      ),
      `Promotion at margin 1.5: an equal candidate (reference ${PROMOTION_REFERENCE.median} / ${PROMOTION_REFERENCE.p90} bad events), and one exactly at the margin`,
      toTable(
        ["traffic", "equal: promoted", "bad events, median / p90", "at the margin: promoted", "at most", "promise"],
        promotions.map((one) => [
          one.shape,
          percent(shareOf(one.good, "promoted")),
          `${figure(one.good.medianBad)} / ${figure(one.good.p90Bad)}`,
          percent(one.falsePromotions),
          percent(one.limit),
          verdict(one),
        ]),
      ),
      `${kept ? "All promises kept" : "A promise is BROKEN"}; ${seconds.toFixed(0)} s, seed ${options.seed}.`,
      "",
    ].join("\n\n"),
  );
}
process.exitCode = kept ? 0 : 1;

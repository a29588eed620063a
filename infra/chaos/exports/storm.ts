/**
 * The storm: exports are submitted while the whole runtime is killed again and again, by chance and at the borders of a job's steps;
 * the object store fails, loses its answers and breaks off, webhooks are refused or cut, the GPUs go away or misbehave, submissions race.
 * Then it is counted what became of every export.
 *
 * Between the last kill and the count nobody touches a job: they have to end by themselves. Chance is seeded; the machine's timing is not.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Snapshot, toSnapshotJson } from "../../../routing/authoring.ts";
import { between, chanceFrom, oneOf } from "../../gpu/simulator/chance.ts";
import { endpointsFromCatalog, type Simulator, startSimulator } from "../../gpu/simulator/index.ts";
import { countAll, untilAllOver, untilTold } from "./count.ts";
import { countsOf, createMoments, MOMENTS, type Moment } from "./moments.ts";
import { type Reception, startReceiver } from "./receiver.ts";
import type { StormReport } from "./report.ts";
import { createRuntimeProcess } from "./runtime-process.ts";
import { sleep } from "./sleep.ts";
import { submitAll, upscaledOf } from "./submissions.ts";

export interface StormOptions {
  readonly kills: number;
  readonly exports: number;
  readonly seed: number;
  /** Share of calls to the object store that go wrong, 0…1. */
  readonly bucketFaults: number;
  /** Share of webhook calls that are refused, cut off or kept waiting, 0…1. */
  readonly webhookFaults: number;
  /** Share of kills beside which the GPUs go away too, 0…1. */
  readonly gpuKills: number;
  /** Share of renders that the GPUs spoil, 0…1. */
  readonly gpuFaults: number;
  /** The configuration over simulators at the given URL. */
  snapshotAt(simulatorUrl: string): Promise<Snapshot>;
  log(line: string): void;
}

/** Exports that may be ahead of the kills, so that each kill finds some. */
const AHEAD = 6;

/** How long a kill waits for its moment before it falls anyhow, ms. */
const MOMENT_LIMIT_MS = 2_000;

/** How GPUs spoil a render. */
const GPU_FAULTS = ["503", "reset-after-headers", "truncated", "500"] as const;

/** Runs it. */
export async function runStorm(options: StormOptions): Promise<StormReport> {
  const { kills, exports, seed, log, bucketFaults } = options;
  const stateDir = await mkdtemp(join(tmpdir(), "galley-storm-"));
  const chance = chanceFrom("storm", seed);
  const moments = createMoments();
  const outline = await options.snapshotAt("http://127.0.0.1:9100");
  const startGpus = async (port: number): Promise<Simulator> => {
    const started = await startSimulator({ port, endpoints: endpointsFromCatalog(outline.content), seed });
    if (options.gpuFaults > 0) {
      const share = options.gpuFaults / GPU_FAULTS.length;
      started.control.setFault(
        "*",
        GPU_FAULTS.map((kind) => ({ kind, share })),
      );
    }
    return started;
  };
  let simulator = await startGpus(0);
  const made = { render: 0, upscale: 0 };
  const countWork = () => {
    for (const step of ["render", "upscale"] as const) made[step] += countsOf(simulator, step).completed;
  };
  const receiver = await startReceiver({
    receives: () =>
      chance() < options.webhookFaults ? oneOf<Reception>(chance, ["refuses", "cuts", "dawdles"]) : "takes",
    came: () => moments.happened("webhook"),
  });
  const snapshot = await options.snapshotAt(simulator.url);
  const snapshotFile = join(stateDir, "snapshot.json");
  await writeFile(snapshotFile, toSnapshotJson(snapshot));
  const runtime = createRuntimeProcess(join(stateDir, "state"), snapshotFile);
  const watch = setInterval(() => moments.look(simulator), 3);
  const counted = Object.fromEntries(MOMENTS.map((moment) => [moment, 0])) as Record<Moment, number>;
  let killed = 0;
  try {
    await runtime.start(bucketFaults);
    const submitting = submitAll({
      ...options,
      runtime,
      receiver,
      moments,
      chance: chanceFrom("submit", seed),
      mayBegin: (index) => kills === 0 || index < AHEAD + (killed / Math.max(1, kills)) * exports,
    });
    for (; killed < kills; killed += 1) {
      const moment = oneOf(chance, MOMENTS);
      await moments.wait(moment, moment === "any" ? between(chance, 0, 1_500) : MOMENT_LIMIT_MS);
      await sleep(moment === "any" ? 0 : between(chance, 0, 60));
      counted[moment] += 1;
      await runtime.kill();
      if (chance() < options.gpuKills) {
        const port = Number(new URL(simulator.url).port);
        countWork();
        await simulator.close();
        simulator = await startGpus(port);
      }
      await runtime.start(bucketFaults);
      if ((killed + 1) % 20 === 0) log(`${killed + 1} kills`);
    }
    const submitted = await submitting;
    log(`all ${submitted.ids.size} submitted; waiting for the ends`);
    const found = await untilAllOver(runtime);
    await untilTold(receiver, submitted.ids.size);
    countWork();
    if (bucketFaults > 0) {
      // Counted over a store that tells the truth.
      await runtime.kill();
      await runtime.start(0);
    }
    const report = await countAll({ runtime, receiver, submitted, found });
    const perExport = (count: number, of: number) => Number((count / Math.max(1, of)).toFixed(2));
    return {
      ...{ exports, kills: counted, ...report },
      rendersPerExport: perExport(made.render, exports),
      upscalesPerExport: perExport(made.upscale, upscaledOf(exports)),
    };
  } finally {
    clearInterval(watch);
    await runtime.kill();
    receiver.close();
    await simulator.close();
    await rm(stateDir, { recursive: true, force: true });
  }
}

/** Worker thread of `main.ts`: runs one seed after the other and posts each report. */
import { parentPort, workerData } from "node:worker_threads";
import { type RunOptions, runSeed } from "./run.ts";

const { snapshot, requests } = workerData as Omit<RunOptions, "seed">;

parentPort?.on("message", async (seed: number) => {
  parentPort?.postMessage(await runSeed({ snapshot, seed, requests }));
});

/**
 * Worker thread of `pool.ts`: runs a chunk of trials and posts their results.
 */
import { parentPort } from "node:worker_threads";
import type { TrialChunk } from "./pool.ts";
import { runTrial } from "./trial.ts";

parentPort?.on("message", ({ options, firstSeed, count }: TrialChunk) => {
  parentPort?.postMessage(Array.from({ length: count }, (_, at) => runTrial({ ...options, seed: firstSeed + at })));
});

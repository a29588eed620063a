/**
 * Many trials at once: seeds are dealt in chunks to one worker thread a core.
 *
 * Results come back in the order of the seeds, so that the number of cores changes nothing but the time.
 */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { TrialOptions, TrialResult } from "./trial.ts";

/** `count` trials that differ in their seeds only. */
export interface TrialChunk {
  readonly options: Omit<TrialOptions, "seed">;
  readonly firstSeed: number;
  readonly count: number;
}

/** Small enough to share the load, large enough to hide the messages. */
const CHUNK = 25;

export interface TrialPool {
  /** Runs `runs` trials with seeds from `firstSeed` up. */
  run(options: Omit<TrialOptions, "seed">, runs: number, firstSeed: number): Promise<readonly TrialResult[]>;
  close(): Promise<void>;
}

/** Starts the workers. */
export function createTrialPool(): TrialPool {
  const entry = new URL("./trial-worker.ts", import.meta.url);
  const all = Array.from({ length: availableParallelism() }, () => new Worker(entry));

  const runChunk = (worker: Worker, chunk: TrialChunk): Promise<readonly TrialResult[]> =>
    new Promise((resolve, reject) => {
      worker.once("message", (results: readonly TrialResult[]) => {
        worker.off("error", reject);
        resolve(results);
      });
      worker.once("error", reject);
      worker.postMessage(chunk);
    });

  return {
    async run(options, runs, firstSeed) {
      const results: (readonly TrialResult[])[] = [];
      let nextAt = 0;
      const work = async (worker: Worker): Promise<void> => {
        while (nextAt < runs) {
          const at = nextAt;
          nextAt += CHUNK;
          const count = Math.min(CHUNK, runs - at);
          results[at / CHUNK] = await runChunk(worker, { options, firstSeed: firstSeed + at, count });
        }
      };
      await Promise.all(all.map(work));
      return results.flat();
    },
    async close() {
      await Promise.all(all.map((worker) => worker.terminate()));
    },
  };
}

/**
 * Exports are followed while their readers are cut off, on the built Worker over HTTP; counted is what came twice or not at all.
 */
import { chanceFrom } from "../../gpu/simulator/chance.ts";
import { endpointsFromCatalog, startSimulator } from "../../gpu/simulator/index.ts";
import { startRouter } from "../../local/runtime.ts";
import { stormSnapshot } from "../exports/storm-snapshot.ts";
import { type CutReading, isGapless, readWithCuts } from "./cut-reader.ts";

export interface CutsOptions {
  readonly resumes: number;
  readonly exports: number;
  readonly seed: number;
}

export interface CutsReport {
  readonly exports: number;
  readonly resumes: number;
  readonly events: number;
  /** Exports of which a reader missed an event, or got one twice or out of order. */
  readonly wrong: readonly string[];
}

/** Runs it. */
export async function runCuts({ resumes, exports, seed }: CutsOptions): Promise<CutsReport> {
  const outline = await stormSnapshot("http://127.0.0.1:9100");
  const simulator = await startSimulator({ port: 0, endpoints: endpointsFromCatalog(outline.content), seed });
  const snapshot = await stormSnapshot(simulator.url);
  const router = await startRouter({ snapshot, variables: { GALLEY_MAX_OPEN_EXPORTS: "10000" } });
  try {
    const readings = await Promise.all(
      Array.from({ length: exports }, async (_, index) => {
        const response = await fetch(`${router.url}/v1/exports`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({
            ...{ prompt: `a print, number ${index}`, model: "SD3.5 Medium", upscale: true, format: "png" },
            ...{ width: 512, height: 512, seed: index },
          }),
        });
        const { id } = (await response.json()) as { id: string };
        const chance = chanceFrom("cuts", seed, index);
        const passes: CutReading[] = [];
        // The first pass is live; the later ones read the log.
        while (resumesOf(passes) < resumes / exports) passes.push(await readWithCuts({ url: router.url, id, chance }));
        return { id, passes };
      }),
    );
    return {
      exports,
      resumes: readings.reduce((sum, { passes }) => sum + resumesOf(passes), 0),
      events: readings.flatMap(({ passes }) => passes).reduce((sum, { ids }) => sum + ids.length, 0),
      wrong: readings.filter(({ passes }) => !passes.every(isGapless)).map(({ id }) => id),
    };
  } finally {
    await router.stop();
    await simulator.close();
  }
}

const resumesOf = (passes: readonly CutReading[]): number => passes.reduce((sum, pass) => sum + pass.resumes, 0);

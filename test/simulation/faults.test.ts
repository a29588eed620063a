/**
 * The whole core in virtual time against regions that fail in every way: no promise is broken, and a seed gives the same run twice.
 *
 * `npm run simulate:faults` does the same over many more seeds; one that breaks a promise belongs in `SEEDS`.
 */
import { describe, expect, it } from "vitest";
import { runSeed } from "../../infra/simulate/faults/run.ts";
import { shippedSnapshot } from "../support/stack.ts";

/** Between them: restarts, silence, clock jumps of both kinds, outages of a region and of everything, saturation. */
const SEEDS = [2, 7, 9];

const snapshot = await shippedSnapshot();

describe("in virtual time", () => {
  it.each(SEEDS)("every promise is kept in the weather of seed %i", async (seed) => {
    const report = await runSeed({ snapshot, seed, requests: 500 });
    expect(report.breaches).toEqual([]);
    // Not because nothing was asked or everything refused.
    expect(report.pictures).toBeGreaterThan(200);
  });

  it("the same seed gives the same run, and another seed another", async () => {
    const traceOf = async (seed: number) => (await runSeed({ snapshot, seed, requests: 150 })).trace;
    expect(await traceOf(5)).toBe(await traceOf(5));
    expect(await traceOf(6)).not.toBe(await traceOf(5));
  });
});

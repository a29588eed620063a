import { describe, expect, it } from "vitest";
import {
  closeStaleBlock,
  createRiskSet,
  estimateRatio,
  pooledRate,
  recordTrial,
  type Trial,
} from "../../routing/rollout/risk-set.ts";
import { METRICS, type Metric } from "../../routing/rollout/spec.ts";
import { createUnitTable, packUnits, recordUnitTrial, unpackUnits } from "../../routing/rollout/unit-table.ts";
import { START_MS } from "./world.ts";

const LIMITS = { blockRequests: 4, windowMs: 600_000 };
const trial = (change: Partial<Trial> = {}): Trial => ({
  atMs: START_MS,
  arm: "baseline",
  bad: false,
  weight: 1,
  ...change,
});

describe("the risk set", () => {
  it("closes a block when it is full, whatever went bad in it", () => {
    const set = createRiskSet();
    const trials = [
      trial({ bad: true, arm: "canary" }),
      trial({ bad: true }),
      trial(),
      trial({ arm: "canary", weight: 3 }),
    ];
    const blocks = trials.map((one) => recordTrial(set, one, LIMITS));
    expect(blocks.slice(0, 3)).toEqual([undefined, undefined, undefined]);
    expect(blocks[3]).toEqual({
      canaryBad: 1,
      baselineBad: 1,
      canaryTrials: 2,
      baselineTrials: 2,
      share: 0.5,
      weightedShare: 4 / 6,
    });
    expect(recordTrial(set, trial(), LIMITS)).toBeUndefined();
  });

  it("closes a block that stays open for longer than the window", () => {
    const set = createRiskSet();
    recordTrial(set, trial({ arm: "canary" }), LIMITS);
    expect(closeStaleBlock(set, START_MS + 599_999, LIMITS)).toBeUndefined();
    expect(closeStaleBlock(set, START_MS + 600_000, LIMITS)).toMatchObject({ canaryTrials: 1, share: 1 });
    expect(closeStaleBlock(set, START_MS + 6_000_000, LIMITS)).toBeUndefined();
  });

  it("estimates the rate ratio", () => {
    const set = createRiskSet();
    expect(estimateRatio(set)).toBeUndefined();
    const limits = { ...LIMITS, blockRequests: 40 };
    for (let at = 0; at < 40; at++) {
      const arm = at % 2 === 0 ? "canary" : "baseline";
      recordTrial(set, trial({ arm, bad: at < 18 && (arm === "canary" || at % 6 === 1) }), limits);
    }
    expect(estimateRatio(set)).toBeCloseTo(3, 9);
  });

  it("begins with a rate of 1 in 20 and learns it", () => {
    const set = createRiskSet();
    expect(pooledRate(set)).toBe(0.05);
    for (let at = 0; at < 1_000; at++) recordTrial(set, trial({ bad: at % 4 === 0 }), LIMITS);
    expect(pooledRate(set)).toBeCloseTo(0.25, 2);
  });
});

describe("the unit table", () => {
  const limits = { windowMs: 600_000, maxUnits: 3 };
  const of = (unit: number, afterMs: number, bad = true, metric: Metric = METRICS[0]) => ({
    unit,
    metric,
    bad,
    atMs: START_MS + afterMs,
    rate: 0.05,
  });

  it("counts one bad event a unit and window, and takes the unit out of the risk set meanwhile", () => {
    const table = createUnitTable();
    expect(recordUnitTrial(table, of(1, 0), limits)).toBe(1);
    expect(recordUnitTrial(table, of(1, 1), limits)).toBeUndefined();
    expect(recordUnitTrial(table, of(1, 599_999, false), limits)).toBeUndefined();
    expect(recordUnitTrial(table, of(1, 600_000), limits)).toBeGreaterThan(0);
    expect(recordUnitTrial(table, of(1, 600_001), limits)).toBeUndefined();
  });

  it("keeps units and metrics apart", () => {
    const table = createUnitTable();
    recordUnitTrial(table, of(1, 0), limits);
    expect(recordUnitTrial(table, of(2, 1), limits)).toBe(1);
    expect(recordUnitTrial(table, of(1, 1, true, "sloMisses"), limits)).toBe(1);
  });

  it("expects more of a unit that failed before, and less of one that did not", () => {
    const table = createUnitTable();
    recordUnitTrial(table, of(1, 0), limits);
    expect(recordUnitTrial(table, of(1, 700_000), limits)).toBeGreaterThan(1.8);
    for (let at = 0; at < 20; at++) recordUnitTrial(table, of(2, at, false), limits);
    expect(recordUnitTrial(table, of(2, 100, false), limits)).toBeCloseTo(0.5, 9);
  });

  it("forgets the unit that was unseen for longest when it is full", () => {
    const table = createUnitTable();
    for (const unit of [1, 2, 3]) recordUnitTrial(table, of(unit, unit), limits);
    recordUnitTrial(table, of(1, 120_000), limits);
    recordUnitTrial(table, of(4, 120_001), limits);
    expect([...table.rows.keys()]).toEqual([3, 1, 4]);
  });

  it("survives JSON", () => {
    const table = createUnitTable();
    recordUnitTrial(table, of(1, 0), limits);
    recordUnitTrial(table, of(2, 5, false, "checks"), limits);
    expect(unpackUnits(JSON.parse(JSON.stringify(packUnits(table))))).toEqual(table);
  });
});

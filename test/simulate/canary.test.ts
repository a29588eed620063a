import { describe, expect, it } from "vitest";
import { createRandom } from "../../infra/simulate/canary/chance.ts";
import {
  aaScenario,
  falseEndingLimit,
  plantedScenario,
  promotionScenario,
  REFERENCE,
  type Scenario,
  summarize,
} from "../../infra/simulate/canary/scenarios.ts";
import { toTable } from "../../infra/simulate/canary/table.ts";
import { createTraffic, TRAFFIC } from "../../infra/simulate/canary/traffic.ts";
import { runTrial } from "../../infra/simulate/canary/trial.ts";

const trials = (scenario: Scenario, runs: number) =>
  Array.from({ length: runs }, (_, at) => runTrial({ ...scenario, seed: 1_000 + at }));

describe("canaries decided after every request", () => {
  it.each(["steady", "diurnal", "bursty"] as const)("rarely roll back an equal candidate under %s traffic", (shape) => {
    const { endings, runs } = summarize(trials(aaScenario(shape, 3_000), 80), "rolled-back");
    expect((endings["rolled-back"] ?? 0) / runs).toBeLessThanOrEqual(falseEndingLimit(0.01, runs));
    expect((endings.frozen ?? 0) / runs).toBeLessThanOrEqual(falseEndingLimit(0.001, runs));
  });

  it.each(REFERENCE)("roll back a candidate that fails $ratio times as often", ({ ratio, medianAlpha01 }) => {
    const { endings, medianBad } = summarize(trials(plantedScenario("steady", ratio, 20_000), 31), "rolled-back");
    expect(endings["rolled-back"]).toBe(31);
    // Three metrics share the α, and a decision waits for its block.
    expect(medianBad).toBeLessThan(1.8 * medianAlpha01);
  });

  it("find a planted fault under bursts too", () => {
    const { endings } = summarize(trials(plantedScenario("bursty", 5, 20_000), 15), "rolled-back");
    expect(endings["rolled-back"]).toBe(15);
  });

  it("rarely promote a candidate at the margin, and mostly promote an equal one", () => {
    const atMargin = summarize(trials(promotionScenario("steady", 1.5, 3_000, false), 60), "promoted");
    expect((atMargin.endings.promoted ?? 0) / 60).toBeLessThanOrEqual(falseEndingLimit(0.05, 60));
    const equal = summarize(trials(promotionScenario("steady", 1, 12_000, true), 21), "promoted");
    expect(equal.medianBad).toBeLessThan(401);
  });
});

describe("a trial", () => {
  it("is the same for the same seed and another for another", () => {
    const scenario = plantedScenario("bursty", 3, 20_000);
    expect(runTrial({ ...scenario, seed: 5 })).toEqual(runTrial({ ...scenario, seed: 5 }));
    expect(runTrial({ ...scenario, seed: 5 })).not.toEqual(runTrial({ ...scenario, seed: 6 }));
  });
});

describe("made-up traffic", () => {
  it.each(["steady", "bursty", "stubborn"] as const)("arrives in order and at its rate when %s", (shape) => {
    const traffic = createTraffic(TRAFFIC[shape], createRandom(1));
    let last = 0;
    let early = 0;
    for (let at = 0; at < 40_000; at++) {
      const { atMs } = traffic.next();
      expect(atMs).toBeGreaterThanOrEqual(last);
      last = atMs;
      if (at === 20_000) early = atMs;
    }
    expect(20_000 / ((last - early) / 1_000)).toBeGreaterThan(0.85 * TRAFFIC[shape].requestsPerSecond);
    expect(20_000 / ((last - early) / 1_000)).toBeLessThan(1.15 * TRAFFIC[shape].requestsPerSecond);
  });

  it("follows the day when diurnal", () => {
    const traffic = createTraffic(TRAFFIC.diurnal, createRandom(1));
    const byQuarter = [0, 0, 0, 0];
    for (;;) {
      const { atMs } = traffic.next();
      const quarter = Math.floor(atMs / 21_600_000);
      if (quarter > 3) break;
      byQuarter[quarter] = byQuarter[quarter]! + 1;
    }
    expect(byQuarter[0]! + byQuarter[1]!).toBeGreaterThan(2 * (byQuarter[2]! + byQuarter[3]!));
  });
});

describe("toTable", () => {
  it("aligns its columns", () => {
    expect(toTable(["a", "long"], [["wide", "1"]])).toBe("  a      long\n  ────   ────\n  wide   1");
  });
});

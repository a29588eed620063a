import { describe, expect, it } from "vitest";
import { createLatencyHistogram, latencyQuantileMs, recordLatency } from "../../routing/rollout/latency-histogram.ts";
import { createMoments, differenceOfMeans, recordMoment } from "../../routing/rollout/sequence.ts";
import { seeded } from "./world.ts";

/** Roughly normal with mean 0 and variance 1. */
const bell = (random: () => number) => Array.from({ length: 12 }, random).reduce((sum, one) => sum + one, -6);

describe("the latency histogram", () => {
  it.each([0.5, 0.9, 0.95])("tells the %d quantile within 2 %", (quantile) => {
    const random = seeded(3);
    const values = Array.from({ length: 5_000 }, () => Math.exp(7.5 + 0.6 * bell(random)));
    const histogram = createLatencyHistogram();
    for (const value of values) recordLatency(histogram, value);
    const exact = values.sort((one, other) => one - other)[Math.floor(quantile * 4_999)]!;
    expect(Math.abs(latencyQuantileMs(histogram, quantile)! - exact) / exact).toBeLessThan(0.025);
  });

  it("quotes no quantile from too few values", () => {
    const histogram = createLatencyHistogram();
    for (let at = 0; at < 199; at++) recordLatency(histogram, 100 + at);
    expect(latencyQuantileMs(histogram, 0.95)).toBeUndefined();
    recordLatency(histogram, 300);
    expect(latencyQuantileMs(histogram, 0.95)).toBeGreaterThan(280);
  });

  it("drops what is no number and takes the least as 1 ms", () => {
    const histogram = createLatencyHistogram();
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, -5, 0]) recordLatency(histogram, value);
    expect(histogram).toEqual({ total: 2, bins: { 0: 2 } });
  });
});

describe("the difference of means", () => {
  it("has the mean and variance of its values", () => {
    const moments = createMoments();
    for (const value of [2, 4, 4, 4, 5, 5, 7, 9]) recordMoment(moments, value);
    expect(moments.mean).toBe(5);
    expect(moments.squares / moments.count).toBe(4);
  });

  it("is not told from fewer than 30 requests of an arm", () => {
    const [canary, baseline] = [createMoments(), createMoments()];
    for (let at = 0; at < 100; at++) recordMoment(baseline, at);
    for (let at = 0; at < 29; at++) recordMoment(canary, at);
    expect(differenceOfMeans(canary, baseline, 0.05)).toBeUndefined();
    recordMoment(canary, 29);
    expect(differenceOfMeans(canary, baseline, 0.05)?.estimate).toBeCloseTo(14.5 - 49.5, 9);
  });

  it("holds the truth in all looks together of at least 95 % of runs, and finds a real difference", () => {
    const runs = 300;
    let missed = 0;
    let found = 0;
    for (let run = 0; run < runs; run++) {
      const random = seeded(run);
      const [canary, baseline] = [createMoments(), createMoments()];
      let wasMissed = false;
      for (let at = 0; at < 1_500; at++) {
        const isCanary = random() < 0.3;
        recordMoment(isCanary ? canary : baseline, bell(random) + (isCanary ? 0.5 : 0));
        const bounds = at % 10 === 0 ? differenceOfMeans(canary, baseline, 0.05) : undefined;
        if (bounds !== undefined && (bounds.low > 0.5 || bounds.high < 0.5)) wasMissed = true;
      }
      if (wasMissed) missed += 1;
      if (differenceOfMeans(canary, baseline, 0.05)!.low > 0) found += 1;
    }
    expect(missed / runs).toBeLessThanOrEqual(0.05 + 3 * Math.sqrt((0.05 * 0.95) / runs));
    expect(found / runs).toBeGreaterThan(0.95);
  });
});

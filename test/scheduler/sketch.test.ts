import { describe, expect, test } from "vitest";
import {
  addValue,
  decay,
  emptySketch,
  meanExcess,
  mergeInto,
  quantileOf,
  SKETCH_ALPHA,
  type Sketch,
  sketchFromBytes,
  sketchFromText,
  sketchToBytes,
  sketchToText,
} from "../../routing/scheduler/sketch.ts";
import { normal, seeded } from "./support.ts";

const QUANTILES = [0, 0.01, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1];

const sketchOf = (values: readonly number[]): Sketch => {
  const sketch = emptySketch();
  for (const value of values) addValue(sketch, value);
  return sketch;
};

/** The sample at the rank that the sketch answers for. */
const exact = (values: readonly number[], q: number): number =>
  [...values].sort((a, b) => a - b)[Math.floor(q * (values.length - 1))]!;

const streams: Record<string, (random: () => number) => number> = {
  "log-normal": (random) => 1_500 * Math.exp(0.6 * normal(random)),
  bimodal: (random) => (random() < 0.9 ? 800 + 50 * normal(random) : 14_000 + 900 * normal(random)),
  constant: () => 1_234,
  uniform: (random) => 10 + 119_990 * random(),
};

describe("sketch", () => {
  test.each(Object.keys(streams))("keeps every quantile of a %s stream within alpha", (name) => {
    const random = seeded(7);
    const values = Array.from({ length: 5_000 }, () => Math.max(1, streams[name]!(random)));
    const sketch = sketchOf(values);
    for (const q of QUANTILES) {
      const truth = exact(values, q);
      expect(Math.abs(quantileOf(sketch, q)! - truth) / truth).toBeLessThanOrEqual(SKETCH_ALPHA + 1e-9);
    }
  });

  test("needs at most 235 bins from 10 ms to 120 s", () => {
    expect(sketchOf([10, 120_000]).counts.length).toBeLessThanOrEqual(236);
    expect(sketchOf([10, 120_000]).counts.length).toBeGreaterThan(200);
  });

  test("merging equals recording both streams, and taking out undoes it", () => {
    const random = seeded(3);
    const one = Array.from({ length: 400 }, () => 100 + 900 * random());
    const two = Array.from({ length: 300 }, () => 20 + 30_000 * random());
    const merged = sketchOf(one);
    mergeInto(merged, sketchOf(two));
    expect(merged).toEqual(sketchOf([...one, ...two]));
    mergeInto(merged, sketchOf(two), -1);
    expect(merged).toEqual(sketchOf(one));
  });

  test("comes back from its bytes and its text as it was", () => {
    const random = seeded(5);
    const sketch = sketchOf(Array.from({ length: 2_000 }, () => 300 * Math.exp(normal(random))));
    expect(sketchFromBytes(sketchToBytes(sketch))).toEqual(sketch);
    expect(sketchFromText(sketchToText(sketch))).toEqual(sketch);
    expect(sketchToBytes(sketch).length).toBeLessThan(500);
  });

  test("survives damaged text by forgetting", () => {
    expect(sketchFromText("not base64!")).toEqual(emptySketch());
    const text = sketchToText(sketchOf([100, 200, 300]));
    expect(sketchFromText(text.slice(0, 4)).total).toBeLessThan(3);
  });

  test("fades: two half-lives leave a quarter, and small remains vanish", () => {
    const sketch = sketchOf(new Array(1_000).fill(500));
    decay(sketch, 0.25);
    expect(sketch.total).toBe(250);
    for (let step = 0; step < 20; step += 1) decay(sketch, 0.5);
    expect(sketch).toMatchObject({ counts: [], total: 0 });
  });

  test("answers nothing from nothing and takes no nonsense in", () => {
    const sketch = sketchOf([Number.NaN, Number.POSITIVE_INFINITY]);
    expect(sketch.total).toBe(0);
    expect(quantileOf(sketch, 0.5)).toBeUndefined();
    expect(meanExcess(sketch, 100)).toBe(0);
  });

  test("bounds its memory whatever it is fed", () => {
    expect(sketchOf([0, -5, 1e-9, 1e15]).counts.length).toBeLessThan(360);
  });

  test("tells the mean excess over a threshold", () => {
    const sketch = sketchOf([...new Array(95).fill(1_000), ...new Array(5).fill(12_000)]);
    expect(meanExcess(sketch, 2_000) / 10_000).toBeCloseTo(1, 1);
  });
});

import { describe, expect, test } from "vitest";
import {
  emptyLatencyBook,
  estimateService,
  fromStoredBook,
  MAX_CLASSES,
  recordDuration,
  tailOf,
  toStoredBook,
} from "../../routing/scheduler/latency-book.ts";
import { shapeKey, sizeClassOf } from "../../routing/scheduler/size-class.ts";
import { T0 } from "./support.ts";

const shape = { sizeClass: "m", steps: 28 } as const;
const expected = { p50Ms: 2_000, p95Ms: 3_000 };
const of = { endpoint: "a", model: "m", shape, expected };

const bookWith = (samples: readonly (readonly [endpoint: string, serviceMs: number, count: number])[]) => {
  const book = emptyLatencyBook();
  for (const [endpoint, serviceMs, count] of samples)
    for (let index = 0; index < count; index += 1)
      recordDuration(book, { endpoint, model: "m", shape, elapsedMs: serviceMs, serviceMs }, T0);
  return book;
};

describe("latency book", () => {
  test("begins with the catalogue, read as a log-normal", () => {
    const estimate = estimateService(emptyLatencyBook(), of, T0);
    expect(estimate.source).toBe("catalogue");
    expect(estimate.q50Ms).toBe(2_000);
    expect(estimate.q95Ms).toBeCloseTo(3_000, 0);
    expect(estimate.q75Ms).toBeGreaterThan(estimate.q50Ms);
    expect(estimate.q90Ms).toBeLessThan(estimate.q95Ms);
  });

  test("goes from the endpoint to all endpoints of the model to the catalogue", () => {
    expect(estimateService(bookWith([["a", 800, 20]]), of, T0).source).toBe("endpoint");
    const pooled = estimateService(
      bookWith([
        ["a", 800, 5],
        ["b", 1_200, 30],
      ]),
      of,
      T0,
    );
    expect(pooled.source).toBe("model");
    expect(pooled.q50Ms / 1_200).toBeCloseTo(1, 1);
    expect(estimateService(bookWith([["b", 1_200, 19]]), of, T0).source).toBe("catalogue");
  });

  test("stretches the catalogue's spread over a measured median until higher quantiles may be quoted", () => {
    const estimate = estimateService(bookWith([["a", 1_000, 20]]), of, T0);
    expect(estimate.q95Ms / estimate.q50Ms).toBeCloseTo(1.5, 2);
    const known = estimateService(bookWith([["a", 1_000, 200]]), of, T0);
    expect(known.q95Ms / known.q50Ms).toBeCloseTo(1, 2);
  });

  test("after a change, puts the old spread on the new median", () => {
    const book = bookWith([
      ["a", 9_000, 900],
      ["a", 11_000, 100],
    ]);
    for (let index = 0; index < 25; index += 1)
      recordDuration(book, { endpoint: "a", model: "m", shape, elapsedMs: 1_500, serviceMs: 1_500 }, T0 + 70_000);
    const estimate = estimateService(book, of, T0 + 70_000);
    expect(estimate.q50Ms / 1_500).toBeCloseTo(1, 1);
    expect(estimate.q75Ms / 1_500).toBeCloseTo(1, 1);
    expect(estimate.q95Ms / estimate.q50Ms).toBeCloseTo(11 / 9, 1);
  });

  test("never falls with q, whatever sources its quantiles come from", () => {
    const estimate = estimateService(
      bookWith([
        ["a", 5_000, 25],
        ["b", 100, 500],
      ]),
      of,
      T0,
    );
    expect(estimate.q50Ms).toBeLessThanOrEqual(estimate.q75Ms);
    expect(estimate.q75Ms).toBeLessThanOrEqual(estimate.q90Ms);
    expect(estimate.q90Ms).toBeLessThanOrEqual(estimate.q95Ms);
  });

  test("keeps sizes and steps apart", () => {
    const book = bookWith([["a", 800, 50]]);
    expect(estimateService(book, { ...of, shape: { sizeClass: "xl", steps: 28 } }, T0).source).toBe("catalogue");
    expect(estimateService(book, { ...of, shape: { sizeClass: "m", steps: 8 } }, T0).source).toBe("catalogue");
    expect(estimateService(book, { ...of, shape: { sizeClass: "m", steps: 29 } }, T0).source).toBe("endpoint");
  });

  test("tells of a tail from the samples that it is asked to wait for", () => {
    const tail = (count: number) =>
      tailOf(bookWith([["a", 800, count]]), { model: "m", shape, q: 0.95, minSamples: 50 }, T0);
    expect(tail(49)).toBeUndefined();
    expect(tail(50)?.qhMs).toBeCloseTo(800, -2);
  });

  test("does not lose the tail when hedges cut it off", () => {
    const tail = { model: "m", shape, q: 0.95, minSamples: 50 };
    const attempt = (elapsedMs: number, cut?: "lost_race") => ({
      endpoint: "a",
      model: "m",
      shape,
      elapsedMs,
      ...(cut === undefined ? {} : { cut }),
    });
    const book = emptyLatencyBook();
    for (let index = 0; index < 1_000; index += 1) recordDuration(book, attempt(index % 50 === 0 ? 15_000 : 1_500), T0);
    const before = tailOf(book, tail, T0)!.meanExcessMs;
    for (let index = 0; index < 5_000; index += 1)
      recordDuration(book, index % 50 === 0 ? attempt(3_500, "lost_race") : attempt(1_500), T0 + index * 1_000);
    expect(tailOf(book, tail, T0 + 5_000_000)!.meanExcessMs / before).toBeCloseTo(1, 1);
  });

  test("counts how many of the late attempts were cut off, once there are three", () => {
    const tail = { model: "m", shape, q: 0.95, minSamples: 50 };
    const book = emptyLatencyBook();
    const record = (count: number, elapsedMs: number, cut?: "timed_out") => {
      const sample = { endpoint: "a", model: "m", shape, elapsedMs, ...(cut === undefined ? {} : { cut }) };
      for (let index = 0; index < count; index += 1) recordDuration(book, sample, T0);
    };
    record(298, 1_500);
    record(2, 2_200, "timed_out");
    expect(tailOf(book, tail, T0)?.cut).toBeUndefined();
    record(1, 2_200, "timed_out");
    expect(tailOf(book, tail, T0)?.cut?.share).toBeCloseTo(3 / (0.05 * 301), 5);
    expect(tailOf(book, tail, T0)!.cut!.medianMs / 2_200).toBeCloseTo(1, 1);
    // Beside them, in another size, nothing was cut off.
    expect(tailOf(book, { ...tail, shape: { sizeClass: "xl" } }, T0)).toBeUndefined();
  });

  test("remembers a bounded number of classes, the latest ones", () => {
    const book = emptyLatencyBook();
    for (let index = 0; index < MAX_CLASSES * 3; index += 1)
      recordDuration(book, { endpoint: `e${index}`, model: `m${index}`, shape, elapsedMs: 5, serviceMs: 5 }, T0);
    expect(book.endpoints.size).toBe(MAX_CLASSES);
    expect(book.models.size).toBe(MAX_CLASSES);
    expect(book.attempts.has(`m${MAX_CLASSES * 3 - 1} m/30`)).toBe(true);
  });

  test("goes through JSON", () => {
    const book = bookWith([
      ["a", 800, 300],
      ["b", 1_500, 300],
    ]);
    const back = fromStoredBook(JSON.parse(JSON.stringify(toStoredBook(book, T0))), T0);
    expect(estimateService(back, of, T0)).toEqual(estimateService(book, of, T0));
  });
});

describe("size class", () => {
  test("takes pixels up to each bound", () => {
    expect(sizeClassOf(512, 512)).toBe("xs");
    expect(sizeClassOf(768, 768)).toBe("s");
    expect(sizeClassOf(1_024, 1_024)).toBe("m");
    expect(sizeClassOf(1_536, 1_536)).toBe("l");
    expect(sizeClassOf(2_048, 2_048)).toBe("xl");
    expect(sizeClassOf(2_500, 2_001)).toBe("xxl");
  });

  test("rounds steps up to a class", () => {
    expect(shapeKey({ sizeClass: "m" })).toBe("m/-");
    expect(shapeKey({ sizeClass: "m", steps: 4 })).toBe("m/4");
    expect(shapeKey({ sizeClass: "m", steps: 21 })).toBe("m/25");
    expect(shapeKey({ sizeClass: "m", steps: 999 })).toBe("m/150");
  });
});

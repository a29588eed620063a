/**
 * The machine under load in virtual time: control.md §4's table, saturation, priorities, and slow endpoints found by themselves.
 */
import { describe, expect, test } from "vitest";
import { machineOf, normal, regionOf, seeded, T0 } from "./support.ts";
import { quantile, type Ran, runLoad } from "./virtual-region.ts";

const CV = 0.15;
const spread = (meanMs: number, random: () => number): number => Math.max(100, meanMs * (1 + CV * normal(random)));
const elapsed = (ran: Ran): number[] => ran.done.map((one) => one.endedAtMs - one.arrivedAtMs);

describe("ten endpoints of two slots, two of them half as fast, mean 2 s", () => {
  const ids = Array.from({ length: 10 }, (_, index) => `e${index}`);
  const region = regionOf(Object.fromEntries(ids.map((id) => [id, {}])));
  // Capacity: 8 × 2 / 1.667 s + 2 × 2 / 3.333 s, so that the mean over all slots is 2 s at equal shares.
  const meanOf = (id: string) => (id === "e0" || id === "e1" ? 3_333 : 1_667);
  const capacityPerMs = ids.reduce((sum, id) => sum + 2 / meanOf(id), 0);

  // p50 / p95 / p99 of "min predicted wait, fresh" in the table, s.
  test.each([
    [0.6, [2.0, 2.7, 3.3]],
    [0.8, [2.2, 3.7, 4.3]],
    [0.9, [2.6, 4.5, 6.0]],
  ])("at load %s is as quick as the table says, or quicker", (rho, [p50, p95, p99]) => {
    const random = seeded(Math.round(rho * 100));
    const ran = runLoad({
      machine: machineOf(region),
      random,
      arrivals: 12_000,
      gapMs: 1 / (rho * capacityPerMs),
      arrive: () => ({ patienceMs: 120_000 }),
      serviceMs: (endpoint) => spread(meanOf(endpoint), random),
      candidates: ids,
      warmUp: 2_000,
    });
    const times = elapsed(ran);
    expect(quantile(times, 0.5)).toBeLessThanOrEqual(p50! * 1_150);
    expect(quantile(times, 0.95)).toBeLessThanOrEqual(p95! * 1_150);
    expect(quantile(times, 0.99)).toBeLessThanOrEqual(p99! * 1_150);
    expect(ran.refused).toEqual({});
  });
});

describe("one and a half times as many previews as can be drawn", () => {
  const ran = (): Ran => {
    const random = seeded(15);
    return runLoad({
      machine: machineOf(regionOf({ a: { concurrency: { kind: "known", slots: 8 } } })),
      random,
      arrivals: 6_000,
      gapMs: 1_500 / 8 / 1.5,
      arrive: () => ({ patienceMs: 8_000 }),
      serviceMs: () => spread(1_500, random),
      candidates: ["a"],
      warmUp: 500,
    });
  };

  test("nearly all that are begun are in time, the GPUs stay busy, and the rest is told at once", () => {
    const { done, refused } = ran();
    const inTime = done.filter((one) => one.endedAtMs <= one.deadlineAtMs).length;
    expect(inTime / done.length).toBeGreaterThan(0.95);
    const spanMs = done.at(-1)!.endedAtMs - done[0]!.startedAtMs;
    const busyMs = done.reduce((sum, one) => sum + one.endedAtMs - one.startedAtMs, 0);
    expect(busyMs / (8 * spanMs)).toBeGreaterThan(0.85);
    expect(refused.predicted_late! / 6_000).toBeGreaterThan(0.25);
  });
});

describe("previews and drafts together above capacity", () => {
  const random = seeded(31);
  const ran = runLoad({
    machine: machineOf(regionOf({ a: { concurrency: { kind: "known", slots: 8 } }, b: {} })),
    random,
    arrivals: 8_000,
    gapMs: 1_500 / 10 / 1.4,
    arrive: (index) => ({
      priority: index % 2 === 0 ? "interactive" : "automation",
      patienceMs: 9_000 + 3_000 * random(),
    }),
    serviceMs: () => spread(1_500, random),
    candidates: ["a", "b"],
    warmUp: 500,
  });

  test("never pass over a more urgent one of the same class", () => {
    expect(ran.inversions).toEqual([]);
    expect(ran.done.length).toBeGreaterThan(3_000);
  });

  test("share the GPUs: drafts get what they are sure of, previews the rest", () => {
    const drafts = ran.done.filter((one) => one.priority === "automation").length / ran.done.length;
    expect(drafts).toBeGreaterThan(0.25);
    expect(drafts).toBeLessThan(0.42);
  });

  test("keep previews waiting less than drafts", () => {
    const waits = (priority: string) =>
      ran.done.filter((one) => one.priority === priority).map((one) => one.startedAtMs - one.arrivedAtMs);
    expect(quantile(waits("interactive"), 0.5)).toBeLessThan(quantile(waits("automation"), 0.5));
  });
});

describe("a burst of drafts over idle GPUs", () => {
  test("may have them all, and previews that come then wait for the first slot only", () => {
    const random = seeded(5);
    const machine = machineOf(regionOf({ a: { concurrency: { kind: "known", slots: 4 } } }));
    const ran = runLoad({
      machine,
      random,
      arrivals: 10,
      gapMs: 1,
      arrive: (index) => (index < 8 ? { priority: "automation", patienceMs: 60_000 } : { patienceMs: 8_000 }),
      serviceMs: () => 1_500,
      candidates: ["a"],
      warmUp: 0,
    });
    const previews = ran.done.filter((one) => one.priority === "interactive");
    expect(previews.length).toBe(2);
    for (const preview of previews) expect(preview.startedAtMs - T0).toBeLessThan(1_600);
  });
});

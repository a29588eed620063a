import { describe, expect, test } from "vitest";
import { createLocalPicker, type LocalPicker, type PickerEndpoint } from "../../routing/scheduler/local-picker.ts";
import { seeded, T0 } from "./support.ts";

const candidates = ["a", "b", "c", "d"];

const shown = (id: string, parts: Partial<PickerEndpoint> = {}): PickerEndpoint => ({
  id,
  state: "closed",
  inUse: 0,
  weight: 1,
  ...parts,
});

/** How often each endpoint is picked in 4,000 tries. */
function shares(picker: LocalPicker, parts: Partial<Parameters<LocalPicker["pick"]>[0]> = {}): Record<string, number> {
  const random = seeded(8);
  const counts: Record<string, number> = {};
  for (let index = 0; index < 4_000; index += 1) {
    const id = picker.pick({ candidates, avoid: [], expectedMs: 1_500, nowMs: T0, ...parts }, random) ?? "none";
    counts[id] = (counts[id] ?? 0) + 1 / 4_000;
  }
  return counts;
}

const end = (endpoint: string, parts: Partial<Parameters<LocalPicker["ended"]>[0]> = {}) => ({
  endpoint,
  result: "ok" as const,
  elapsedMs: 1_500,
  expectedMs: 1_500,
  nowMs: T0,
  ...parts,
});

describe("local picker", () => {
  test("spreads evenly over equals", () => {
    for (const id of candidates) expect(shares(createLocalPicker())[id]).toBeCloseTo(0.25, 1);
  });

  test("never picks the worst while there is another, and does not herd on the best", () => {
    const picker = createLocalPicker();
    picker.ended(end("d", { elapsedMs: 9_000 }));
    picker.ended(end("a", { elapsedMs: 500 }));
    const picked = shares(picker);
    expect(picked.d).toBeUndefined();
    expect(picked.a).toBeCloseTo(0.5, 1);
    expect(picked.b).toBeGreaterThan(0.15);
  });

  test("counts what it has in flight itself, and gives it back", () => {
    const picker = createLocalPicker();
    for (const id of ["a", "b", "c"]) picker.started(id);
    expect(shares(picker).d).toBeCloseTo(0.5, 1);
    picker.started("d");
    picker.ended(end("a", { result: "ignored" }));
    expect(shares(picker).a).toBeCloseTo(0.5, 1);
  });

  test("takes a peak at once and forgets it over 90 s", () => {
    const picker = createLocalPicker();
    for (const id of candidates) picker.ended(end(id));
    picker.ended(end("a", { elapsedMs: 15_000 }));
    expect(shares(picker).a).toBeUndefined();
    picker.ended(end("a", { nowMs: T0 + 1_000 }));
    expect(shares(picker, { nowMs: T0 + 1_000 }).a).toBeUndefined();
    for (let s = 2; s <= 600; s += 2) for (const id of candidates) picker.ended(end(id, { nowMs: T0 + s * 1_000 }));
    // The others are busy once: what is still remembered as ten times as dear would not be picked even so.
    for (const id of ["b", "c", "d"]) picker.started(id);
    expect(shares(picker, { nowMs: T0 + 600_000 }).a).toBeCloseTo(0.5, 1);
  });

  test("takes an unknown endpoint for what the catalogue expects, so that a new one is not flooded", () => {
    const picker = createLocalPicker();
    for (const id of ["a", "b", "c"]) picker.ended(end(id, { elapsedMs: 1_400 }));
    expect(shares(picker).d ?? 0).toBeLessThan(0.1);
  });

  test("leaves out what failed three times in a row, for 15 s or until a success", () => {
    const picker = createLocalPicker();
    picker.ended(end("a", { result: "failed" }));
    picker.ended(end("a", { result: "failed" }));
    expect(shares(picker).a).toBeGreaterThan(0.1);
    picker.ended(end("a", { result: "failed" }));
    expect(shares(picker).a).toBeUndefined();
    expect(shares(picker, { nowMs: T0 + 15_000 }).a).toBeGreaterThan(0.1);
    picker.ended(end("a"));
    expect(shares(picker).a).toBeGreaterThan(0.1);
  });

  test("believes states of a view up to a minute old, and counts up to five seconds", () => {
    const view = {
      atMs: T0,
      endpoints: [shown("a", { state: "open" }), shown("b", { inUse: 9 }), shown("c"), shown("d")],
    };
    const fresh = shares(createLocalPicker(), { view, nowMs: T0 + 5_000 });
    expect([fresh.a, fresh.b]).toEqual([undefined, undefined]);
    const stale = shares(createLocalPicker(), { view, nowMs: T0 + 5_001 });
    expect(stale.a).toBeUndefined();
    expect(stale.b).toBeGreaterThan(0.2);
    expect(shares(createLocalPicker(), { view, nowMs: T0 + 60_001 }).a).toBeGreaterThan(0.2);
  });

  test("holds back what a throttle holds back, and weighs slow ones down", () => {
    const view = {
      atMs: T0,
      endpoints: [shown("a", { notBeforeMs: T0 + 2_000 }), shown("b", { weight: 0.25 }), shown("c"), shown("d")],
    };
    const picked = shares(createLocalPicker(), { view });
    expect([picked.a, picked.b]).toEqual([undefined, undefined]);
  });

  test("still picks one when all are ejected, but never one that is out", () => {
    const all = (state: PickerEndpoint["state"]) => ({
      atMs: T0,
      endpoints: candidates.map((id) => shown(id, { state })),
    });
    expect(shares(createLocalPicker(), { view: all("open") }).none).toBeUndefined();
    expect(shares(createLocalPicker(), { view: all("out") }).none).toBeCloseTo(1, 6);
    expect(shares(createLocalPicker(), { avoid: ["a", "b", "c"] }).d).toBeCloseTo(1, 6);
  });

  test("picks none of the unwell while another leg can serve", () => {
    const picker = createLocalPicker();
    for (let count = 0; count < 3; count += 1) picker.ended(end("a", { result: "failed" }));
    const only = { candidates: ["a"], avoid: [], expectedMs: 1_500, nowMs: T0 };
    expect(picker.pick({ ...only, elsewhere: true }, seeded(1))).toBeUndefined();
    expect(picker.pick(only, seeded(1))).toBe("a");
  });
});

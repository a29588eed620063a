import { describe, expect, test } from "vitest";
import { quantileOf } from "../../routing/scheduler/sketch.ts";
import {
  emptyWindowedSketch,
  fromStoredWindow,
  LONG_HALF_LIFE_MS,
  memoryWith,
  quotedQuantile,
  recordValue,
  rollForward,
  samplesNeeded,
  toStoredWindow,
} from "../../routing/scheduler/windowed-sketch.ts";
import { T0 } from "./support.ts";

/** A bucket boundary, so that ages are exact. */
const START = Math.ceil(T0 / 10_000) * 10_000;

const filled = (count: number, ms: number, nowMs = START) => {
  const windowed = emptyWindowedSketch(nowMs);
  for (let index = 0; index < count; index += 1) recordValue(windowed, ms, nowMs);
  return windowed;
};

describe("windowed sketch", () => {
  test("needs ten over one minus q samples", () => {
    expect([0.5, 0.75, 0.9, 0.95, 0.99].map(samplesNeeded)).toEqual([20, 40, 100, 200, 1_000]);
  });

  test("quotes from the samples that the rule asks for, and not from one fewer", () => {
    expect(quotedQuantile(filled(19, 900), 0.5, START)).toBeUndefined();
    expect(quotedQuantile(filled(20, 900), 0.5, START)).toBeCloseTo(900, -2);
    expect(quotedQuantile(filled(199, 900), 0.95, START)).toBeUndefined();
    expect(quotedQuantile(filled(200, 900), 0.95, START)).toBeDefined();
  });

  test("keeps a value in the window for 50 to 60 s, and longer in the long memory", () => {
    const windowed = filled(100, 900);
    rollForward(windowed, START + 59_999);
    expect(windowed.recent.total).toBe(100);
    rollForward(windowed, START + 60_000);
    expect(windowed.recent.total).toBe(0);
    expect(windowed.long.total).toBeGreaterThan(90);
  });

  test("halves the long memory in 600 s", () => {
    const windowed = filled(1_000, 900);
    rollForward(windowed, START + LONG_HALF_LIFE_MS);
    expect(windowed.long.total).toBeCloseTo(500, 0);
  });

  test("answers from the window when that holds enough, so that a change shows within it", () => {
    const windowed = filled(1_000, 500);
    for (let index = 0; index < 100; index += 1) recordValue(windowed, 4_000, START + 120_000);
    expect(quotedQuantile(windowed, 0.5, START + 120_000)! / 4_000).toBeCloseTo(1, 1);
    expect(quantileOf(windowed.long, 0.5)! / 500).toBeCloseTo(1, 1);
  });

  test("answers from the long memory when the window is sparse", () => {
    const windowed = filled(300, 500);
    recordValue(windowed, 4_000, START + 120_000);
    expect(quotedQuantile(windowed, 0.5, START + 120_000)! / 500).toBeCloseTo(1, 1);
    expect(memoryWith(windowed, 100_000, START + 120_000)).toBeUndefined();
  });

  test("survives a clock that is set back: the future is forgotten, nothing is counted twice", () => {
    const windowed = filled(50, 500, START + 3_600_000);
    for (let index = 0; index < 30; index += 1) recordValue(windowed, 700, START);
    expect(windowed.recent.total).toBe(30);
    expect(windowed.long.total).toBe(80);
    rollForward(windowed, START + 60_000);
    expect(windowed.recent.total).toBe(0);
  });

  test("goes through JSON with what it knows, and expires as before", () => {
    const windowed = filled(200, 900);
    const back = fromStoredWindow(JSON.parse(JSON.stringify(toStoredWindow(windowed, START))), START + 5_000);
    expect(quotedQuantile(back, 0.95, START + 5_000)).toBe(quotedQuantile(windowed, 0.95, START));
    rollForward(back, START + 60_000);
    expect(back.recent.total).toBe(0);
    expect(back.long.total).toBeGreaterThan(180);
  });
});

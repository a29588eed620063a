import { describe, expect, test } from "vitest";
import { recordSuccess, recordThrottle, type Slots, slotCount, slotsOf } from "../../routing/scheduler/slots.ts";
import { T0 } from "./support.ts";

const adaptive = (initial: number, max = 16): Slots => slotsOf({ kind: "adaptive", initial, max });
const throttled = (slots: Slots, nowMs: number, grantedAtMs = nowMs - 1_000): Slots =>
  recordThrottle(slots, { nowMs, grantedAtMs });
const after = (slots: Slots, successes: number): Slots =>
  Array.from({ length: successes }).reduce<Slots>((former) => recordSuccess(former), slots);

describe("slots", () => {
  test("of our own GPUs are what is stated, whatever happens", () => {
    const known = slotsOf({ kind: "known", slots: 4 });
    expect(slotCount(throttled(known, T0))).toBe(4);
    expect(slotCount(after(known, 100))).toBe(4);
  });

  test("of a third party grow by one for ten successes, up to the stated most", () => {
    expect(slotCount(after(adaptive(4), 9))).toBe(4);
    expect(slotCount(after(adaptive(4), 10))).toBe(5);
    expect(slotCount(after(adaptive(4), 10_000))).toBe(16);
  });

  test("shrink to four fifths with a throttle, never below one", () => {
    expect(slotCount(throttled(adaptive(10), T0))).toBe(8);
    let slots = adaptive(10);
    for (let step = 0; step < 50; step += 1) slots = throttled(slots, T0 + step * 10_000);
    expect(slotCount(slots)).toBe(1);
    expect(slotCount(after(slots, 10))).toBe(2);
  });

  test("hear a burst of throttles of the same moment once", () => {
    let slots = adaptive(10);
    for (let step = 0; step < 9; step += 1) slots = throttled(slots, T0 + step, T0 - 1_000);
    expect(slotCount(slots)).toBe(8);
    expect(slotCount(throttled(slots, T0 + 2_000, T0 + 500))).toBe(6);
  });

  test("keep what was learned when the configuration is laid anew, within its bounds", () => {
    const learned = after(adaptive(4), 40);
    expect(slotCount(slotsOf({ kind: "adaptive", initial: 4, max: 16 }, learned))).toBe(8);
    expect(slotCount(slotsOf({ kind: "adaptive", initial: 4, max: 6 }, learned))).toBe(6);
    expect(slotCount(slotsOf({ kind: "known", slots: 2 }, learned))).toBe(2);
  });
});

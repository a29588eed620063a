import { describe, expect, test } from "vitest";
import type { SchedulerMachine } from "../../routing/scheduler/machine.ts";
import { measuredIn } from "../../routing/scheduler/measured.ts";
import { anAsk, anOutcome, BROKEN, failed, machineOf, regionOf, T0 } from "./support.ts";

const MEGAPIXEL = 1_024 * 1_024;
const two = () => machineOf(regionOf({ a: {}, b: {} }));
const typical = { model: "sd35-medium", pixels: MEGAPIXEL, steps: undefined };

/** Ended attempts at an endpoint, all alike. */
function feed(machine: SchedulerMachine, endpoint: string, count: number, elapsedMs: number): void {
  machine.reserve(anAsk({ candidates: [] }), T0);
  for (let index = 0; index < count; index += 1) machine.release("none", anOutcome({ elapsedMs }), T0, endpoint);
}

describe("measured times", () => {
  test("are those of the slowest endpoint that is chosen from", () => {
    const machine = two();
    feed(machine, "a", 60, 900);
    feed(machine, "b", 60, 1_200);
    const times = measuredIn(machine.view(), typical);
    expect(times?.q50Ms).toBeGreaterThan(1_150);
    expect(times?.q50Ms).toBeLessThan(1_250);
    expect(times?.q75Ms).toBeGreaterThanOrEqual(times?.q50Ms ?? 0);
    expect(times?.q95Ms).toBeGreaterThanOrEqual(times?.q75Ms ?? 0);
  });

  test("are not given for fewer than fifty samples", () => {
    const machine = two();
    feed(machine, "a", 49, 900);
    expect(measuredIn(machine.view(), typical)).toBeUndefined();
    feed(machine, "a", 1, 900);
    expect(measuredIn(machine.view(), typical)).toBeDefined();
  });

  test("are given for the pool's typical work only", () => {
    const machine = two();
    feed(machine, "a", 60, 900);
    const view = machine.view();
    expect(measuredIn(view, { ...typical, pixels: 4 * MEGAPIXEL })).toBeUndefined();
    expect(measuredIn(view, { ...typical, steps: 28 })).toBeUndefined();
    expect(measuredIn(view, { ...typical, model: "nano-banana" })).toBeUndefined();
  });

  test("leave out an endpoint that is ejected, and one that is found slow while others are not", () => {
    const machine = two();
    feed(machine, "a", 60, 900);
    feed(machine, "b", 60, 6_000);
    machine.tick(T0);
    expect(measuredIn(machine.view(), typical)?.q50Ms).toBeLessThan(1_000);
    for (let index = 0; index < 3; index += 1) machine.release("none", failed(BROKEN), T0, "a");
    expect(measuredIn(machine.view(), typical)?.q50Ms).toBeGreaterThan(5_000);
  });
});

import { describe, expect, test } from "vitest";
import type { Ask } from "../../routing/scheduler/contract.ts";
import type { SchedulerMachine } from "../../routing/scheduler/machine.ts";
import { anAsk, anOutcome, BROKEN, failed, machineOf, refused, regionOf, seeded, T0 } from "./support.ts";

const preview = (nowMs: number, parts: Partial<Ask> = {}): Ask =>
  anAsk({ policy: "fast-preview", deadlineAtMs: nowMs + 8_000, ...parts });

/** Says that work at `a` takes `elapsedMs` now, in forty fresh samples. */
function slowDown(machine: SchedulerMachine, elapsedMs: number, nowMs: number): void {
  for (let index = 0; index < 40; index += 1) machine.release("none", anOutcome({ elapsedMs }), nowMs, "a");
}

/** A machine whose previews take nine seconds, sent down since `T0 + 10 s`. */
function sentDown(random = seeded(1)): SchedulerMachine {
  const machine = machineOf(regionOf({ a: {} }), random);
  const first = machine.reserve(preview(T0), T0).answer;
  if (first.kind === "granted") machine.abandon(first.lease.id, T0);
  slowDown(machine, 9_000, T0);
  for (const ms of [0, 5_000, 10_000]) machine.tick(T0 + ms);
  return machine;
}

const isDown = (machine: SchedulerMachine): boolean =>
  machine.view().pools.some((pool) => pool.downgraded.includes("fast-preview"));

describe("a tier that is too slow", () => {
  test("sends previews down after three bad ticks", () => {
    const machine = machineOf(regionOf({ a: {} }));
    machine.reserve(preview(T0), T0);
    slowDown(machine, 9_000, T0);
    machine.tick(T0);
    machine.tick(T0 + 5_000);
    expect(isDown(machine)).toBe(false);
    machine.tick(T0 + 10_000);
    expect(isDown(machine)).toBe(true);
  });

  test("asks to be woken for its ticks while previews come", () => {
    const machine = machineOf(regionOf({ a: {} }));
    const { answer, effects } = machine.reserve(preview(T0), T0);
    expect(effects.nextWakeAtMs).toBe(T0 + 5_000);
    if (answer.kind === "granted") machine.abandon(answer.lease.id, T0);
    expect(machine.tick(T0 + 5_000).nextWakeAtMs).toBe(T0 + 10_000);
    expect(machine.tick(T0 + 120_000).nextWakeAtMs).toBeUndefined();
  });

  test("is tried by a fiftieth of those that it would make late, while a slot is free and another leg can save them", () => {
    const machine = machineOf(regionOf({ a: {} }), seeded(5));
    machine.reserve(preview(T0, { candidates: [] }), T0);
    slowDown(machine, 9_000, T0);
    const granted = (parts: Partial<Ask>) => {
      let count = 0;
      for (let index = 0; index < 3_000; index += 1) {
        const { answer } = machine.reserve(preview(T0, parts), T0);
        if (answer.kind !== "granted") continue;
        count += 1;
        machine.abandon(answer.lease.id, T0);
      }
      return count / 3_000;
    };
    expect(granted({ elsewhere: true })).toBeCloseTo(0.02, 2);
    expect(granted({ elsewhere: false })).toBe(0);
    expect(granted({ elsewhere: true, kind: "fallback" })).toBe(0);
    expect(granted({ elsewhere: true, priority: "automation" })).toBe(0);
    for (const requestId of ["1", "2"])
      machine.report(
        { isolateId: "i", started: [{ id: requestId, endpoint: "a", ask: preview(T0), startedAtMs: T0 }], ended: [] },
        T0,
      );
    expect(granted({ elsewhere: true })).toBe(0);
  });

  test("sends first previews down only, and only where the chain leads anywhere", () => {
    const machine = sentDown(() => 0.5);
    const nowMs = T0 + 10_001;
    const roomy = { deadlineAtMs: nowMs + 60_000 };
    expect(refused(machine.reserve(preview(nowMs, roomy), nowMs).answer).why).toBe("predicted_late");
    expect(machine.reserve(preview(nowMs, { ...roomy, elsewhere: false }), nowMs).answer.kind).toBe("granted");
    expect(machine.reserve(preview(nowMs, { ...roomy, kind: "fallback" }), nowMs).answer.kind).toBe("granted");
  });

  test("keeps a fiftieth of them on the upper tier", () => {
    const machine = sentDown(seeded(3));
    let kept = 0;
    for (let index = 0; index < 5_000; index += 1) {
      const nowMs = T0 + 10_001;
      const { answer } = machine.reserve(preview(nowMs, { deadlineAtMs: nowMs + 60_000 }), nowMs);
      if (answer.kind !== "granted") continue;
      kept += 1;
      machine.abandon(answer.lease.id, nowMs);
    }
    expect(kept / 5_000).toBeGreaterThan(0.012);
    expect(kept / 5_000).toBeLessThan(0.03);
  });

  test("takes them back after twelve good ticks", () => {
    const machine = sentDown();
    for (let tick = 1; tick <= 12; tick += 1) {
      expect(isDown(machine)).toBe(true);
      const nowMs = T0 + 80_000 + tick * 5_000;
      slowDown(machine, 1_500, nowMs);
      machine.tick(nowMs);
    }
    expect(isDown(machine)).toBe(false);
  });

  test("holds its state while no endpoint is healthy: ejection decides then", () => {
    const machine = sentDown();
    for (let index = 0; index < 3; index += 1) machine.release("none", failed(BROKEN), T0 + 11_000, "a");
    for (let tick = 0; tick < 3; tick += 1) machine.tick(T0 + 15_000 + tick * 5_000);
    expect(isDown(machine)).toBe(true);
    const rising = machineOf(regionOf({ a: {} }), () => 0.5);
    rising.reserve(preview(T0), T0);
    slowDown(rising, 9_000, T0);
    rising.tick(T0);
    rising.tick(T0 + 5_000);
    for (let index = 0; index < 3; index += 1) rising.release("none", failed(BROKEN), T0 + 6_000, "a");
    rising.tick(T0 + 10_000);
    rising.look("a", { ok: false, reason: "pin_mismatch" }, T0 + 11_000);
    rising.look("a", { ok: true }, T0 + 11_000);
    rising.tick(T0 + 15_000);
    expect(isDown(rising)).toBe(true);
  });
});

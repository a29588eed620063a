import { describe, expect, test } from "vitest";
import type { Downgrade } from "../../routing/config/snapshot.ts";
import { goesDown, stepTrigger, type Trigger, UP } from "../../routing/scheduler/downgrade.ts";
import { seeded, T0 } from "./support.ts";

const thresholds: Downgrade = {
  enterAt: 1,
  enterTicks: 3,
  leaveAt: 0.7,
  leaveTicks: 12,
  tickMs: 5_000,
  dwellMs: 30_000,
  keepUpper: 0.02,
};

/** One step a tick for each ratio. */
const run = (ratios: readonly number[], from: Trigger = UP, startMs = T0): Trigger[] => {
  const states: Trigger[] = [];
  ratios.reduce<Trigger>((former, ratio, index) => {
    const next = stepTrigger(former, ratio, thresholds, startMs + index * 5_000);
    states.push(next);
    return next;
  }, from);
  return states;
};

describe("downgrade trigger", () => {
  test("enters with the third bad tick in a row", () => {
    expect(run([1.2, 1.2, 1.2]).map((state) => state.down)).toEqual([false, false, true]);
    expect(run([1.2, 1.2, 1, 1.2, 1.2]).some((state) => state.down)).toBe(false);
  });

  test("leaves with the twelfth good tick in a row", () => {
    const down = run([1.2, 1.2, 1.2]).at(-1)!;
    const states = run(new Array(12).fill(0.6), down, T0 + 15_000);
    expect(states.map((state) => state.down).indexOf(false)).toBe(11);
    expect(run([...new Array(11).fill(0.6), 0.7, 0.6], down, T0 + 15_000).every((state) => state.down)).toBe(true);
  });

  test("counts no more than one tick in five seconds, however often it is asked", () => {
    let trigger = UP;
    for (let ms = 0; ms < 9_999; ms += 100) trigger = stepTrigger(trigger, 9, thresholds, T0 + ms);
    expect(trigger).toMatchObject({ down: false, streak: 2 });
  });

  test("changes at most once a dwell, whatever the load does", () => {
    const random = seeded(9);
    const hasty = { ...thresholds, leaveTicks: 1, enterTicks: 1 };
    let trigger = UP;
    let changedAtMs: number | undefined;
    let changes = 0;
    for (let tick = 0; tick < 5_000; tick += 1) {
      const nowMs = T0 + tick * 5_000;
      const next = stepTrigger(trigger, random() < 0.5 ? 1.5 : 0.3, hasty, nowMs);
      if (next.down !== trigger.down) {
        if (changedAtMs !== undefined) expect(nowMs - changedAtMs).toBeGreaterThanOrEqual(30_000);
        changedAtMs = nowMs;
        changes += 1;
      }
      trigger = next;
    }
    expect(changes).toBeGreaterThan(100);
  });

  test("keeps a fiftieth on the upper tier while down, and all of it while up", () => {
    const random = seeded(6);
    const down = { ...UP, down: true };
    const up = Array.from({ length: 10_000 }, () => goesDown(down, thresholds, random())).filter(
      (sent) => !sent,
    ).length;
    expect(up / 10_000).toBeGreaterThan(0.015);
    expect(up / 10_000).toBeLessThan(0.025);
    expect(goesDown(UP, thresholds, 0.99)).toBe(false);
  });
});

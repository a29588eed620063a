import { describe, expect, test } from "vitest";
import { createScheduler, type SchedulerMachine } from "../../routing/scheduler/machine.ts";
import {
  anAsk,
  anOutcome,
  BROKEN,
  endpointView,
  failed,
  granted,
  machineOf,
  queued,
  regionOf,
  seeded,
  T0,
} from "./support.ts";

const snapshot = regionOf({ a: {}, b: {} });

/** The machine as it goes on after a restart at `nowMs`. */
function restarted(machine: SchedulerMachine, nowMs: number): SchedulerMachine {
  const next = createScheduler({ place: "weur", random: seeded(99) }, JSON.parse(JSON.stringify(machine.checkpoint())));
  next.configure(snapshot, nowMs);
  return next;
}

describe("checkpoint", () => {
  test("leases survive a restart: they are released, or expire", () => {
    const machine = machineOf(snapshot);
    const released = granted(machine.reserve(anAsk({ timeoutMs: 4_000 }), T0).answer);
    const lost = granted(machine.reserve(anAsk({ timeoutMs: 4_000 }), T0).answer);
    const next = restarted(machine, T0 + 1_000);
    expect(endpointView(next, "a").inUse + endpointView(next, "b").inUse).toBe(2);
    next.release(released.id, anOutcome(), T0 + 1_500);
    expect(next.tick(T0 + 8_000).expired).toEqual([lost.id]);
    expect(endpointView(next, "a").inUse + endpointView(next, "b").inUse).toBe(0);
  });

  test("so do ejections, learned times, budgets and counts", () => {
    const machine = machineOf(snapshot);
    for (let index = 0; index < 30; index += 1) machine.release("none", anOutcome({ elapsedMs: 900 }), T0, "b");
    for (let index = 0; index < 3; index += 1) machine.release("none", failed(BROKEN), T0, "a");
    for (let index = 0; index < 12; index += 1) machine.abandon(granted(machine.reserve(anAsk(), T0).answer).id, T0);
    const next = restarted(machine, T0 + 1);
    expect(endpointView(next, "a")).toMatchObject({ state: "open", outcomes: { upstream_error: 3 } });
    expect(endpointView(next, "b")).toMatchObject({ source: "endpoint", q50Ms: endpointView(machine, "b").q50Ms });
    expect(next.view().budget).toEqual(machine.view().budget);
    expect(next.view().counters).toEqual(machine.view().counters);
  });

  test("tickets do not, and new ids are not those of the former life", () => {
    const machine = machineOf(snapshot);
    const ids = Array.from({ length: 4 }, () => granted(machine.reserve(anAsk(), T0).answer).id);
    queued(machine.reserve(anAsk(), T0).answer);
    const next = restarted(machine, T0 + 1);
    expect(next.release(ids[0]!, anOutcome(), T0 + 2).grants).toEqual([]);
    expect(ids).not.toContain(granted(next.reserve(anAsk(), T0 + 3).answer).id);
  });

  test("of another place or schema is not read", () => {
    const machine = machineOf(snapshot);
    granted(machine.reserve(anAsk(), T0).answer);
    const checkpoint = machine.checkpoint();
    for (const wrong of [
      { ...checkpoint, place: "enam" },
      { ...checkpoint, schema: 99 as 1 },
    ]) {
      const next = createScheduler({ place: "weur", random: seeded(1) }, wrong);
      next.configure(snapshot, T0);
      expect(next.view().leases).toBe(0);
    }
  });

  test("stays small however much was seen", () => {
    const machine = machineOf(snapshot);
    const random = seeded(3);
    for (let index = 0; index < 20_000; index += 1) {
      const elapsedMs = 500 * Math.exp(2 * random());
      machine.release("none", anOutcome({ elapsedMs, steps: 1 + (index % 150) }), T0 + index * 10, "a");
    }
    expect(JSON.stringify(machine.checkpoint()).length).toBeLessThan(128_000);
  });
});

describe("a clock that jumps", () => {
  test("back by an hour locks nothing: leases, ejections and holds end as if they were made now", () => {
    const machine = machineOf(snapshot, () => 0.5);
    granted(machine.reserve(anAsk({ timeoutMs: 4_000 }), T0).answer);
    for (let index = 0; index < 3; index += 1) machine.release("none", failed(BROKEN), T0, "b");
    machine.release("none", failed({ reason: "overloaded", status: 429, retryAfterMs: 60_000 }), T0, "a");
    const back = T0 - 3_600_000;
    machine.tick(back);
    machine.tick(back + 8_000);
    expect(machine.view().leases).toBe(0);
    machine.tick(back + 121_000);
    expect(endpointView(machine, "a").free).toBe(2);
    machine.tick(back + 361_000);
    expect(endpointView(machine, "b").state).toBe("half-open");
  });

  test("back by a little is taken as standing still", () => {
    const machine = machineOf(snapshot);
    granted(machine.reserve(anAsk({ timeoutMs: 4_000 }), T0).answer);
    machine.tick(T0 - 1_000);
    expect(machine.tick(T0 + 8_000).expired).toHaveLength(1);
    expect(machine.view().counters.clock_jump).toBeUndefined();
  });

  test("forward by an hour ends what was pending, once", () => {
    const machine = machineOf(snapshot);
    for (let index = 0; index < 5; index += 1) machine.reserve(anAsk({ requestId: `r${index}` }), T0);
    const { expired, dropped, grants } = machine.tick(T0 + 3_600_000);
    expect([expired.length, dropped.length, grants.length]).toEqual([4, 1, 0]);
  });
});

import { describe, expect, test } from "vitest";
import type { Outcome } from "../../routing/scheduler/contract.ts";
import type { SchedulerMachine } from "../../routing/scheduler/machine.ts";
import { anAsk, anOutcome, endpointView, failed, granted, machineOf, refused, regionOf, T0 } from "./support.ts";

/** One attempt at `a`, begun and ended; what was predicted for it. */
function attempt(machine: SchedulerMachine, nowMs: number, outcome: Partial<Outcome> = {}) {
  const lease = granted(machine.reserve(anAsk({ deadlineAtMs: nowMs + 60_000 }), nowMs).answer);
  const { elapsedMs } = anOutcome(outcome);
  machine.release(lease.id, anOutcome(outcome), nowMs + elapsedMs);
  return lease.predicted;
}

const one = () => machineOf(regionOf({ a: {} }));

describe("prediction learns", () => {
  test("the steady error of an endpoint, before there are samples enough to quote a median", () => {
    const machine = one();
    for (let index = 0; index < 12; index += 1) attempt(machine, T0 + index * 5_000, { elapsedMs: 2_400 });
    expect(endpointView(machine, "a")).toMatchObject({ source: "catalogue", biasMs: 900, biasAlarm: true });
    expect(attempt(machine, T0 + 60_000).serviceMs).toBe(2_400);
  });

  test("no error of the catalogue's guess into a median that was measured", () => {
    const machine = one();
    for (let index = 0; index < 25; index += 1) attempt(machine, T0 + index * 5_000, { elapsedMs: 700 });
    expect(endpointView(machine, "a").source).toBe("endpoint");
    expect(Math.abs(endpointView(machine, "a").biasMs)).toBeLessThan(50);
    expect(attempt(machine, T0 + 300_000).serviceMs / 700).toBeCloseTo(1, 1);
  });

  test("the round trip from what the endpoint reports of itself, apart from the service time", () => {
    const machine = one();
    for (let index = 0; index < 30; index += 1)
      attempt(machine, T0 + index * 5_000, { elapsedMs: 1_900, serviceMs: 1_500, queueMs: 100 });
    expect(endpointView(machine, "a").rttMs).toBe(300);
    expect(endpointView(machine, "a").q50Ms / 1_500).toBeCloseTo(1, 1);
  });

  test("what the first attempt after a long rest costs, and expects it only then", () => {
    const machine = one();
    attempt(machine, T0 + 300_000, { elapsedMs: 13_500 });
    expect(attempt(machine, T0 + 320_000).serviceMs).toBe(1_500);
    expect(attempt(machine, T0 + 600_000, { elapsedMs: 13_500 }).serviceMs).toBe(13_500);
    expect(endpointView(machine, "a").biasMs).toBe(0);
  });

  test("how much a third party takes: fewer slots after a throttle, more after successes", () => {
    const machine = machineOf(regionOf({ a: { concurrency: { kind: "adaptive", initial: 5, max: 8 } } }));
    const lease = granted(machine.reserve(anAsk(), T0).answer);
    machine.release(lease.id, failed({ reason: "overloaded", status: 429, retryAfterMs: 100 }), T0 + 50);
    expect(endpointView(machine, "a").slots).toBe(4);
    for (let index = 0; index < 10; index += 1) attempt(machine, T0 + 1_000 + index * 2_000);
    expect(endpointView(machine, "a").slots).toBe(5);
  });
});

describe("a slow spell", () => {
  /** A thousand pictures that took nine seconds: eight are too few from then on. */
  const slow = () => {
    const machine = one();
    for (let index = 0; index < 1_000; index += 1) machine.release("none", anOutcome({ elapsedMs: 9_000 }), T0, "a");
    return machine;
  };
  const preview = (machine: SchedulerMachine, nowMs: number) =>
    machine.reserve(anAsk({ deadlineAtMs: nowMs + 8_000 }), nowMs).answer;

  test("is believed while attempts confirm it: one a minute is let through, one at a time", () => {
    const machine = slow();
    expect(refused(preview(machine, T0 + 59_999)).why).toBe("predicted_late");
    const { id } = granted(preview(machine, T0 + 60_000));
    expect(refused(preview(machine, T0 + 60_001)).why).toBe("predicted_late");
    machine.release(id, failed({ reason: "timed_out", timeoutMs: 8_000, phase: "headers" }, 8_000), T0 + 68_000);
    expect(refused(preview(machine, T0 + 127_999)).why).toBe("predicted_late");
    expect(preview(machine, T0 + 128_000).kind).toBe("granted");
  });

  test("is forgotten within a minute of the first attempt that is quick again", () => {
    const machine = slow();
    let nowMs = T0 + 60_000;
    for (; nowMs < T0 + 120_000; nowMs += 1_500) {
      const answer = preview(machine, nowMs);
      if (answer.kind === "granted") machine.release(answer.lease.id, anOutcome(), nowMs + 1_500);
    }
    expect([1, 2].map(() => preview(machine, nowMs).kind)).toEqual(["granted", "granted"]);
  });
});

describe("a hedge's alternative", () => {
  test("is never a sibling that tends to fail together with the first attempt's endpoint", () => {
    const hedge = { afterQuantile: 0.95, budget: 0.05 };
    const hedgeAfterMs = (domain: string) => {
      const policies = { "fast-preview": { hedge } };
      const machine = machineOf(regionOf({ a: { failureDomain: "one" }, b: { failureDomain: domain } }, { policies }));
      const ask = anAsk({ policy: "fast-preview", candidates: ["a"] });
      for (let index = 0; index < 120; index += 1) {
        const { id } = granted(machine.reserve(ask, T0).answer);
        machine.release(id, anOutcome({ elapsedMs: index < 4 ? 2_800 : 1_500 }), T0);
      }
      for (let index = 0; index < 20; index += 1) machine.release("none", anOutcome({ elapsedMs: 300 }), T0, "b");
      return granted(machine.reserve(ask, T0).answer).hedgeAfterMs;
    };
    // A quick sibling would make 1.3 s of tail worth saving; another region's endpoint, as slow as this one, does not.
    expect(hedgeAfterMs("two")).toBeDefined();
    expect(hedgeAfterMs("one")).toBeUndefined();
  });
});

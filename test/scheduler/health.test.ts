import { describe, expect, test } from "vitest";
import type { AttemptFailure } from "../../routing/failure/index.ts";
import type { Ask } from "../../routing/scheduler/contract.ts";
import type { SchedulerMachine } from "../../routing/scheduler/machine.ts";
import { aSnapshot } from "../support/snapshot.ts";
import {
  anAsk,
  anOutcome,
  BROKEN,
  endpointView,
  failed,
  granted,
  machineOf,
  refused,
  regionOf,
  seeded,
  T0,
} from "./support.ts";

const ask = (machine: SchedulerMachine, parts: Partial<Ask> = {}, nowMs = T0) =>
  machine.reserve(anAsk({ deadlineAtMs: nowMs + 8_000, ...parts }), nowMs).answer;

/** Three failures in a row at an endpoint, without taking slots. */
function break3(machine: SchedulerMachine, endpoint: string, nowMs = T0, failure: AttemptFailure = BROKEN): void {
  for (let index = 0; index < 3; index += 1) machine.release("none", failed(failure), nowMs, endpoint);
}

/** Chance 0.5: an open breaker stays open for exactly 15 s. */
const plainRegion = (ids: readonly string[]) =>
  machineOf(regionOf(Object.fromEntries(ids.map((id) => [id, {}]))), () => 0.5);

describe("an ejected endpoint", () => {
  test("gets no work while a sibling is well", () => {
    const machine = plainRegion(["a", "b", "c"]);
    break3(machine, "a");
    expect(endpointView(machine, "a")).toMatchObject({ state: "open", reason: "consecutive", untilMs: T0 + 15_000 });
    const picked = Array.from({ length: 4 }, () => granted(ask(machine)).endpoint);
    expect(picked).not.toContain("a");
  });

  test("gets one probe at a time when its time is over, then comes back in steps", () => {
    const machine = plainRegion(["a", "b", "c"]);
    break3(machine, "a");
    const at = T0 + 15_000;
    const probe = granted(ask(machine, {}, at));
    expect(probe).toMatchObject({ endpoint: "a", probe: true });
    for (let index = 0; index < 4; index += 1) expect(granted(ask(machine, {}, at)).endpoint).not.toBe("a");
    machine.release(probe.id, anOutcome(), at + 1_500);
    const second = granted(ask(machine, {}, at + 1_500));
    expect(second).toMatchObject({ endpoint: "a", probe: true });
    machine.release(second.id, anOutcome(), at + 3_000);
    machine.tick(at + 3_000);
    expect(endpointView(machine, "a")).toMatchObject({ state: "slow-start", slots: 2, usable: 1 });
    machine.tick(at + 63_000);
    expect(endpointView(machine, "a")).toMatchObject({ state: "closed", usable: 2 });
  });

  test("is probed by first attempts with time for a fallback, not by hedges or by those in a hurry", () => {
    const machine = plainRegion(["a", "b", "c"]);
    break3(machine, "a");
    const at = T0 + 15_000;
    expect(granted(ask(machine, { kind: "fallback" }, at)).endpoint).not.toBe("a");
    expect(granted(ask(machine, { deadlineAtMs: at + 3_000 }, at)).endpoint).not.toBe("a");
    expect(granted(ask(machine, { kind: "probe" }, at))).toMatchObject({ endpoint: "a", probe: true });
    expect(refused(ask(machine, { kind: "probe" }, at)).why).toBe("no_endpoint");
  });

  test("is free for the next probe when the first one was abandoned, cancelled or lost", () => {
    const machine = plainRegion(["a", "b"]);
    break3(machine, "a");
    const at = T0 + 15_000;
    const next = (nowMs: number) => granted(ask(machine, { timeoutMs: 4_000 }, nowMs));
    const abandoned = next(at);
    machine.abandon(abandoned.id, at + 10);
    const cancelled = next(at + 20);
    machine.release(cancelled.id, failed({ reason: "cancelled", cause: "client_gone" }), at + 30);
    const lost = next(at + 40);
    expect([abandoned.probe, cancelled.probe, lost.probe]).toEqual([true, true, true]);
    expect(next(at + 50).probe).toBe(false);
    machine.tick(at + 40 + 8_000);
    expect(next(at + 40 + 8_000).probe).toBe(true);
  });
});

describe("never zero endpoints", () => {
  test("the last of a model is still given to a request that has nowhere else to go", () => {
    const machine = plainRegion(["a"]);
    break3(machine, "a");
    expect(granted(ask(machine))).toMatchObject({ endpoint: "a", probe: false });
  });

  test("a request with another leg is sent on at once instead, with the time of the next probe", () => {
    const machine = plainRegion(["a"]);
    break3(machine, "a");
    const refusal = refused(ask(machine, { elsewhere: true }));
    expect(refusal.why).toBe("no_endpoint");
    expect(refusal.retryAfterMs).toBeGreaterThanOrEqual(15_000);
  });

  test("a success as a last resort counts as a probe", () => {
    const machine = plainRegion(["a"]);
    break3(machine, "a");
    machine.release(granted(ask(machine, {}, T0 + 1_000)).id, anOutcome(), T0 + 2_500);
    machine.release(granted(ask(machine, {}, T0 + 3_000)).id, anOutcome(), T0 + 4_500);
    expect(endpointView(machine, "a").state).toBe("slow-start");
  });

  test("more than half ejected is panic: ejection is ignored, the least bad is picked, drafts and exports give way", () => {
    const machine = plainRegion(["a", "b", "c"]);
    for (let index = 0; index < 6; index += 1) machine.release("none", anOutcome(), T0, "b");
    break3(machine, "a");
    break3(machine, "b");
    machine.tick(T0);
    expect(machine.view().pools.find((pool) => pool.model === "sd35-medium")?.panic).toBe(true);
    const picked = Array.from({ length: 4 }, () => granted(ask(machine)).endpoint);
    expect(picked.slice(0, 2)).toEqual(["c", "c"]);
    expect(picked.slice(2)).toEqual(["b", "b"]);
    expect(refused(ask(machine, { priority: "automation" })).why).toBe("shed");
    expect(refused(ask(machine, { priority: "export" })).why).toBe("shed");
  });

  test("half ejected is no panic", () => {
    const machine = plainRegion(["a", "b"]);
    break3(machine, "a");
    for (let index = 0; index < 2; index += 1) expect(granted(ask(machine)).endpoint).toBe("b");
    expect(ask(machine).kind).toBe("queued");
  });

  test("holds through any random history of failures", () => {
    const random = seeded(77);
    const machine = machineOf(regionOf({ a: {}, b: {}, c: {} }), random);
    for (let step = 0; step < 3_000; step += 1) {
      const nowMs = T0 + step * 500;
      const endpoint = ["a", "b", "c"][Math.floor(random() * 3)]!;
      machine.release("none", random() < 0.7 ? failed(BROKEN) : anOutcome(), nowMs, endpoint);
      const answer = ask(machine, {}, nowMs);
      expect(answer.kind).toBe("granted");
      if (answer.kind === "granted") machine.abandon(answer.lease.id, nowMs);
    }
  });
});

describe("an endpoint that is out", () => {
  const wrongPin: AttemptFailure = { reason: "pin_mismatch", expected: "x", reported: "y" };
  const gone = () => {
    const machine = plainRegion(["a"]);
    machine.release(granted(ask(machine)).id, failed(wrongPin), T0);
    return machine;
  };

  test("is no resort at all, not even the last one", () => {
    const machine = gone();
    expect(endpointView(machine, "a")).toMatchObject({ state: "out", reason: "pin_mismatch", untilMs: T0 + 15_000 });
    expect(refused(ask(machine)).why).toBe("no_endpoint");
  });

  test("says when a look is due, wakes the machine for it, and comes back by a good one", () => {
    const machine = gone();
    expect(machine.tick(T0 + 1).nextWakeAtMs).toBe(T0 + 15_000);
    expect(machine.looksDue(T0 + 14_999)).toEqual([]);
    expect(machine.looksDue(T0 + 15_000)).toEqual(["a"]);
    machine.look("a", { ok: false, reason: "pin_mismatch" }, T0 + 15_000);
    expect(machine.looksDue(T0 + 15_000)).toEqual([]);
    expect(refused(ask(machine, {}, T0 + 15_000)).why).toBe("no_endpoint");
    machine.look("a", { ok: true }, T0 + 20_000);
    expect(granted(ask(machine, {}, T0 + 20_000)).endpoint).toBe("a");
  });

  test("comes back by a probe where nobody looks", () => {
    const machine = gone();
    const probe = granted(ask(machine, {}, T0 + 15_000));
    expect(probe.probe).toBe(true);
    expect(refused(ask(machine, {}, T0 + 15_000)).why).toBe("no_endpoint");
    machine.release(probe.id, anOutcome(), T0 + 16_500);
    expect(endpointView(machine, "a").state).toBe("slow-start");
  });

  test("starts afresh when the configuration pins another version", () => {
    const machine = gone();
    machine.configure(
      regionOf(
        { a: {} },
        { models: { "sd35-medium": { name: "SD3.5 Medium", pin: "new", expected: { p50Ms: 1_500, p95Ms: 2_200 } } } },
      ),
      T0 + 100,
    );
    expect(granted(ask(machine, {}, T0 + 100)).endpoint).toBe("a");
  });
});

describe("a slow endpoint", () => {
  test("weighs a quarter, is still used when the others are full, and is forgiven in time", () => {
    const machine = plainRegion(["a", "b", "c"]);
    for (let index = 0; index < 8; index += 1) {
      machine.release("none", anOutcome({ elapsedMs: 5_000 }), T0, "a");
      for (const id of ["b", "c"]) machine.release("none", anOutcome({ elapsedMs: 1_500 }), T0, id);
    }
    machine.tick(T0);
    expect(endpointView(machine, "a").weight).toBe(0.25);
    expect(endpointView(machine, "b").weight).toBe(1);
    expect(Array.from({ length: 4 }, () => granted(ask(machine)).endpoint)).not.toContain("a");
    machine.tick(T0 + 300_001);
    expect(endpointView(machine, "a").weight).toBe(1);
  });
});

describe("a new configuration", () => {
  test("keeps what is known of endpoints that stay, and refuses those who wait for a model that is gone", () => {
    const machine = plainRegion(["a", "b"]);
    break3(machine, "a");
    for (let index = 0; index < 4; index += 1) ask(machine, { requestId: `r${index}` });
    const waiting = ask(machine, { requestId: "waits" });
    expect(waiting.kind).toBe("queued");
    machine.configure(regionOf({ a: {}, b: {}, c: {} }), T0 + 1);
    expect(endpointView(machine, "a").state).toBe("open");
    expect(endpointView(machine, "b").inUse).toBe(2);
    const snapshot = aSnapshot({ endpoints: { "weur-sd35-medium": null } });
    const machine2 = plainRegion(["a"]);
    for (let index = 0; index < 3; index += 1) ask(machine2, { requestId: `r${index}` });
    expect(machine2.configure(snapshot, T0 + 1).dropped).toMatchObject([{ refusal: { why: "no_endpoint" } }]);
  });

  test("gives a freed slot to who waits: a new endpoint serves the queue", () => {
    const machine = plainRegion(["a"]);
    for (let index = 0; index < 3; index += 1) ask(machine, { requestId: `r${index}` });
    expect(machine.configure(regionOf({ a: {}, b: {} }), T0 + 1).grants).toMatchObject([{ endpoint: "b" }]);
  });
});

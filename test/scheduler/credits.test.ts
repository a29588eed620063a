import { describe, expect, test } from "vitest";
import type { Ask, Credit } from "../../routing/scheduler/contract.ts";
import { lendable } from "../../routing/scheduler/credits.ts";
import type { SchedulerMachine } from "../../routing/scheduler/machine.ts";
import { anAsk, anOutcome, BROKEN, endpointView, failed, granted, machineOf, regionOf, T0 } from "./support.ts";

const ask = (machine: SchedulerMachine, parts: Partial<Ask> = {}, nowMs = T0) =>
  machine.reserve(anAsk(parts), nowMs).answer;
const four = () => machineOf(regionOf({ a: { concurrency: { kind: "known", slots: 4 } } }));
const creditOf = (machine: SchedulerMachine, isolateId = "i", nowMs = T0): Credit | undefined =>
  machine.credit({ isolateId, model: "sd35-medium", slots: 2 }, nowMs).credit;
const started = (id: string, credit?: Credit, parts: Partial<Ask> = {}) => ({
  id,
  endpoint: "a",
  ...(credit === undefined ? {} : { creditId: credit.id }),
  ask: anAsk({ requestId: id, ...parts }),
  startedAtMs: T0,
});
const ended = (id: string, credit?: Credit, outcome = anOutcome()) => ({
  id,
  endpoint: "a",
  ...(credit === undefined ? {} : { creditId: credit.id }),
  outcome,
});

describe("what may be lent", () => {
  const pool = { free: 8, total: 8, waiting: 0, held: 0, asked: 5 };

  test.each([
    ["at most two slots to an isolate", {}, 2],
    ["no more than is asked", { asked: 1 }, 1],
    ["nothing while anybody waits", { waiting: 1 }, 0],
    ["nothing that would leave less than half free", { free: 4 }, 0],
    ["only what is above half", { free: 5 }, 1],
    ["nothing to an isolate that has its share", { held: 2 }, 0],
  ])("is %s", (_name, parts, slots) => {
    expect(lendable({ ...pool, ...parts })).toBe(slots);
  });
});

describe("a credit", () => {
  test("takes its slots out of what others may have, while there is slack", () => {
    const machine = four();
    const credit = creditOf(machine)!;
    expect(credit).toMatchObject({ endpoint: "a", slots: 2, expiresAtMs: T0 + 5_000 });
    expect(endpointView(machine, "a")).toMatchObject({ inUse: 2, free: 2 });
    expect(creditOf(machine, "j")).toBeUndefined();
    expect(ask(machine).kind).toBe("granted");
    expect(ask(machine).kind).toBe("granted");
    expect(ask(machine).kind).toBe("queued");
  });

  test("is counted once, whether its slot is idle or in use", () => {
    const machine = four();
    const credit = creditOf(machine)!;
    machine.report({ isolateId: "i", started: [started("1", credit)], ended: [] }, T0 + 10);
    expect(endpointView(machine, "a").inUse).toBe(2);
    machine.report({ isolateId: "i", started: [started("1", credit)], ended: [] }, T0 + 20);
    expect(endpointView(machine, "a").inUse).toBe(2);
    machine.report({ isolateId: "i", started: [], ended: [ended("1", credit)] }, T0 + 1_500);
    expect(endpointView(machine, "a")).toMatchObject({ inUse: 2, attempts: 1, failures: 0 });
  });

  test("gives its slots back when it has run out, and what runs on it when that ends", () => {
    const machine = four();
    const credit = creditOf(machine)!;
    machine.report(
      { isolateId: "i", started: [started("1", credit, { timeoutMs: 30_000, deadlineAtMs: T0 + 60_000 })], ended: [] },
      T0 + 10,
    );
    machine.tick(T0 + 5_000 + 2 * 2_200 - 1);
    expect(endpointView(machine, "a").inUse).toBe(2);
    machine.tick(T0 + 5_000 + 2 * 2_200);
    expect(endpointView(machine, "a").inUse).toBe(1);
    machine.report({ isolateId: "i", started: [], ended: [ended("1", credit)] }, T0 + 12_000);
    expect(endpointView(machine, "a").inUse).toBe(0);
  });

  test("can be returned early, by its isolate only", () => {
    const machine = four();
    const credit = creditOf(machine)!;
    machine.report({ isolateId: "j", started: [], ended: [], returned: [credit.id] }, T0 + 10);
    expect(endpointView(machine, "a").inUse).toBe(2);
    machine.report({ isolateId: "i", started: [], ended: [], returned: [credit.id] }, T0 + 20);
    expect(endpointView(machine, "a").inUse).toBe(0);
  });

  test("is not given on an endpoint that is unwell", () => {
    const machine = four();
    for (let index = 0; index < 3; index += 1) machine.release("none", failed(BROKEN), T0, "a");
    expect(creditOf(machine)).toBeUndefined();
  });
});

describe("reports", () => {
  test("of attempts chosen locally are counted, so that prediction knows of them", () => {
    const machine = four();
    machine.report({ isolateId: "i", started: [started("1"), started("2")], ended: [] }, T0);
    expect(endpointView(machine, "a").inUse).toBe(2);
    machine.report(
      { isolateId: "i", started: [], ended: [ended("1"), ended("2", undefined, failed(BROKEN))] },
      T0 + 900,
    );
    expect(endpointView(machine, "a")).toMatchObject({ inUse: 0, attempts: 2, failures: 1 });
  });

  test("of ends without beginnings count as outcomes", () => {
    const machine = four();
    const batch = Array.from({ length: 3 }, (_, index) => ended(`${index}`, undefined, failed(BROKEN)));
    machine.report({ isolateId: "i", started: [], ended: batch }, T0);
    expect(endpointView(machine, "a").state).toBe("open");
  });

  test("of two isolates do not meet, though their ids do", () => {
    const machine = four();
    machine.report({ isolateId: "i", started: [started("1")], ended: [] }, T0);
    machine.report({ isolateId: "j", started: [started("1")], ended: [] }, T0);
    expect(endpointView(machine, "a").inUse).toBe(2);
  });

  test("take part in superseding both ways", () => {
    const machine = four();
    const keyed = { supersedeKey: "s", startedAtMs: T0 };
    machine.report({ isolateId: "i", started: [started("1", undefined, keyed)], ended: [] }, T0);
    const newer = machine.reserve(anAsk({ supersedeKey: "s", startedAtMs: T0 + 50, requestId: "newer" }), T0 + 50);
    expect(newer.effects.revoked).toEqual([{ leaseId: "i/1", cause: "superseded" }]);
    const late = machine.report({ isolateId: "j", started: [started("9", undefined, keyed)], ended: [] }, T0 + 60);
    expect(late.revoked).toEqual([{ leaseId: "j/9", cause: "superseded" }]);
    expect(granted(newer.answer).endpoint).toBe("a");
  });
});

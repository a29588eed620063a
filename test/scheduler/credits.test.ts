import { describe, expect, test } from "vitest";
import type { Ask, Credit, CreditAsk, DoneAttempt } from "../../routing/scheduler/contract.ts";
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
  const pool = { free: 20, total: 20, waiting: 0, held: 0, asked: 15 };

  test.each([
    ["at most eight slots to an isolate", {}, 8],
    ["no more than is asked", { asked: 3 }, 3],
    ["nothing while anybody waits", { waiting: 1 }, 0],
    ["nothing that would leave less than half free", { free: 10 }, 0],
    ["only what is above half", { free: 13 }, 3],
    ["half of an odd number, rounded so that more stays free", { free: 5, total: 5 }, 2],
    ["nothing to an isolate that has its share", { held: 8 }, 0],
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

describe("a credit that is kept", () => {
  const eight = () => machineOf(regionOf({ a: { concurrency: { kind: "known", slots: 8 } } }));
  const renewed = (machine: SchedulerMachine, credit: Credit, parts: Partial<CreditAsk> = {}, nowMs = T0 + 4_000) =>
    machine.credit({ isolateId: "i", model: "sd35-medium", slots: 2, renews: credit.id, ...parts }, nowMs).credit;

  test("lives on under its id with a new end", () => {
    const machine = four();
    const credit = creditOf(machine)!;
    expect(renewed(machine, credit)).toMatchObject({ id: credit.id, slots: 2, expiresAtMs: T0 + 9_000 });
    expect(endpointView(machine, "a")).toMatchObject({ inUse: 2, free: 2 });
  });

  test("counts what runs on it, and gets that slot back when it ends", () => {
    const machine = four();
    const credit = creditOf(machine)!;
    machine.report({ isolateId: "i", started: [started("1", credit)], ended: [] }, T0 + 10);
    expect(renewed(machine, credit)).toMatchObject({ slots: 2 });
    expect(endpointView(machine, "a").inUse).toBe(2);
    machine.report({ isolateId: "i", started: [], ended: [ended("1", credit)] }, T0 + 6_000);
    expect(endpointView(machine, "a").inUse).toBe(2);
  });

  test("grows with what is wanted as far as the slack goes, and shrinks with it", () => {
    const machine = eight();
    const credit = creditOf(machine)!;
    expect(renewed(machine, credit, { slots: 3 })).toMatchObject({ slots: 3 });
    expect(renewed(machine, credit, { slots: 8 })).toMatchObject({ slots: 4 });
    expect(renewed(machine, credit, { slots: 1 })).toMatchObject({ slots: 1 });
    expect(endpointView(machine, "a").inUse).toBe(1);
  });

  test("shrinks when others need the room", () => {
    const machine = eight();
    const credit = machine.credit({ isolateId: "i", model: "sd35-medium", slots: 4 }, T0).credit!;
    for (const requestId of ["1", "2", "3"]) granted(ask(machine, { requestId }));
    expect(renewed(machine, credit, { slots: 4 })).toMatchObject({ slots: 1 });
    granted(ask(machine, { requestId: "4" }, T0 + 4_000));
    expect(renewed(machine, credit, { slots: 4 })).toBeUndefined();
  });

  test.each([
    ["it has ended", (machine: SchedulerMachine, credit: Credit) => renewed(machine, credit, {}, T0 + 5_000)],
    [
      "another isolate asks",
      (machine: SchedulerMachine, credit: Credit) => renewed(machine, credit, { isolateId: "j" }),
    ],
    [
      "nobody knows it",
      (machine: SchedulerMachine, credit: Credit) => renewed(machine, credit, { renews: `${credit.id}0` }),
    ],
    [
      "work waits",
      (machine: SchedulerMachine, credit: Credit) => {
        for (const requestId of ["1", "2", "3"]) ask(machine, { requestId });
        return renewed(machine, credit, {}, T0 + 10);
      },
    ],
    [
      "its endpoint is unwell",
      (machine: SchedulerMachine, credit: Credit) => {
        for (let index = 0; index < 3; index += 1) machine.release("none", failed(BROKEN), T0, "a");
        return renewed(machine, credit);
      },
    ],
  ])("is not when %s", (_name, renew) => {
    const machine = four();
    expect(renew(machine, creditOf(machine)!)).toBeUndefined();
  });
});

test("a credit is not kept on an endpoint that was found slow", () => {
  const machine = machineOf(regionOf({ a: {}, b: {} }));
  const slowOrNot = (endpoint: string, elapsedMs: number) => {
    for (let index = 0; index < 10; index += 1) machine.release("none", anOutcome({ elapsedMs }), T0, endpoint);
  };
  const credit = creditOf(machine)!;
  const other = credit.endpoint === "a" ? "b" : "a";
  slowOrNot(other, 1_000);
  slowOrNot(credit.endpoint, 1_000);
  const renew = { isolateId: "i", model: "sd35-medium", slots: 1, renews: credit.id };
  expect(machine.credit(renew, T0 + 10).credit?.id).toBe(credit.id);
  for (let index = 0; index < 3; index += 1) slowOrNot(credit.endpoint, 9_000);
  machine.tick(T0 + 20);
  expect(machine.credit(renew, T0 + 30).credit).toBeUndefined();
});

describe("what a credit says", () => {
  const policies = { "fast-preview": { hedge: { afterQuantile: 0.95, budget: 0.05 } } };

  test("is for the work that the pool is asked for most, those on credit counted", () => {
    const machine = four();
    const credit = creditOf(machine)!;
    expect(credit.typical).toBe("m/-");
    const parts = { sizeClass: "l" as const, steps: 28 };
    machine.report({ isolateId: "i", started: [started("1", credit, parts)], ended: [], returned: [credit.id] }, T0);
    expect(creditOf(machine, "j")?.typical).toBe("l/30");
  });

  test("is when to hedge, for the policy that was asked for, once a tail is known and tokens are there", () => {
    const machine = machineOf(regionOf({ a: { concurrency: { kind: "known", slots: 4 } } }, { policies }));
    const lentFor = (policy?: string) =>
      machine.credit(
        { isolateId: "i", model: "sd35-medium", slots: 1, ...(policy === undefined ? {} : { policy }) },
        T0,
      ).credit;
    expect(lentFor("fast-preview")?.hedgeAfterMs).toBeUndefined();
    for (let index = 0; index < 120; index += 1) {
      const lease = granted(ask(machine, { policy: "fast-preview", requestId: `${index}` }));
      machine.release(lease.id, anOutcome({ elapsedMs: index % 20 === 0 ? 12_000 : 1_000 }), T0);
    }
    expect(lentFor("fast-preview")).toMatchObject({ policy: "fast-preview", hedgeAfterMs: expect.any(Number) });
    expect(lentFor()?.hedgeAfterMs).toBeUndefined();
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

  describe("of attempts that are over already", () => {
    const done = (parts: Partial<DoneAttempt> = {}): DoneAttempt => ({
      endpoint: "a",
      kind: "first",
      priority: "interactive",
      policy: "fast-preview",
      startedAtMs: T0 - 1_500,
      outcome: anOutcome(),
      ...parts,
    });
    const told = (attempts: readonly DoneAttempt[], machine = four()) => {
      machine.report({ isolateId: "i", started: [], ended: [], done: attempts }, T0);
      return machine;
    };

    test("teach the same as a start and an end, and hold no slot", () => {
      const attempts = Array.from({ length: 40 }, () => done({ outcome: anOutcome({ elapsedMs: 2_000 }) }));
      const inWords = four();
      for (const attempt of attempts) told([attempt], inWords);
      const inFull = four();
      for (const [index, { outcome }] of attempts.entries()) {
        const at = { ...started(`${index}`, undefined, { policy: "fast-preview" }), startedAtMs: T0 - 1_500 };
        inFull.report({ isolateId: "i", started: [at], ended: [ended(`${index}`, undefined, outcome)] }, T0);
      }
      const { counters: _one, ...view } = inWords.view();
      const { counters: _other, ...other } = inFull.view();
      expect(view.endpoints).toEqual(other.endpoints);
      expect([view.budget, view.pools, view.leases]).toEqual([other.budget, other.pools, 0]);
      expect(endpointView(inWords, "a")).toMatchObject({ inUse: 0, outcomes: { ok: 40 }, attempts: 40 });
    });

    test("tell what the pool is asked for", () => {
      const outcome = anOutcome({ sizeClass: "xl", steps: 50 });
      expect(creditOf(told([done({ outcome })]))?.typical).toBe("xl/50");
    });

    test("trip a breaker", () => {
      const machine = told(Array.from({ length: 3 }, () => done({ outcome: failed(BROKEN) })));
      expect(endpointView(machine, "a").state).toBe("open");
    });

    test("earn extra attempts by first ones only", () => {
      expect(told(Array.from({ length: 10 }, () => done())).view().budget.extraMilli).toBe(1_000);
      expect(told(Array.from({ length: 10 }, () => done({ kind: "fallback" }))).view().budget.extraMilli).toBe(0);
    });

    test("keep their slot while the endpoint works on what was cut off, and take it out of their credit", () => {
      const machine = machineOf(regionOf({ a: { concurrency: { kind: "known", slots: 4 }, honoursCancel: false } }));
      const credit = creditOf(machine)!;
      const cut = failed({ reason: "cancelled", cause: "client_gone" }, 100);
      told([done({ creditId: credit.id, startedAtMs: T0 - 100, outcome: cut })], machine);
      expect(endpointView(machine, "a").inUse).toBe(2);
      machine.report({ isolateId: "i", started: [], ended: [], returned: [credit.id] }, T0);
      expect(endpointView(machine, "a").inUse).toBe(1);
      machine.tick(T0 + 2_200);
      expect(endpointView(machine, "a").inUse).toBe(0);
    });
  });
});

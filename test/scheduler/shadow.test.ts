/** Slots for shadows: only of an idle pool, and given up at once to whoever would wait. */
import { describe, expect, test } from "vitest";
import type { Endpoint } from "../../routing/config/snapshot.ts";
import type { Ask } from "../../routing/scheduler/contract.ts";
import type { SchedulerMachine } from "../../routing/scheduler/machine.ts";
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
  T0,
} from "./support.ts";

const slots = (count: number): Partial<Endpoint> => ({ concurrency: { kind: "known", slots: count } });
const ask = (machine: SchedulerMachine, parts: Partial<Ask> = {}, nowMs = T0) =>
  machine.reserve(anAsk(parts), nowMs).answer;
const shadow = (machine: SchedulerMachine, nowMs = T0) =>
  ask(machine, { kind: "shadow", requestId: "r-shadow", tenant: "shadow" }, nowMs);

describe("a shadow", () => {
  test("gets a slot of a pool in which nothing runs", () => {
    const machine = machineOf(regionOf({ a: slots(4) }));
    expect(granted(shadow(machine))).toMatchObject({ endpoint: "a", probe: false });
    expect(machine.view().counters).toMatchObject({ granted_shadow: 1 });
  });

  test("gets none once half of the slots are taken, whoever took them", () => {
    const machine = machineOf(regionOf({ a: slots(4) }));
    ask(machine, { requestId: "p1" });
    granted(shadow(machine));
    expect(refused(shadow(machine))).toMatchObject({ why: "shed" });
  });

  test("leaves one slot free", () => {
    expect(refused(shadow(machineOf(regionOf({ a: slots(1) })))).why).toBe("shed");
  });

  test("never tests an endpoint that is ejected", () => {
    const machine = machineOf(regionOf({ a: slots(4) }));
    for (let at = 0; at < 5; at++) {
      const lease = granted(ask(machine, { requestId: `r${at}` }, T0 + at));
      machine.release(lease.id, failed(BROKEN), T0 + at, "a");
      if (endpointView(machine, "a").state !== "closed") break;
    }
    expect(endpointView(machine, "a").state).toBe("open");
    expect(refused(shadow(machine, T0 + 10)).why).toBe("shed");
    expect(refused(shadow(machine, T0 + 60_000)).why).toBe("shed");
  });

  test("earns no budget and changes no habit of the pool", () => {
    const machine = machineOf(regionOf({ a: slots(8) }));
    const before = machine.view();
    const lease = granted(ask(machine, { kind: "shadow", sizeClass: "xxl", requestId: "s" }));
    machine.release(lease.id, anOutcome({ sizeClass: "xxl" }), T0 + 1_500, "a");
    const after = machine.view();
    expect(after.budget).toEqual(before.budget);
    expect(after.pools.map(({ typical }) => typical)).toEqual(before.pools.map(({ typical }) => typical));
  });

  test("is stopped when somebody would have to wait, and only then", () => {
    const machine = machineOf(regionOf({ a: slots(2) }));
    const { id } = granted(shadow(machine));
    expect(machine.reserve(anAsk({ requestId: "p1" }), T0).effects.revoked).toEqual([]);
    const second = machine.reserve(anAsk({ requestId: "p2" }), T0);
    expect(second.answer.kind).toBe("queued");
    expect(second.effects.revoked).toEqual([{ leaseId: id, cause: "revoked" }]);
    const third = machine.reserve(anAsk({ requestId: "p3" }), T0);
    expect(third.effects.revoked).toEqual([]);
    const freed = machine.release(
      id,
      anOutcome({ result: { ok: false, failure: { reason: "cancelled", cause: "revoked" } }, elapsedMs: 50 }),
      T0 + 50,
      "a",
    );
    expect(freed.grants).toHaveLength(1);
    expect(endpointView(machine, "a").state).toBe("closed");
  });

  test("is stopped for a preview that would be late behind it", () => {
    const machine = machineOf(regionOf({ a: slots(2) }));
    const { id } = granted(shadow(machine));
    ask(machine, { requestId: "p1" });
    const late = machine.reserve(anAsk({ requestId: "p2", deadlineAtMs: T0 + 2_500 }), T0);
    expect(late.answer.kind).toBe("refused");
    expect(late.effects.revoked).toEqual([{ leaseId: id, cause: "revoked" }]);
  });
});

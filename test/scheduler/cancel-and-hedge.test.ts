import { describe, expect, test } from "vitest";
import type { Ask } from "../../routing/scheduler/contract.ts";
import type { SchedulerMachine } from "../../routing/scheduler/machine.ts";
import {
  anAsk,
  anOutcome,
  endpointView,
  failed,
  granted,
  machineOf,
  queued,
  refused,
  regionOf,
  T0,
} from "./support.ts";

const ask = (machine: SchedulerMachine, parts: Partial<Ask> = {}, nowMs = T0) =>
  machine.reserve(anAsk(parts), nowMs).answer;

describe("superseding", () => {
  const keyed = (requestId: string, startedAtMs: number, parts: Partial<Ask> = {}) =>
    anAsk({ requestId, startedAtMs, supersedeKey: "session/layer", ...parts });

  test("the newest request takes the older one's running attempt away, which frees its slot when it stops", () => {
    const machine = machineOf(regionOf({ a: {} }));
    const old = granted(machine.reserve(keyed("old", T0), T0).answer);
    const { answer, effects } = machine.reserve(keyed("new", T0 + 100), T0 + 100);
    expect(effects.revoked).toEqual([{ leaseId: old.id, cause: "superseded" }]);
    expect(answer.kind).toBe("granted");
    expect(machine.reserve(keyed("new", T0 + 100, { kind: "fallback" }), T0 + 110).effects.revoked).toEqual([]);
    machine.release(old.id, failed({ reason: "cancelled", cause: "superseded" }), T0 + 120);
    expect(endpointView(machine, "a")).toMatchObject({ failures: 0, attempts: 0 });
  });

  test("takes the older one's place in the queue away", () => {
    const machine = machineOf(regionOf({ a: {} }));
    ask(machine, { requestId: "f1" });
    ask(machine, { requestId: "f2" });
    const old = queued(machine.reserve(keyed("old", T0), T0).answer);
    const { effects } = machine.reserve(keyed("new", T0 + 100), T0 + 100);
    expect(effects.dropped).toMatchObject([{ ticket: old.ticket, refusal: { why: "superseded" } }]);
  });

  test("an older request that arrives late, by a fallback say, is refused", () => {
    const machine = machineOf(regionOf({ a: {} }));
    machine.reserve(keyed("new", T0 + 100), T0 + 100);
    expect(refused(machine.reserve(keyed("old", T0, { kind: "fallback" }), T0 + 200).answer).why).toBe("superseded");
  });

  test("does not touch other sessions, other tenants or exports", () => {
    const machine = machineOf(regionOf({ a: {}, b: {}, c: {} }));
    machine.reserve(keyed("other", T0, { supersedeKey: "session/other" }), T0);
    machine.reserve(keyed("tenant", T0, { tenant: "someone-else" }), T0);
    machine.reserve(keyed("export", T0, { priority: "export" }), T0);
    expect(machine.reserve(keyed("new", T0 + 1), T0 + 1).effects.revoked).toEqual([]);
    expect(machine.reserve(keyed("export2", T0 + 2, { priority: "export" }), T0 + 2).effects.revoked).toEqual([]);
  });

  test("a holder that does not react loses the slot after five seconds", () => {
    const machine = machineOf(regionOf({ a: {} }));
    const old = granted(machine.reserve(keyed("old", T0), T0).answer);
    machine.reserve(keyed("new", T0 + 100), T0 + 100);
    expect(machine.tick(T0 + 5_100).expired).toEqual([old.id]);
  });
});

describe("revoking", () => {
  test("tells the holder once, and spares exports unless their slot itself is taken back", () => {
    const machine = machineOf(regionOf({ a: {} }));
    const preview = granted(ask(machine));
    const rendering = granted(ask(machine, { priority: "export" }));
    expect(machine.revoke(preview.id, "client_gone", T0).revoked).toEqual([
      { leaseId: preview.id, cause: "client_gone" },
    ]);
    expect(machine.revoke(preview.id, "client_gone", T0).revoked).toEqual([]);
    expect(machine.revoke(rendering.id, "client_gone", T0).revoked).toEqual([]);
    expect(machine.revoke(rendering.id, "revoked", T0).revoked).toHaveLength(1);
    expect(machine.revoke("unknown", "revoked", T0).revoked).toEqual([]);
  });
});

describe("hedging", () => {
  const hedge = { afterQuantile: 0.95, budget: 0.05 };
  const region = (endpoints: Parameters<typeof regionOf>[0]) =>
    regionOf(endpoints, { policies: { "fast-preview": { hedge } } });
  const preview: Partial<Ask> = { policy: "fast-preview" };

  /** Sixty previews done at `endpoint`, `straggling` of them after 12 s. */
  function history(machine: SchedulerMachine, straggling: number, count = 120): void {
    for (let index = 0; index < count; index += 1) {
      const lease = granted(ask(machine, { ...preview, requestId: `h${index}` }));
      machine.release(lease.id, anOutcome({ elapsedMs: index < straggling ? 12_000 : 1_500 }), T0);
    }
  }

  test("is told after the p95 where stragglers make it worth while", () => {
    const machine = machineOf(region({ a: { failureDomain: "one" }, b: { failureDomain: "two" } }));
    history(machine, 4);
    const lease = granted(ask(machine, preview));
    expect(lease.hedgeAfterMs! / 1_500).toBeCloseTo(1, 1);
  });

  test("is not told without a tail, without the policy's word, to drafts, or before fifty samples", () => {
    const told = (machine: SchedulerMachine, parts: Partial<Ask> = preview) => {
      const lease = granted(ask(machine, parts));
      machine.abandon(lease.id, T0);
      return lease.hedgeAfterMs;
    };
    const steady = machineOf(region({ a: {} }));
    history(steady, 0);
    expect(told(steady)).toBeUndefined();
    const straggling = machineOf(region({ a: {} }));
    history(straggling, 4);
    expect(told(straggling, {})).toBeUndefined();
    expect(told(straggling, { ...preview, priority: "automation" })).toBeUndefined();
    expect(told(straggling)).toBeDefined();
    const young = machineOf(region({ a: {} }));
    history(young, 4, 49);
    expect(told(young)).toBeUndefined();
  });

  const hedgeAsk: Partial<Ask> = { ...preview, kind: "hedge", avoid: ["a"], requestId: "hedged" };
  const two = () => region({ a: { failureDomain: "one" }, b: { failureDomain: "two" } });

  test("takes a free slot and a token, and never waits", () => {
    const machine = machineOf(two());
    history(machine, 4);
    const before = machine.view().budget;
    const lease = granted(ask(machine, hedgeAsk));
    expect(lease.endpoint).toBe("b");
    expect(machine.view().budget).toEqual({
      extraMilli: before.extraMilli - 1_000,
      hedgeMilli: before.hedgeMilli - 1_000,
    });
    granted(ask(machine, { ...preview, avoid: ["a"] }));
    expect(refused(ask(machine, hedgeAsk)).why).toBe("predicted_late");
  });

  test("a leg begun beside a late attempt draws on the budget like a retry, and takes a free slot or none", () => {
    const machine = machineOf(two());
    const beside: Partial<Ask> = { ...preview, kind: "fallback", beside: true, avoid: ["a"] };
    expect(refused(ask(machine, beside)).why).toBe("budget");
    history(machine, 0, 20);
    const before = machine.view().budget;
    granted(ask(machine, beside));
    expect(machine.view().budget).toEqual({ ...before, extraMilli: before.extraMilli - 1_000 });
    granted(ask(machine, { ...beside, beside: false }));
    expect(refused(ask(machine, beside)).why).toBe("predicted_late");
    expect(machine.view().budget.extraMilli).toBe(before.extraMilli - 1_000);
    // What follows a failure is the plan's own.
    expect(ask(machine, { ...beside, beside: false }).kind).toBe("queued");
  });

  test("is refused without a token, without time, and at load where cancelling is not honoured", () => {
    const poor = machineOf(two());
    expect(refused(ask(poor, hedgeAsk)).why).toBe("budget");
    const machine = machineOf(two());
    history(machine, 4);
    expect(refused(ask(machine, { ...hedgeAsk, deadlineAtMs: T0 + 1_000 })).why).toBe("predicted_late");
    const deaf = machineOf(region({ a: { failureDomain: "one" }, b: { failureDomain: "two", honoursCancel: false } }));
    history(deaf, 4);
    for (const avoid of [["b"], ["b"], ["a"]]) granted(ask(deaf, { ...preview, avoid }));
    expect(refused(ask(deaf, hedgeAsk)).why).toBe("predicted_late");
    expect(deaf.view().counters.hedge_loaded).toBe(1);
  });
});

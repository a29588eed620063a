import { describe, expect, it } from "vitest";
import { settle } from "../../support/fake-clock.ts";
import { aSnapshot } from "../../support/snapshot.ts";
import { aSchedulerWorld, HOME, leaseOf, OK, seenAt } from "./world.ts";

describe("a credit", () => {
  it("starts first attempts without a round trip, once three in four seconds have shown that it is worth it", async () => {
    const world = await aSchedulerWorld();
    for (let index = 0; index < 2; index += 1) await world.release(await world.reserve());
    expect(seenAt(world.weur).credits).toBe(0);
    await world.release(await world.reserve());
    expect(seenAt(world.weur).credits).toBe(1);
    const before = world.weur.calls.length;
    const reserved = await world.reserve();
    expect(world.weur.calls.length).toBe(before);
    expect(leaseOf(reserved)).toMatchObject({ endpoint: HOME, predicted: { serviceMs: expect.any(Number) } });
  });

  it("is reported in a batch a moment later, start and end", async () => {
    const world = await aSchedulerWorld();
    await world.warmUp();
    const { ok } = seenAt(world.weur).outcomes ?? {};
    const before = world.weur.calls.length;
    for (let index = 0; index < 3; index += 1) {
      const { scheduler, reservation } = await world.reserve();
      scheduler.release(leaseOf({ reservation }), OK);
    }
    await world.clock.advance(299);
    expect(world.weur.calls.length).toBe(before);
    await world.clock.advance(1);
    await settle();
    expect(world.weur.calls.length).toBe(before + 1);
    expect(world.weur.calls.at(-1)?.report).toMatchObject({ started: { length: 0 }, done: { length: 3 } });
    expect(seenAt(world.weur).outcomes?.["ok"]).toBe((ok ?? 0) + 3);
  });

  it("is reported by one request for all that end meanwhile", async () => {
    const world = await aSchedulerWorld();
    await world.warmUp();
    const before = world.clock.sleeping();
    for (let index = 0; index < 5; index += 1) {
      const { scheduler, reservation } = await world.reserve();
      scheduler.release(leaseOf({ reservation }), OK);
    }
    expect(world.clock.sleeping()).toBe(before + 1);
  });

  it("is not wanted for requests that were refused", async () => {
    const world = await aSchedulerWorld();
    await world.warmUp();
    for (let index = 0; index < 5; index += 1) await world.reserve({ avoid: [HOME] });
    expect(world.memory.places.get("weur")?.demand.get("sd35-medium")?.inFlight).toBe(0);
  });

  it("is reported at once when sixty-four have ended", async () => {
    const world = await aSchedulerWorld();
    await world.warmUp();
    const before = world.weur.calls.length;
    for (let index = 0; index < 64; index += 1) {
      const { scheduler, reservation } = await world.reserve();
      scheduler.release(leaseOf({ reservation }), OK);
    }
    await settle();
    expect(world.weur.calls.length).toBe(before + 1);
  });

  it("runs no more at once than it has slots; what is beyond asks", async () => {
    const world = await aSchedulerWorld();
    await world.warmUp();
    const before = world.weur.calls.length;
    await world.reserve();
    expect(world.weur.calls.length).toBe(before);
    await world.reserve();
    expect(world.weur.calls.length).toBe(before + 1);
  });

  it("grows with what runs at once", async () => {
    const concurrency = { kind: "known", slots: 8 } as const;
    const world = await aSchedulerWorld({ snapshot: aSnapshot({ endpoints: { [HOME]: { concurrency } } }) });
    await world.warmUp();
    for (let round = 0; round < 4; round += 1) {
      const all = [await world.reserve(), await world.reserve(), await world.reserve()];
      for (const { scheduler, reservation } of all) scheduler.release(leaseOf({ reservation }), OK);
      await world.clock.advance(600);
    }
    const before = world.weur.calls.length;
    for (let index = 0; index < 3; index += 1) await world.reserve();
    expect(world.weur.calls.length).toBe(before);
  });

  it.each([
    ["a fallback", { kind: "fallback" }],
    ["other work than the typical", { sizeClass: "xl" }],
    ["an export", { priority: "export" }],
    ["an endpoint to be avoided", { avoid: [HOME], candidates: [HOME] }],
    ["another model", { model: "nano-banana", candidates: ["weur-nano-banana"] }],
  ] as const)("is not for %s", async (_name, parts) => {
    const world = await aSchedulerWorld();
    await world.warmUp();
    const before = world.weur.calls.length;
    await world.reserve(parts);
    expect(world.weur.calls.length).toBe(before + 1);
  });

  it("is not for a request that it would bring home too late", async () => {
    const world = await aSchedulerWorld();
    await world.warmUp();
    const before = world.weur.calls.length;
    await world.reserve({ deadlineAtMs: world.clock.nowMs() + 1_000 });
    expect(world.weur.calls.length).toBe(before + 1);
  });

  it("starts nothing after its end", async () => {
    const world = await aSchedulerWorld();
    await world.warmUp();
    await world.clock.advance(5_001);
    const before = world.weur.calls.length;
    await world.reserve();
    expect(world.weur.calls.length).toBe(before + 1);
  });

  it("is kept while it is used, and runs out when it is not", async () => {
    const world = await aSchedulerWorld();
    await world.warmUp();
    for (let second = 0; second < 12; second += 1) {
      await world.release(await world.reserve());
      await world.clock.advance(700);
    }
    const asked = world.weur.calls.filter(({ ask }) => ask !== undefined);
    expect(asked.length).toBeLessThanOrEqual(5);
    await world.clock.advance(15_000);
    expect(seenAt(world.weur)).toMatchObject({ credits: 0, inUse: 0 });
  });

  it("is given back at once when an attempt on it fails: whether there is another is the scheduler's to say", async () => {
    const world = await aSchedulerWorld();
    await world.warmUp();
    const heldIds = () => [...(world.memory.places.get("weur")?.credits.keys() ?? [])];
    const former = heldIds();
    const { scheduler, reservation } = await world.reserve();
    const failure = { reason: "upstream_error", status: 500 } as const;
    scheduler.release(leaseOf({ reservation }), { ...OK, result: { ok: false, failure } });
    await settle();
    expect(world.weur.calls.at(-1)?.report).toMatchObject({ returned: former });
    expect(heldIds()).not.toEqual(former);
    expect(seenAt(world.weur).failures).toBe(1);
  });

  it("is given back when nothing was started on it for a second", async () => {
    const world = await aSchedulerWorld();
    await world.warmUp();
    expect(seenAt(world.weur)).toMatchObject({ credits: 1, inUse: 1 });
    await world.clock.advance(1_001);
    expect(seenAt(world.weur)).toMatchObject({ credits: 0, inUse: 0 });
  });

  it("serves a request that its own scheduler would let wait for the very slot that it lent", async () => {
    const world = await aSchedulerWorld();
    for (let index = 0; index < 2; index += 1) await world.release(await world.reserve());
    const asking = Array.from({ length: 4 }, () => world.reserve());
    const asked = await Promise.all(asking);
    expect(asked.map(({ reservation, tookMs }) => [reservation.granted, tookMs])).toEqual(Array(4).fill([true, 0]));
    await world.clock.advance(100);
    expect(seenAt(world.weur)).toMatchObject({ inUse: 4, leases: expect.any(Number) });
  });

  it("is given back when others wait for the room", async () => {
    const world = await aSchedulerWorld();
    await world.warmUp();
    const held = await world.reserve();
    const other = { ...world.memory, isolateId: "isolate-2", places: new Map(), running: new Map() };
    const signal = new AbortController().signal;
    const theirs = world.request(other);
    const waiting = Array.from({ length: 5 }, () => theirs.reserve(world.ask({ kind: "fallback" }), signal));
    await world.clock.advance(600);
    await world.release(held);
    await world.clock.advance(100);
    expect(seenAt(world.weur).credits).toBe(0);
    expect(waiting).toHaveLength(5);
  });

  it.each([
    [true, 0],
    [false, 1],
  ])(
    "loses the slot of work that goes on after it was cut off (cancelling honoured: %s)",
    async (honoursCancel, lost) => {
      const concurrency = { kind: "known", slots: 4 } as const;
      const snapshot = aSnapshot({ endpoints: { [HOME]: { concurrency, honoursCancel } } });
      const world = await aSchedulerWorld({ snapshot });
      await world.warmUp();
      const held = await world.reserve();
      const credits = () => [...(world.memory.places.get("weur")?.credits.values() ?? [])];
      const before = credits()[0]?.slots ?? 0;
      const failure = { reason: "cancelled", cause: "client_gone" } as const;
      held.scheduler.release(leaseOf(held), { ...OK, elapsedMs: 100, result: { ok: false, failure } });
      expect(credits()[0]?.slots).toBe(before - lost);
    },
  );

  it("hedges for the policy that it was lent for, and no other", async () => {
    const world = await aSchedulerWorld();
    await world.warmUp();
    const place = world.memory.places.get("weur");
    for (const credit of place?.credits.values() ?? [])
      place?.credits.set(credit.id, { ...credit, hedgeAfterMs: 2_000, policy: "fast-preview" });
    const hedged = await world.reserve();
    expect(leaseOf(hedged).hedgeAfterMs).toBe(2_000);
    await world.release(hedged);
    for (const credit of place?.credits.values() ?? [])
      place?.credits.set(credit.id, { ...credit, hedgeAfterMs: 2_000, policy: "fast-preview" });
    expect(leaseOf(await world.reserve({ policy: "draft" })).hedgeAfterMs).toBeUndefined();
  });
});

describe("attempts that are never heard of again", () => {
  it("are forgotten after one lease time, here and at the scheduler", async () => {
    const world = await aSchedulerWorld();
    await world.warmUp();
    await world.reserve({ timeoutMs: 3_000 });
    expect(world.memory.running.size).toBe(1);
    await world.clock.advance(30_000);
    await world.reserve({ candidates: [] });
    expect(world.memory.running.size).toBe(0);
    expect(world.memory.places.get("weur")?.inUse.size).toBe(0);
    expect(seenAt(world.weur)).toMatchObject({ inUse: 0, leases: 0 });
  });
});

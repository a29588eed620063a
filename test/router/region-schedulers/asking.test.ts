import { describe, expect, it } from "vitest";
import { settle } from "../../support/fake-clock.ts";
import { aSnapshot } from "../../support/snapshot.ts";
import { aSchedulerWorld, BROKEN, HOME, leaseOf, seenAt } from "./world.ts";

describe("asking", () => {
  it("gets a slot in one round trip, after it has sent the configuration once", async () => {
    const world = await aSchedulerWorld();
    const reserved = await world.reserve();
    expect(leaseOf(reserved)).toMatchObject({ endpoint: HOME, predicted: { waitMs: 0, serviceMs: 1_500 } });
    expect(world.weur.calls).toHaveLength(2);
    await world.reserve();
    expect(world.weur.calls).toHaveLength(3);
    expect(seenAt(world.weur)).toMatchObject({ inUse: 2 });
  });

  it("passes on that an attempt is not to be given up early, where the pool is full and hanging up frees nothing", async () => {
    const slots = { concurrency: { kind: "known", slots: 4 }, honoursCancel: false } as const;
    const world = await aSchedulerWorld({ snapshot: aSnapshot({ endpoints: { [HOME]: slots } }) });
    const patience: unknown[] = [];
    for (let index = 0; index < 4; index += 1) patience.push(leaseOf(await world.reserve()).patient ?? false);
    expect(patience).toEqual([false, false, false, true]);
  });

  it("gives the slot back with the outcome", async () => {
    const world = await aSchedulerWorld();
    await world.release(await world.reserve());
    expect(seenAt(world.weur)).toMatchObject({ inUse: 0, outcomes: { ok: 1 }, attempts: 1 });
  });

  it("keeps the view that comes along", async () => {
    const world = await aSchedulerWorld();
    await world.reserve();
    expect(world.memory.places.get("weur")?.view?.place).toBe("weur");
  });

  it("passes on a refusal with its honest wait", async () => {
    const world = await aSchedulerWorld();
    for (let index = 0; index < 4; index += 1) await world.reserve();
    const { reservation } = await world.reserve({ deadlineAtMs: world.clock.nowMs() + 2_000 });
    expect(reservation).toMatchObject({ granted: false, why: "predicted_late", retryAfterMs: expect.any(Number) });
  });

  it("waits in the queue for the slot that comes free first", async () => {
    const world = await aSchedulerWorld();
    const leases = [];
    for (let index = 0; index < 4; index += 1) leases.push(await world.reserve());
    const waiting = world.request().reserve(world.ask(), new AbortController().signal);
    await world.clock.advance(1_000);
    const [first] = leases;
    if (first !== undefined) await world.release(first);
    const reservation = await world.clock.runUntil(waiting);
    expect(leaseOf({ reservation }).endpoint).toBe(HOME);
    expect(seenAt(world.weur)).toMatchObject({ inUse: 4 });
  });

  it("leaves the queue when the attempt is stopped, and when its time there is over", async () => {
    for (const stops of [true, false]) {
      const world = await aSchedulerWorld();
      for (let index = 0; index < 4; index += 1)
        await world.reserve({ timeoutMs: 60_000, deadlineAtMs: world.clock.nowMs() + 60_000 });
      const stop = new AbortController();
      const waiting = world.request().reserve(world.ask(), stop.signal);
      await world.clock.advance(500);
      if (stops) stop.abort("client_gone");
      expect(await world.clock.runUntil(waiting)).toMatchObject({ granted: false, why: "predicted_late" });
      await world.clock.advance(100);
      expect(world.memory.places.get("weur")?.view).toBeDefined();
      const reply = world.weur.host.call({ version: "0000000000000001", pushedAtMs: 1, viewAtMs: 0 });
      const pool = reply.needsConfig ? undefined : reply.view?.pools.find(({ model }) => model === "sd35-medium");
      expect(pool?.waiting.interactive).toBe(0);
    }
  });
});

describe("a scheduler that does not answer in time", () => {
  it("is waited for 150 ms, then the local rule picks", async () => {
    const world = await aSchedulerWorld();
    world.weur.answersAfterMs = 2_000;
    const reserved = await world.reserve();
    expect(reserved.tookMs).toBe(150);
    expect(leaseOf(reserved).endpoint).toBe(HOME);
  });

  it("is left alone for a second, and then tried by one request while the others go on", async () => {
    const world = await aSchedulerWorld();
    await world.reserve();
    world.weur.answersAfterMs = 400;
    expect((await world.reserve()).tookMs).toBe(150);
    expect((await world.reserve()).tookMs).toBe(0);
    await world.clock.advance(1_000);
    const signal = new AbortController().signal;
    const trial = world.request().reserve(world.ask(), signal);
    const other = await world.reserve();
    expect(other.tookMs).toBe(0);
    await world.clock.runUntil(trial);
  });

  it("is asked again as usual once it has answered in time", async () => {
    const world = await aSchedulerWorld();
    await world.reserve();
    world.weur.isDown = true;
    await world.reserve();
    world.weur.isDown = false;
    await world.clock.advance(1_000);
    const before = world.weur.calls.length;
    await world.reserve();
    await world.reserve();
    expect(world.weur.calls.length).toBe(before + 2);
  });

  it("gets its late grant back, and hears of what was begun without it", async () => {
    const world = await aSchedulerWorld();
    await world.reserve();
    world.weur.answersAfterMs = 400;
    await world.reserve();
    await world.clock.advance(1_500);
    expect(seenAt(world.weur)).toMatchObject({ inUse: 2, outcomes: {} });
  });

  it("loses no slot when it never hears of the end", async () => {
    const world = await aSchedulerWorld();
    const reserved = await world.reserve({ timeoutMs: 3_000 });
    world.weur.isDown = true;
    await world.release(reserved);
    world.weur.isDown = false;
    await world.clock.advance(6_000);
    expect(seenAt(world.weur)).toMatchObject({ inUse: 0 });
  });
});

describe("the local rule", () => {
  it("picks none of the endpoints that fail here while another leg can serve, and one where none can", async () => {
    const world = await aSchedulerWorld();
    world.weur.isDown = true;
    for (let index = 0; index < 3; index += 1) await world.release(await world.reserve(), BROKEN);
    expect((await world.reserve({ elsewhere: true })).reservation).toMatchObject({
      granted: false,
      why: "no_endpoint",
    });
    expect((await world.reserve()).reservation.granted).toBe(true);
  });

  it("goes by the last view: what was out stays out", async () => {
    const world = await aSchedulerWorld();
    const failure = { reason: "pin_mismatch", expected: "a", reported: "b" } as const;
    await world.release(await world.reserve(), { result: { ok: false, failure } });
    expect(world.forgottenPins).toEqual([HOME]);
    await world.clock.advance(1_000);
    await world.reserve({ candidates: [] });
    world.weur.isDown = true;
    expect((await world.reserve()).reservation).toMatchObject({ granted: false, why: "no_endpoint" });
  });

  it("pays for one extra attempt in ten requests, and never for a hedge", async () => {
    const world = await aSchedulerWorld();
    world.weur.isDown = true;
    expect((await world.reserve({ kind: "retry" })).reservation).toMatchObject({ granted: false, why: "budget" });
    for (let index = 0; index < 10; index += 1) await world.reserve();
    expect((await world.reserve({ kind: "hedge" })).reservation).toMatchObject({ granted: false, why: "budget" });
    expect((await world.reserve({ kind: "retry" })).reservation.granted).toBe(true);
    expect((await world.reserve({ kind: "retry" })).reservation).toMatchObject({ granted: false, why: "budget" });
  });
});

describe("an extra attempt in another place", () => {
  const abroad = { place: "enam", candidates: ["enam-sd35-medium"], kind: "retry", budgetOf: "weur" } as const;

  it("is paid for at home, and paid back when it is not made", async () => {
    const world = await aSchedulerWorld();
    for (let index = 0; index < 12; index += 1) await world.release(await world.reserve());
    const refusedThere = await world.reserve({ ...abroad, candidates: [] });
    expect(refusedThere.reservation).toMatchObject({ granted: false, why: "no_endpoint" });
    await world.clock.advance(100);
    expect((await world.reserve(abroad)).reservation).toMatchObject({ granted: true, lease: { place: "enam" } });
    expect((await world.reserve(abroad)).reservation).toMatchObject({ granted: false, why: "budget" });
  });

  it("is paid for by the isolate where home does not answer", async () => {
    const world = await aSchedulerWorld();
    for (let index = 0; index < 10; index += 1) await world.release(await world.reserve());
    world.weur.isDown = true;
    expect((await world.reserve(abroad)).reservation.granted).toBe(true);
    expect((await world.reserve(abroad)).reservation).toMatchObject({ granted: false, why: "budget" });
  });

  it("is not paid for when home answers too late: the token goes back", async () => {
    const world = await aSchedulerWorld();
    for (let index = 0; index < 12; index += 1) await world.release(await world.reserve());
    const budget = () => {
      const reply = world.weur.host.call({ version: "0000000000000001", pushedAtMs: 1, viewAtMs: 0 });
      return reply.needsConfig ? undefined : reply.view?.budget.extraMilli;
    };
    const before = budget();
    world.memory.extraMilli = 0;
    world.weur.answersAfterMs = 400;
    expect((await world.reserve(abroad)).reservation).toMatchObject({ granted: false, why: "budget" });
    await world.clock.advance(1_000);
    expect(budget()).toBe(before);
  });
});

describe("supersession", () => {
  const keyed = (startedAtMs: number, requestId: string) => ({ supersedeKey: "session", startedAtMs, requestId });

  it("aborts the older request's lease in whatever isolate it runs", async () => {
    const world = await aSchedulerWorld();
    const nowMs = world.clock.nowMs();
    const old = leaseOf(await world.reserve(keyed(nowMs, "old")));
    expect(old.revoked.aborted).toBe(false);
    const elsewhere = world.request({ ...world.memory, isolateId: "isolate-2", places: new Map(), running: new Map() });
    const newer = elsewhere.reserve(world.ask(keyed(nowMs + 10, "new")), new AbortController().signal);
    expect((await world.clock.runUntil(newer)).granted).toBe(true);
    await settle();
    expect([old.revoked.aborted, old.revoked.reason]).toEqual([true, "superseded"]);
  });

  it("reaches attempts on credit, which are reported at once", async () => {
    const world = await aSchedulerWorld();
    await world.warmUp();
    const nowMs = world.clock.nowMs();
    const before = world.weur.calls.length;
    const old = leaseOf(await world.reserve(keyed(nowMs, "old")));
    expect(world.weur.calls.length).toBe(before);
    expect(old.id).toContain("isolate-1/");
    await world.reserve(keyed(nowMs + 10, "new"));
    await settle();
    expect([old.revoked.aborted, old.revoked.reason]).toEqual([true, "superseded"]);
  });

  it("reaches what the older request runs in another place, and ends that watch with the attempt", async () => {
    const world = await aSchedulerWorld();
    const nowMs = world.clock.nowMs();
    const abroad = { place: "enam", candidates: ["enam-sd35-medium"], kind: "fallback" } as const;
    const first = await world.reserve(keyed(nowMs, "old"));
    await world.release(first, BROKEN);
    const old = await world.reserve({ ...keyed(nowMs, "old"), ...abroad });
    await world.reserve(keyed(nowMs + 10, "new"));
    await settle();
    expect([leaseOf(old).revoked.aborted, leaseOf(old).revoked.reason]).toEqual([true, "superseded"]);
  });

  it("reaches what never asked at home, whichever of the two is heard of there first", async () => {
    for (const [oldAt, newAt] of [
      [0, 10],
      [10, 0],
    ] as const) {
      const world = await aSchedulerWorld();
      const nowMs = world.clock.nowMs();
      const abroad = { place: "enam", candidates: ["enam-sd35-medium"] } as const;
      const asks = [
        { at: oldAt, ask: { ...keyed(nowMs, "old"), ...abroad } },
        { at: newAt, ask: keyed(nowMs + 10, "new") },
      ].sort((a, b) => a.at - b.at);
      const leases = new Map<string, Awaited<ReturnType<typeof world.reserve>>>();
      for (const { ask } of asks) {
        leases.set(ask.requestId, await world.reserve(ask));
        await settle();
      }
      const old = leases.get("old")?.reservation;
      const fate = old?.granted ? old.lease.revoked.reason : old?.why;
      expect(fate).toBe("superseded");
    }
  });

  it("is watched for at home no longer than the attempt elsewhere lasts", async () => {
    const world = await aSchedulerWorld();
    const abroad = { place: "enam", candidates: ["enam-sd35-medium"], kind: "fallback" } as const;
    await world.release(await world.reserve({ ...keyed(world.clock.nowMs(), "old"), ...abroad }));
    const ends = await Promise.race([Promise.all(world.background), settle().then(() => "some still run")]);
    expect(ends).not.toBe("some still run");
  });

  it("refuses what comes later from the older request", async () => {
    const world = await aSchedulerWorld();
    const nowMs = world.clock.nowMs();
    await world.reserve(keyed(nowMs + 10, "new"));
    const { reservation } = await world.reserve({ ...keyed(nowMs, "old"), kind: "fallback" });
    expect(reservation).toMatchObject({ granted: false, why: "superseded" });
  });
});

describe("endpoints that are out", () => {
  it("are looked at in the background, and what was seen is told", async () => {
    const asked: string[] = [];
    const world = await aSchedulerWorld({
      look: async (due) => {
        asked.push(...due.map(({ endpoint, reason }) => `${endpoint} ${reason}`));
        return due.map(({ endpoint }) => ({ endpoint, look: { ok: true } }) as const);
      },
    });
    const failure = { reason: "secret_missing", secret: "KEY" } as const;
    await world.release(await world.reserve(), { result: { ok: false, failure } });
    await world.clock.advance(20_000);
    await world.reserve({ candidates: [] });
    await settle();
    expect(asked).toEqual([`${HOME} secret_missing`]);
    expect(seenAt(world.weur).state).toBe("slow-start");
  });
});

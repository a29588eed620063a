import { describe, expect, it } from "vitest";
import { scriptedScheduler } from "../support/scripted-scheduler.ts";
import { aLeg, aWorld, expectNothingLeft, failureOf, hangs, picture, pictureOf, sibling, trailOf } from "./world.ts";

const twoLegs = [aLeg(), sibling()];

describe("cancellation", () => {
  it.each([
    ["client_gone", "client_gone"],
    ["superseded", "superseded"],
    ["deadline", "deadline_exceeded"],
  ])("stops the upstream when the caller calls off with %s, and blames nobody", async (cause, code) => {
    const world = aWorld({ endpoints: { "weur-a": hangs, "enam-a": picture() }, legs: twoLegs });
    const answer = world.start();
    await world.clock.advance(1_200);
    world.client.abort(cause);
    const result = failureOf(await answer);
    expect(result).toMatchObject({ cancelled: cause, failure: { code } });
    expect(world.upstream.callsTo("weur-a")[0]).toMatchObject({ aborted: true, abortReason: cause });
    expect(world.upstream.callsTo("enam-a")).toEqual([]);
    expect(world.scheduler.releases[0]?.outcome).toMatchObject({
      result: { ok: false, failure: { reason: "cancelled", cause } },
      elapsedMs: 1_200,
    });
    expect(world.events).toContainEqual({ event: "request-cancelled", cause });
    expectNothingLeft(world);
  });

  it("takes an abort without a reason for a client that left", async () => {
    const world = aWorld({ endpoints: { "weur-a": hangs } });
    const answer = world.start();
    await world.clock.advance(100);
    world.client.abort();
    expect(failureOf(await answer).cancelled).toBe("client_gone");
  });

  it("begins nothing for a client that is gone already", async () => {
    const world = aWorld({ endpoints: { "weur-a": picture() } });
    world.client.abort("client_gone");
    expect(failureOf(await world.run()).failure.code).toBe("client_gone");
    expect(world.scheduler.asks).toEqual([]);
    expectNothingLeft(world);
  });

  it("counts the part of the work that was done", async () => {
    const world = aWorld({
      endpoints: { "weur-a": hangs },
      models: { m: { price: { perImageUsd: 0.04 }, expected: { p50Ms: 4_000, p95Ms: 6_000 } } },
    });
    const answer = world.start();
    await world.clock.advance(1_000);
    world.client.abort("client_gone");
    expect((await answer).costUsd).toBeCloseTo(0.01);
    expect(world.scheduler.releases[0]?.outcome.costUsd).toBeCloseTo(0.01);
  });

  it("counts all of it where the endpoint does not stop when hung up on", async () => {
    const world = aWorld({
      endpoints: { "weur-a": hangs },
      models: { m: { price: { perImageUsd: 0.04 } } },
      catalog: { "weur-a": { honoursCancel: false } },
    });
    const answer = world.start();
    await world.clock.advance(10);
    world.client.abort("client_gone");
    expect((await answer).costUsd).toBeCloseTo(0.04);
  });

  it("ends superseded when the scheduler revokes the lease for a newer request", async () => {
    const world = aWorld({ endpoints: { "weur-a": hangs, "enam-a": picture() }, legs: twoLegs });
    const answer = world.start();
    await world.clock.advance(500);
    world.scheduler.revoke(world.scheduler.leases[0], "superseded");
    expect(failureOf(await answer)).toMatchObject({ cancelled: "superseded", failure: { code: "superseded" } });
    expect(world.upstream.callsTo("weur-a")[0]).toMatchObject({ aborted: true, abortReason: "superseded" });
    expectNothingLeft(world);
  });

  it("ends superseded when the scheduler says so instead of granting", async () => {
    const scheduler = scriptedScheduler(() => ({ granted: false, why: "superseded" }));
    const world = aWorld({ endpoints: {}, legs: twoLegs, scheduler });
    expect(failureOf(await world.run()).failure.code).toBe("superseded");
  });

  it("goes on with the next leg when the slot is taken back for another reason", async () => {
    const world = aWorld({ endpoints: { "weur-a": hangs, "enam-a": picture({ afterMs: 300 }) }, legs: twoLegs });
    const answer = world.start();
    await world.clock.advance(500);
    world.scheduler.revoke(world.scheduler.leases[0], "revoked");
    await world.clock.advance(300);
    const result = pictureOf(await answer);
    expect(trailOf(result)).toEqual(["weur-a cancelled", "enam-a ok"]);
    expectNothingLeft(world);
  });

  it("does not use a lease that was revoked before it came", async () => {
    const scheduler = scriptedScheduler();
    const reserve = scheduler.reserve.bind(scheduler);
    const world = aWorld({
      endpoints: { "weur-a": picture(), "enam-a": picture() },
      legs: twoLegs,
      scheduler: {
        ...scheduler,
        async reserve(ask, signal) {
          const reservation = await reserve(ask, signal);
          if (ask.place === "weur" && reservation.granted) scheduler.revoke(reservation.lease, "revoked");
          return reservation;
        },
      },
    });
    expect(pictureOf(await world.run()).endpoint).toBe("enam-a");
    expect(world.upstream.callsTo("weur-a")).toEqual([]);
    expectNothingLeft(world);
  });

  it("tells a waiting scheduler that the caller left", async () => {
    let waiting: AbortSignal | undefined;
    const scheduler = scriptedScheduler();
    const world = aWorld({
      endpoints: { "weur-a": picture() },
      scheduler: {
        ...scheduler,
        reserve(_ask, signal) {
          waiting = signal;
          return new Promise(() => undefined);
        },
      },
    });
    const answer = world.start();
    await world.clock.advance(50);
    world.client.abort("client_gone");
    expect(failureOf(await answer).failure.code).toBe("client_gone");
    expect(waiting?.reason).toBe("client_gone");
  });

  it("cancels the body when the client leaves while the head is held", async () => {
    const world = aWorld({
      endpoints: { "weur-a": { ...picture(), chunks: [{ bytes: new Uint8Array(64) }], ends: "stall" } },
    });
    const answer = world.start();
    await world.clock.advance(100);
    world.client.abort("client_gone");
    expect(failureOf(await answer).failure.code).toBe("client_gone");
    expect(world.upstream.callsTo("weur-a")[0]).toMatchObject({ aborted: true, abortReason: "client_gone" });
    expectNothingLeft(world);
  });

  it("leaves nothing running when a port breaks its promise", async () => {
    const world = aWorld({
      endpoints: { "weur-a": picture({ afterMs: 100 }) },
      dialect: {
        name: "generate",
        begin: () => {
          throw new Error("a bug");
        },
      },
    });
    await expect(world.run()).rejects.toThrow("a bug");
    expectNothingLeft(world);
  });
});

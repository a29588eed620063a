/**
 * What execute counts on, whatever state the scheduler is in: the port's promises, kept by the adapter on every kind of line.
 */
import { describe, expect, it } from "vitest";
import { settle } from "../../support/fake-clock.ts";
import { aSchedulerWorld, HOME, OK, type SchedulerWorld, seenAt } from "./world.ts";

const states: Readonly<Record<string, (world: SchedulerWorld) => void | Promise<void>>> = {
  "answers at once": () => undefined,
  "answers slowly, but in time": ({ weur }) => {
    weur.answersAfterMs = 60;
  },
  "answers too late": ({ weur }) => {
    weur.answersAfterMs = 5_000;
  },
  "is down": ({ weur }) => {
    weur.isDown = true;
  },
  "lends credits": (world) => world.warmUp(),
  "lent credits that have expired": async (world) => {
    await world.warmUp();
    await world.clock.advance(20_000);
  },
  "lent credits and went down": async (world) => {
    await world.warmUp();
    world.weur.isDown = true;
  },
  "has all slots taken": async (world) => {
    for (let index = 0; index < 4; index += 1) {
      const reserved = await world.reserve({ deadlineAtMs: world.clock.nowMs() + 60_000 });
      void world.clock.sleep(700 + index).then(() => world.release(reserved));
    }
  },
};

describe.each(Object.entries(states))("while the scheduler %s", (_name, prepare) => {
  async function prepared() {
    const world = await aSchedulerWorld();
    await prepare(world);
    return world;
  }

  it("a reservation is answered before the deadline, by an endpoint that was asked for", async () => {
    const world = await prepared();
    const before = world.clock.nowMs();
    for (let index = 0; index < 3; index += 1) {
      const { reservation } = await world.reserve();
      if (reservation.granted) expect(reservation.lease).toMatchObject({ endpoint: HOME, place: "weur", probe: false });
    }
    expect(world.clock.nowMs() - before).toBeLessThan(8_000);
  });

  it("an endpoint to be avoided is not given", async () => {
    const world = await prepared();
    const { reservation } = await world.reserve({ avoid: [HOME] });
    expect(reservation).toMatchObject({ granted: false, why: "no_endpoint" });
  });

  it("a lease can be released twice, and by then its slot is free again", async () => {
    const world = await prepared();
    const reserved = await world.reserve();
    if (!reserved.reservation.granted) return;
    await world.release(reserved);
    reserved.scheduler.release(reserved.reservation.lease, OK);
    world.weur.isDown = false;
    world.weur.answersAfterMs = 0;
    await world.clock.advance(1_000);
    await world.reserve({ candidates: [] });
    await world.clock.advance(40_000);
    expect(world.memory.running.size).toBe(0);
    expect(seenAt(world.weur)).toMatchObject({ inUse: 0, leases: 0, credits: 0 });
  });

  it("nothing that runs in the background fails, or outlives the longest lease", async () => {
    const world = await prepared();
    const reserved = await world.reserve({ supersedeKey: "s" });
    if (reserved.reservation.granted) await world.release(reserved);
    await world.clock.advance(120_000);
    await settle();
    const ends = await Promise.race([Promise.allSettled(world.background), settle().then(() => "some still run")]);
    expect(ends).not.toBe("some still run");
    for (const end of ends as PromiseSettledResult<unknown>[]) expect(end.status).toBe("fulfilled");
  });

  it("a request that is stopped does not keep its slot", async () => {
    const world = await prepared();
    const stop = new AbortController();
    const scheduler = world.request();
    const reserving = scheduler.reserve(world.ask(), stop.signal);
    stop.abort("client_gone");
    const reservation = await world.clock.runUntil(reserving);
    if (reservation.granted)
      scheduler.release(reservation.lease, {
        ...OK,
        result: { ok: false, failure: { reason: "cancelled", cause: "client_gone" } },
      });
    world.weur.isDown = false;
    world.weur.answersAfterMs = 0;
    await world.clock.advance(1_000);
    await world.reserve({ candidates: [] });
    await world.clock.advance(40_000);
    expect(seenAt(world.weur)).toMatchObject({ inUse: 0, leases: 0 });
  });
});

import { describe, expect, it } from "vitest";
import { readCheckpoint } from "../../functions/region/checkpoint-store.ts";
import type { RegionCall, RegionReply } from "../../functions/region/region-protocol.ts";
import type { SchedulerHost } from "../../functions/region/scheduler-host.ts";
import type { ScheduledAsk, ScheduledOutcome } from "../../routing/index.ts";
import { createFakeClock, type FakeClock } from "../support/fake-clock.ts";
import { aHost } from "../support/region-objects.ts";
import { aSnapshot } from "../support/snapshot.ts";

const ENDPOINT = "weur-sd35-medium";
const SNAPSHOT = aSnapshot();
const PUSHED_AT_MS = 1_000;
const FROM = { version: SNAPSHOT.version, pushedAtMs: PUSHED_AT_MS };

function anAsk(clock: FakeClock, parts: Partial<ScheduledAsk> = {}): ScheduledAsk {
  return {
    place: "weur",
    model: "sd35-medium",
    candidates: [ENDPOINT],
    sizeClass: "m",
    priority: "interactive",
    deadlineAtMs: clock.nowMs() + 8_000,
    kind: "first",
    avoid: [],
    tenant: "t",
    requestId: "r",
    ...parts,
  };
}

const ok: ScheduledOutcome = { model: "sd35-medium", sizeClass: "m", result: { ok: true }, elapsedMs: 1_500 };
const broken: ScheduledOutcome = {
  ...ok,
  result: { ok: false, failure: { reason: "upstream_error", status: 500 } },
};

type Reply = Extract<RegionReply, { needsConfig: false }>;

function say(host: SchedulerHost, parts: Partial<RegionCall> = {}): Reply {
  const reply = host.call({ ...FROM, ...parts });
  if (reply.needsConfig) throw new Error("the host asks for its configuration");
  return reply;
}

/** A configured host, and what it wrote. */
async function aWorld(stored?: Map<string, unknown>) {
  const clock = createFakeClock();
  const of = await aHost(clock, stored);
  await of.host.configure("weur", SNAPSHOT, PUSHED_AT_MS);
  return { clock, ...of };
}

function leaseOf(reply: Reply) {
  if (reply.answer?.kind !== "granted") throw new Error(`not granted: ${JSON.stringify(reply.answer)}`);
  return reply.answer.lease;
}

function ticketOf(reply: Reply) {
  if (reply.answer?.kind !== "queued") throw new Error(`not queued: ${JSON.stringify(reply.answer)}`);
  return reply.answer;
}

const seen = (host: SchedulerHost, id = ENDPOINT) =>
  say(host, { viewAtMs: 0 }).view?.endpoints.find((endpoint) => endpoint.id === id);

describe("the configuration", () => {
  it("is asked for before anything is answered", async () => {
    const { host } = await aHost(createFakeClock());
    expect(host.call(FROM)).toEqual({ needsConfig: true });
  });

  it("is asked for by those who come with one that was pushed later, and by nobody else", async () => {
    const { host } = await aWorld();
    const other = { version: "other" };
    expect(host.call({ ...other, pushedAtMs: PUSHED_AT_MS + 1 })).toEqual({ needsConfig: true });
    expect(host.call({ ...other, pushedAtMs: PUSHED_AT_MS - 1 }).needsConfig).toBe(false);
    expect(host.call({ ...other, pushedAtMs: 0 }).needsConfig).toBe(false);
    expect(host.call({ ...FROM, pushedAtMs: PUSHED_AT_MS + 1 }).needsConfig).toBe(false);
  });

  it("stays when the same is pushed again, although those who still have what was pushed in between call", async () => {
    const { host } = await aWorld();
    say(host, { pushedAtMs: PUSHED_AT_MS + 2 });
    expect(host.call({ version: "between", pushedAtMs: PUSHED_AT_MS + 1 }).needsConfig).toBe(false);
  });

  it("does not go back to one that was pushed earlier", async () => {
    const { host } = await aWorld();
    await host.configure("weur", aSnapshot({ version: "older" }), PUSHED_AT_MS - 1);
    expect(say(host).view?.version).toBe(SNAPSHOT.version);
    await host.configure("weur", aSnapshot({ version: "newer" }), PUSHED_AT_MS + 1);
    expect(say(host, { viewAtMs: 0 }).view?.version).toBe("newer");
  });
});

describe("one call", () => {
  it("takes in what is told before it answers what is asked", async () => {
    const { clock, host } = await aWorld();
    const ask = anAsk(clock);
    const [first] = [say(host, { ask }), say(host, { ask })];
    expect(say(host, { ask: { ...ask, deadlineAtMs: clock.nowMs() + 1_800 } }).answer?.kind).toBe("refused");
    const released = [{ leaseId: leaseOf(first).id, endpoint: ENDPOINT, outcome: ok }];
    expect(say(host, { ask, released }).answer?.kind).toBe("granted");
  });

  it("brings a view to those who have none or an old one", async () => {
    const { clock, host } = await aWorld();
    const { view } = say(host);
    expect(view?.place).toBe("weur");
    await clock.advance(999);
    expect(say(host, { viewAtMs: view?.atMs ?? 0 }).view).toBeUndefined();
    await clock.advance(1);
    expect(say(host, { viewAtMs: view?.atMs ?? 0 }).view?.atMs).toBe(clock.nowMs());
  });

  it("lends credits, pays for extras, and gives them back", async () => {
    const { clock, host } = await aWorld();
    const credits = [{ isolateId: "i", model: "sd35-medium", slots: 1 }];
    expect(say(host, { credits }).credits).toMatchObject([{ endpoint: ENDPOINT, slots: 1 }]);
    expect(say(host, { extra: "retry" }).extra).toBe(false);
    const start = (index: number) => ({
      id: `${index}`,
      endpoint: ENDPOINT,
      ask: anAsk(clock, { requestId: `${index}` }),
      startedAtMs: clock.nowMs(),
    });
    const started = Array.from({ length: 10 }, (_, index) => start(index));
    say(host, { report: { isolateId: "i", started, ended: [] } });
    expect(say(host, { extra: "retry" }).extra).toBe(true);
    expect(say(host, { extra: "retry" }).extra).toBe(false);
    expect(say(host, { refund: "retry", extra: "retry" }).extra).toBe(true);
  });
});

describe("a request in the queue", () => {
  async function aQueue() {
    const world = await aWorld();
    const ask = anAsk(world.clock);
    const leases = [leaseOf(say(world.host, { ask })), leaseOf(say(world.host, { ask }))];
    const waiting = ticketOf(say(world.host, { ask: { ...ask, requestId: "waits" } }));
    return { ...world, leases, waiting };
  }

  it("gets the slot that comes free, whether it waits for it already or asks later", async () => {
    for (const asksLater of [false, true]) {
      const { clock, host, leases, waiting } = await aQueue();
      const early = asksLater ? undefined : host.granted(waiting.ticket, waiting.expiresAtMs);
      await clock.advance(1_000);
      say(host, { released: [{ leaseId: leases[0]?.id ?? "", endpoint: ENDPOINT, outcome: ok }] });
      const end = await (early ?? host.granted(waiting.ticket, waiting.expiresAtMs));
      expect(end).toMatchObject({ granted: true, lease: { id: waiting.ticket, endpoint: ENDPOINT } });
    }
  });

  it("leaves it when its time is over, without anybody calling", async () => {
    const { clock, host, waiting } = await aQueue();
    const end = host.granted(waiting.ticket, waiting.expiresAtMs + 1_000);
    await clock.advance(waiting.expiresAtMs - clock.nowMs() + 500);
    expect(await end).toMatchObject({ granted: false, why: "predicted_late" });
  });

  it("gives its slot back when nobody waits any more", async () => {
    const { clock, host, leases, waiting } = await aQueue();
    await clock.advance(1_000);
    say(host, { released: [{ leaseId: leases[0]?.id ?? "", endpoint: ENDPOINT, outcome: ok }] });
    expect(seen(host)?.inUse).toBe(2);
    say(host, { abandoned: [waiting.ticket] });
    expect(seen(host)?.inUse).toBe(1);
  });

  it("ends the wait of whoever still waits for a ticket that was abandoned", async () => {
    const { clock, host, waiting } = await aQueue();
    const end = host.granted(waiting.ticket, waiting.expiresAtMs);
    say(host, { abandoned: [waiting.ticket] });
    const before = clock.passedMs();
    expect(await clock.runUntil(end)).toMatchObject({ granted: false });
    expect(clock.passedMs()).toBe(before);
  });
});

describe("a watched lease", () => {
  const keyed = (clock: FakeClock, requestId: string, startedAtMs: number) =>
    anAsk(clock, { requestId, startedAtMs, supersedeKey: "session:layer" });

  it("is revoked when a newer request of the same session and layer comes", async () => {
    const { clock, host } = await aWorld();
    const old = leaseOf(say(host, { ask: keyed(clock, "old", clock.nowMs()) }));
    const cause = host.watch(old.id, old.expiresAtMs);
    await clock.advance(100);
    say(host, { ask: keyed(clock, "new", clock.nowMs()) });
    expect(await cause).toBe("superseded");
  });

  it("is revoked although it was begun without asking, and although the watch comes too late", async () => {
    const { clock, host } = await aWorld();
    const started = {
      id: "1",
      endpoint: ENDPOINT,
      ask: keyed(clock, "old", clock.nowMs()),
      startedAtMs: clock.nowMs(),
    };
    say(host, { ask: keyed(clock, "new", clock.nowMs() + 50) });
    const cause = host.watch("i/1", clock.nowMs() + 60_000, { isolateId: "i", started: [started], ended: [] });
    expect(await cause).toBe("superseded");
    expect(seen(host)?.inUse).toBe(2);
  });

  it("ends its watch when it is released, reported as ended, or expired", async () => {
    const { clock, host } = await aWorld();
    const lease = leaseOf(say(host, { ask: anAsk(clock, { timeoutMs: 1_000 }) }));
    const released = host.watch(lease.id, lease.expiresAtMs);
    say(host, { released: [{ leaseId: lease.id, endpoint: ENDPOINT, outcome: ok }] });
    expect(await released).toBeUndefined();

    const started = { id: "2", endpoint: ENDPOINT, ask: anAsk(clock), startedAtMs: clock.nowMs() };
    const reported = host.watch("i/2", clock.nowMs() + 60_000, { isolateId: "i", started: [started], ended: [] });
    const ended = [{ id: "2", endpoint: ENDPOINT, outcome: ok }];
    say(host, { report: { isolateId: "i", started: [], ended } });
    expect(await reported).toBeUndefined();

    const lost = leaseOf(say(host, { ask: anAsk(clock, { timeoutMs: 1_000 }) }));
    const expired = host.watch(lost.id, clock.nowMs() + 60_000);
    await clock.advance(2_001);
    expect(await expired).toBeUndefined();
    expect(clock.sleeping()).toBeLessThanOrEqual(1);
  });
});

describe("endpoints that are out", () => {
  it("are looked at by one isolate at a time, and come back when the look is good", async () => {
    const { clock, host } = await aWorld();
    const failure = { reason: "pin_mismatch", expected: "a", reported: "b" } as const;
    const outcome: ScheduledOutcome = { ...ok, result: { ok: false, failure } };
    say(host, { released: [{ leaseId: "none", endpoint: ENDPOINT, outcome }] });
    expect(say(host).looksDue).toBeUndefined();
    await clock.advance(20_000);
    expect(say(host).looksDue).toEqual([{ endpoint: ENDPOINT, reason: "pin_mismatch" }]);
    expect(say(host).looksDue).toBeUndefined();
    await clock.advance(10_000);
    expect(say(host).looksDue).toHaveLength(1);
    say(host, { looks: [{ endpoint: ENDPOINT, look: { ok: true } }] });
    expect(seen(host)?.state).toBe("slow-start");
  });
});

describe("a restart", () => {
  it("keeps leases, health and configuration as they were written down", async () => {
    const { clock, host, stored, saves } = await aWorld();
    const lease = leaseOf(say(host, { ask: anAsk(clock) }));
    const none = { leaseId: "none", endpoint: "weur-nano-banana", outcome: { ...broken, model: "nano-banana" } };
    say(host, { released: [none, none, none] });
    expect(saves).toEqual([10_000]);
    await host.save();

    const next = await aHost(clock, stored);
    expect(next.host.call({ ...FROM, pushedAtMs: PUSHED_AT_MS }).needsConfig).toBe(false);
    expect(seen(next.host)).toMatchObject({ inUse: 1 });
    expect(seen(next.host, "weur-nano-banana")?.state).toBe("open");
    say(next.host, { released: [{ leaseId: lease.id, endpoint: ENDPOINT, outcome: ok }] });
    expect(seen(next.host)).toMatchObject({ inUse: 0, outcomes: { ok: 1 } });
  });

  it("frees the slot of a lease that nobody releases, after one lease time", async () => {
    const { clock, host, stored } = await aWorld();
    leaseOf(say(host, { ask: anAsk(clock, { timeoutMs: 3_000 }) }));
    await host.save();
    const next = await aHost(clock, stored);
    await clock.advance(6_001);
    expect(seen(next.host)?.inUse).toBe(0);
  });

  it("starts afresh over a checkpoint that is not whole", async () => {
    const { clock, host, stored } = await aWorld();
    leaseOf(say(host, { ask: anAsk(clock) }));
    await host.save();
    stored.delete("checkpoint:1:0");
    const next = await aHost(clock, stored);
    expect(seen(next.host)?.inUse).toBe(0);
  });

  it("writes nothing while nothing changes, and again after the next change", async () => {
    const { clock, host, stored, saves } = await aWorld();
    await host.save();
    stored.clear();
    await host.save();
    expect(stored.size).toBe(0);
    leaseOf(say(host, { ask: anAsk(clock) }));
    expect(saves).toHaveLength(2);
    await host.save();
    expect(stored.size).toBeGreaterThan(0);
  });

  it("writes a large state in pieces that one value can hold", async () => {
    const { clock, host, stored } = await aWorld();
    const started = Array.from({ length: 3_000 }, (_, index) => ({
      id: `${index}`,
      endpoint: ENDPOINT,
      ask: anAsk(clock, { requestId: "x".repeat(200) }),
      startedAtMs: clock.nowMs(),
    }));
    say(host, { report: { isolateId: "i", started, ended: [] } });
    await host.save();
    expect(stored.get("checkpoint:1")).toBeGreaterThan(1);
    for (const value of stored.values()) if (typeof value === "string") expect(value.length).toBeLessThan(1_000_000);
    const get = async (key: string) => stored.get(key);
    expect((await readCheckpoint({ get, put: async () => undefined }))?.leases).toHaveLength(3_000);
  });
});

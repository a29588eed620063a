/** The Rollout object's inside: what it says, what it writes down, and what survives its end. */
import { describe, expect, it } from "vitest";
import type { OutcomeBatch } from "../../routing/index.ts";
import { aFailure, anOutcome, HOUR_MS, MINUTE_MS, SPEC, START_MS } from "./world.ts";
import { aHost } from "./world-of-hosts.ts";

const spec = { ...SPEC, ramp: [0.3] };
const order = { spec, person: "ada", limits: { warmupMs: 0 } };

/** Forty canary requests that fail beside eighty baseline ones that do not, units of their own. */
function aBadBatch(id: string, atMs: number): OutcomeBatch {
  const outcomes = Array.from({ length: 120 }, (_, index) => {
    const change = { atMs: atMs + index, unit: index * 7_919 + atMs };
    return index % 3 === 0 ? aFailure({ ...change, arm: "canary" }) : anOutcome({ ...change, arm: "baseline" });
  });
  return { id, outcomes };
}

describe("a Rollout host", () => {
  it("knows nothing before a start", async () => {
    const { host } = await aHost();
    expect([await host.arms(), await host.view(), await host.report({ id: "a", outcomes: [] })]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(await host.command({ command: "pause", person: "ada" })).toBeUndefined();
  });

  it("says after a start how to assign, and writes the start down", async () => {
    const { host, stored } = await aHost();
    expect(await host.start(order)).toEqual({ ok: true });
    expect(await host.arms()).toEqual({
      name: "sd35-next",
      route: "preview",
      baseline: "sd35-medium",
      candidate: "sd35-next",
      stickTo: "request",
      salt: "sd35-next",
      share: 0.3,
      recording: true,
      shadow: { share: 0.02, remainingGpuMs: 3_600_000 },
    });
    expect([...stored.keys()].filter((key) => key.startsWith("log:"))).toEqual(["log:1:1:000001"]);
    expect(await host.start(order)).toEqual({ ok: false, phase: "running" });
  });

  it("rolls back within the report that shows it, tells why, and says so to whoever reported", async () => {
    const world = await aHost();
    await world.host.start(order);
    world.nowMs += MINUTE_MS;
    const state = await world.host.report(aBadBatch("bad", START_MS + 1));
    expect(state).toMatchObject({ share: 0, recording: false });
    expect(world.told.at(-1)).toMatchObject({ event: "rollout-decision", kind: "rolled-back", acted: true });
    expect(world.told.at(-1)?.["says"]).toMatch(/errors: \d+ of \d+ against 0 of \d+ in the baseline/);
    expect(await world.host.report(aBadBatch("more", START_MS + 500))).toMatchObject({ share: 0 });
    expect((await world.host.view())?.log.map(({ kind }) => kind)).toEqual(["started", "rolled-back"]);
  });

  it("counts a batch once that came twice", async () => {
    const { host } = await aHost();
    await host.start(order);
    const batch = { id: "same", outcomes: [anOutcome({ atMs: START_MS + 1 })] };
    await host.report(batch);
    await host.report(batch);
    expect((await host.view())?.status.numbers.arms.canary.requests).toBe(1);
  });

  it("goes on where it was after its end, with what was saved", async () => {
    const first = await aHost();
    await first.host.start(order);
    await first.host.report({ id: "a", outcomes: [anOutcome({ atMs: START_MS + 1 })] });
    await first.host.report({ id: "b", outcomes: [anOutcome({ atMs: START_MS + 2 })] });
    expect(first.wakesAsked).toEqual([10_000]);
    await first.host.work();
    const second = await aHost(first.stored);
    expect((await second.host.view())?.status.numbers.arms.canary.requests).toBe(2);
    expect(await second.host.command({ command: "abort", person: "grace", note: "enough" })).toMatchObject({
      ok: true,
    });
    const third = await aHost(first.stored);
    expect(await third.host.arms()).toMatchObject({ share: 0, recording: false });
    expect((await third.host.view())?.log.at(-1)).toMatchObject({ kind: "aborted", person: "grace", note: "enough" });
  });

  it("holds the day's cap for shadows through its own end and through another run", async () => {
    const shadows = { ...order, limits: { warmupMs: 0, shadowGpuMsPerDay: 5_000 } };
    const first = await aHost();
    await first.host.start(shadows);
    expect(await first.host.arms()).toMatchObject({ shadow: { share: 0.02, remainingGpuMs: 5_000 } });
    expect(await first.host.claimShadow(3_000)).toBe(true);
    const second = await aHost(first.stored);
    expect(await second.host.claimShadow(3_000)).toBe(false);
    expect(await second.host.arms()).toMatchObject({ shadow: { remainingGpuMs: 2_000 } });
    await second.host.command({ command: "abort", person: "ada" });
    expect(await second.host.claimShadow(1)).toBe(false);
    await second.host.start(shadows);
    expect(await second.host.claimShadow(3_000)).toBe(false);
    await second.host.report({ id: "s", outcomes: [], shadows: [{ atMs: START_MS, gpuMs: 1, claimedMs: 3_000 }] });
    await second.host.command({ command: "abort", person: "ada" });
    await second.host.start(shadows);
    expect(await second.host.claimShadow(4_999)).toBe(true);
    second.nowMs += 24 * HOUR_MS;
    expect(await second.host.claimShadow(3_000)).toBe(true);
  });

  it("starts again after an end, as another run, and keeps the former decisions", async () => {
    const { host, stored } = await aHost();
    await host.start(order);
    await host.command({ command: "abort", person: "ada" });
    expect(await host.start(order)).toEqual({ ok: true });
    expect(await host.view()).toMatchObject({ run: 2, log: [{ kind: "started" }] });
    expect([...stored.keys()].filter((key) => key.startsWith("log:")).sort()).toEqual([
      "log:1:1:000001",
      "log:1:1:000002",
      "log:1:2:000001",
    ]);
  });
});

describe("a host that judges a push", () => {
  const [baseline, candidate] = ["00000000000000a1", "00000000000000a2"];
  const push = {
    spec: { ...spec, name: `config-${candidate}`, subject: { kind: "config", baseline, candidate } as const },
    ...{ person: "ada", limits: { warmupMs: 0 }, pushedAtMs: START_MS },
  };
  /** The same failures, whatever models they were of. */
  const bad = (atMs: number) => aBadBatch("bad", atMs);

  it("begins once a push, and anew with a newer one", async () => {
    const { host } = await aHost();
    expect(await host.stage(push)).toEqual({
      kind: "config",
      ...{ name: push.spec.name, share: 0.3, recording: true, pushedAtMs: START_MS },
    });
    await host.stage(push);
    await host.stage({ ...push, pushedAtMs: START_MS - 1 });
    expect((await host.view())?.run).toBe(1);
    await host.stage({ ...push, pushedAtMs: START_MS + 1 });
    expect((await host.view())?.run).toBe(2);
  });

  it("has the pointer moved back when it rolls back, once, with its reasons", async () => {
    const world = await aHost();
    await world.host.stage(push);
    world.nowMs += MINUTE_MS;
    expect(await world.host.report(bad(START_MS + 1))).toMatchObject({ share: 0, recording: false });
    expect(world.wakesAsked).toContain(0);
    await world.host.work();
    expect(world.moves).toMatchObject([{ to: "former", baseline, candidate, pushedAtMs: START_MS, author: "galley" }]);
    expect(world.moves[0]?.message).toMatch(/^rolled back, canary at 0 %\. errors: /);
    await world.host.work();
    expect(world.moves).toHaveLength(1);
  });

  it.each(["again", "broken"] as const)(
    "tries until the pointer is moved (%s), also after its own end",
    async (end) => {
      const first = await aHost();
      await first.host.stage(push);
      first.moveEnds = end;
      await first.host.command({ command: "abort", person: "grace", note: "enough" });
      await first.host.work();
      expect(first.wakesAsked.at(-1)).toBe(5_000);
      const second = await aHost(first.stored);
      expect(second.wakesAsked).toEqual([0]);
      await second.host.work();
      expect(second.moves).toMatchObject([{ to: "former", author: "grace" }]);
      const third = await aHost(first.stored);
      await third.host.work();
      expect([third.wakesAsked, third.moves]).toEqual([[], []]);
    },
  );

  it("has it moved on when it is promoted, and not at all where it only observes", async () => {
    const world = await aHost();
    await world.host.stage(push);
    await world.host.command({ command: "promote", person: "grace" });
    await world.host.work();
    expect(world.moves).toMatchObject([{ to: "newer" }]);
    const observing = await aHost();
    await observing.host.stage({ ...push, spec: { ...push.spec, mode: "observe" } });
    observing.nowMs += MINUTE_MS;
    await observing.host.report(bad(START_MS + 1));
    await observing.host.work();
    expect(observing.moves).toEqual([]);
  });

  it("forgets what was due when a newer push came", async () => {
    const world = await aHost();
    await world.host.stage(push);
    await world.host.command({ command: "abort", person: "grace" });
    await world.host.stage({ ...push, pushedAtMs: START_MS + 1 });
    await world.host.work();
    expect(world.moves).toEqual([]);
  });

  it("writes outcomes down that came while the pointer was being moved", async () => {
    const world = await aHost();
    await world.host.stage(push);
    world.moveEnds = "again";
    await world.host.command({ command: "abort", person: "grace" });
    await world.host.report({ id: "late", outcomes: [] });
    world.moveEnds = "moved";
    await world.host.work();
    await world.host.report({ id: "later", outcomes: [] });
    expect(world.wakesAsked.at(-1)).toBe(10_000);
  });
});

import { describe, expect, it } from "vitest";
import { scriptedScheduler } from "../support/scripted-scheduler.ts";
import {
  aLeg,
  aWorld,
  expectNothingLeft,
  failureOf,
  picture,
  pictureOf,
  refuses,
  sibling,
  status,
  trailOf,
} from "./world.ts";

const twoEndpoints = [aLeg({ candidates: ["weur-a", "weur-b"] })];

describe("retries", () => {
  it("takes another endpoint of the same leg after a quick failure, before it leaves the region", async () => {
    const world = aWorld({
      endpoints: { "weur-a": refuses, "weur-b": picture({ afterMs: 400 }), "enam-a": picture() },
      legs: [...twoEndpoints, sibling()],
    });
    const result = pictureOf(await world.run());
    expect(trailOf(result)).toEqual(["weur-a connect_failed", "weur-b ok"]);
    expect(world.scheduler.asks.map((ask) => [ask.kind, ask.avoid])).toEqual([
      ["first", []],
      ["retry", ["weur-a"]],
    ]);
    expect(result.degraded).toBeUndefined();
    expectNothingLeft(world);
  });

  it("leaves the region when the scheduler's budget refuses the retry", async () => {
    const scheduler = scriptedScheduler((ask) => (ask.kind === "retry" ? { granted: false, why: "budget" } : {}));
    const world = aWorld({
      endpoints: { "weur-a": refuses, "weur-b": picture(), "enam-a": picture() },
      legs: [...twoEndpoints, sibling()],
      scheduler,
    });
    const result = pictureOf(await world.run());
    expect(trailOf(result)).toEqual(["weur-a connect_failed", "enam-a ok"]);
    expect(result.degraded).toEqual({ what: "region", reason: "connect-failed" });
    expect(world.upstream.callsTo("weur-b")).toEqual([]);
  });

  it("leaves the region when too little of the leg's time is left", async () => {
    const world = aWorld({
      endpoints: { "weur-a": status(500, { afterMs: 2_500 }), "weur-b": picture(), "enam-a": picture() },
      legs: [aLeg({ candidates: ["weur-a", "weur-b"], capMs: 3_000 }), sibling()],
    });
    expect(trailOf(await world.run())).toEqual(["weur-a upstream_error", "enam-a ok"]);
  });

  it("uses the plan's own leg for the other endpoint where it has one", async () => {
    const world = aWorld({
      endpoints: { "weur-a": refuses, "weur-b": picture() },
      legs: [...twoEndpoints, aLeg({ kind: "same-model", candidates: ["weur-a", "weur-b"] })],
    });
    pictureOf(await world.run());
    expect(world.scheduler.asks.map((ask) => [ask.kind, ask.avoid])).toEqual([
      ["first", []],
      ["fallback", ["weur-a"]],
    ]);
  });

  it("asks no place for endpoints that were all tried", async () => {
    const world = aWorld({
      endpoints: { "weur-a": status(401) },
      legs: [aLeg(), aLeg({ kind: "model", upscale: false })],
    });
    failureOf(await world.run());
    expect(world.scheduler.asks.length).toBe(1);
    expect(world.events).toContainEqual({ event: "leg-skipped", leg: "model", why: "already-tried" });
  });

  it("asks the same endpoint once more when no leg is left", async () => {
    const world = aWorld({ endpoints: { "weur-a": [refuses, picture({ afterMs: 300 })] } });
    const result = pictureOf(await world.run());
    expect(trailOf(result)).toEqual(["weur-a connect_failed", "weur-a ok"]);
    expectNothingLeft(world);
  });

  it("repeats no more than once a request", async () => {
    const world = aWorld({ endpoints: { "weur-a": refuses, "weur-b": refuses }, legs: twoEndpoints });
    failureOf(await world.run());
    expect(world.upstream.calls.length).toBe(2);
  });

  it("does not come back before Retry-After", async () => {
    const world = aWorld({
      endpoints: { "weur-a": [status(429, { headers: { "retry-after": "2" } }), picture({ afterMs: 100 })] },
    });
    pictureOf(await world.run());
    expect(world.upstream.calls.map((seen) => seen.atMs - world.startedAtMs)).toEqual([0, 2_000]);
    expectNothingLeft(world);
  });

  it("does not come back at all when Retry-After leaves no time, and passes the wait on", async () => {
    const world = aWorld({ endpoints: { "weur-a": status(503, { headers: { "retry-after": "30" } }) } });
    const result = failureOf(await world.run());
    expect(result.failure).toMatchObject({ code: "no_capacity", retryAfterMs: 30_000 });
    expect(world.upstream.calls.length).toBe(1);
    expect(world.elapsedMs()).toBe(0);
    expectNothingLeft(world);
  });

  it.each([
    ["a timeout of its own", status(504)],
    ["a connection lost while it worked", { does: "refuse", afterMs: 1_500 } as const],
    ["a wrong key", status(401)],
    ["another version", picture({ pin: "m@ffffffffffff" })],
  ])("does not ask the same endpoint again after %s", async (_what, answer) => {
    const world = aWorld({ endpoints: { "weur-a": answer } });
    failureOf(await world.run());
    expect(world.upstream.calls.length).toBe(1);
  });

  it("repeats nothing where the policy has no budget for it", async () => {
    const world = aWorld({
      endpoints: { "weur-a": refuses, "weur-b": picture() },
      legs: twoEndpoints,
      policy: { extraAttempts: 0 },
    });
    failureOf(await world.run());
    expect(world.upstream.calls.length).toBe(1);
  });

  it("does not repeat a dear picture that may be billed", async () => {
    const dear = { m: { price: { perImageUsd: 0.2 } } };
    const world = aWorld({
      endpoints: { "weur-a": status(500), "weur-b": picture() },
      legs: twoEndpoints,
      models: dear,
    });
    failureOf(await world.run());
    expect(world.upstream.calls.length).toBe(1);
  });

  it("lets a job's same-model leg go back to its only endpoint after a while", async () => {
    const world = aWorld({
      endpoints: { "weur-a": [status(500), picture({ afterMs: 10_000 })] },
      legs: [aLeg({ capMs: 60_000 }), aLeg({ kind: "same-model", capMs: 60_000 })],
      policy: { mode: "job", deadlineMs: 600_000 },
    });
    const result = pictureOf(await world.run());
    expect(trailOf(result)).toEqual(["weur-a upstream_error", "weur-a ok"]);
    expect(world.upstream.calls.map((seen) => seen.atMs - world.startedAtMs)).toEqual([0, 3_750]);
    expectNothingLeft(world);
  });

  it("sends the same seed and an attempt id of its own with every attempt", async () => {
    const world = aWorld({ endpoints: { "weur-a": refuses, "weur-b": picture() }, legs: twoEndpoints });
    await world.run();
    const sent = world.upstream.calls.map((seen) => seen.call);
    expect(sent.map((call) => JSON.parse(String(call.body)).seed)).toEqual([7, 7]);
    expect(sent.map((call) => call.headers["x-request-id"])).toEqual(["req.1", "req.2"]);
  });
});

import { describe, expect, it } from "vitest";
import { scriptedScheduler } from "../support/scripted-scheduler.ts";
import type { Answer } from "../support/scripted-upstream.ts";
import {
  aLeg,
  aWorld,
  expectNothingLeft,
  failureOf,
  hangs,
  PIN,
  picture,
  pictureOf,
  refuses,
  sibling,
  status,
  trailOf,
  type WorldParts,
} from "./world.ts";

const policy = { hedge: { afterQuantile: 0.95, budget: 0.05 } };
const twoLegs = [aLeg(), sibling()];

/** The scheduler asks for a hedge after 1,500 ms. */
function hedged(
  parts: Partial<WorldParts> & { readonly endpoints: Readonly<Record<string, Answer | readonly Answer[]>> },
) {
  const scheduler = scriptedScheduler((ask) => (ask.kind === "hedge" ? {} : { hedgeAfterMs: 1_500 }));
  return aWorld({ legs: twoLegs, policy, scheduler, ...parts });
}

describe("hedging", () => {
  it("makes no second attempt when the first is in time", async () => {
    const world = hedged({ endpoints: { "weur-a": picture({ afterMs: 1_499 }), "enam-a": picture() } });
    pictureOf(await world.run());
    await world.clock.advance(60_000);
    expect(world.scheduler.asks.map((ask) => ask.kind)).toEqual(["first"]);
    expectNothingLeft(world);
  });

  it("serves the hedge's picture when it is first, and stops the straggler", async () => {
    const world = hedged({ endpoints: { "weur-a": hangs, "enam-a": picture({ afterMs: 700 }) } });
    const result = pictureOf(await world.run());
    expect(world.elapsedMs()).toBe(1_500 + 700);
    expect(result).toMatchObject({ endpoint: "enam-a", degraded: { what: "region", reason: "hedge" } });
    expect(world.upstream.callsTo("weur-a")[0]).toMatchObject({ aborted: true, abortReason: "lost_race" });
    expect(world.scheduler.releases.find((one) => one.lease.endpoint === "weur-a")?.outcome).toMatchObject({
      result: { ok: false, failure: { reason: "cancelled", cause: "lost_race" } },
      elapsedMs: 2_200,
    });
    expectNothingLeft(world);
  });

  it("serves the first attempt's picture when that is first, and stops the hedge", async () => {
    const world = hedged({ endpoints: { "weur-a": picture({ afterMs: 1_900 }), "enam-a": picture({ afterMs: 700 }) } });
    const result = pictureOf(await world.run());
    expect(result.endpoint).toBe("weur-a");
    expect(result.degraded).toBeUndefined();
    expect(trailOf(result)).toEqual(["weur-a ok", "enam-a cancelled"]);
    expect(world.upstream.callsTo("enam-a")[0]).toMatchObject({ aborted: true, abortReason: "lost_race" });
    expectNothingLeft(world);
  });

  it("draws the same picture: same model, same seed", async () => {
    const world = hedged({ endpoints: { "weur-a": hangs, "enam-a": picture() } });
    await world.run();
    const bodies = world.upstream.calls.map((seen) => JSON.parse(String(seen.call.body)));
    expect(bodies[1]).toEqual(bodies[0]);
  });

  it("lets go of a loser that answers all the same", async () => {
    const world = hedged({
      endpoints: { "weur-a": picture({ afterMs: 3_000, deaf: true }), "enam-a": picture({ afterMs: 700 }) },
    });
    pictureOf(await world.run());
    await world.clock.advance(10_000);
    expect(world.upstream.callsTo("weur-a")[0]).toMatchObject({ bodyCancelled: true, sentBytes: 0 });
    expectNothingLeft(world);
  });

  it("counts the cost of both", async () => {
    const world = hedged({
      endpoints: { "weur-a": hangs, "enam-a": picture({ afterMs: 500 }) },
      models: { m: { price: { perGpuSecondUsd: 0.001 } } },
    });
    const result = pictureOf(await world.run());
    expect(result.costUsd).toBeCloseTo(0.001 * 2 + 0.001 * 0.5);
  });

  it("prefers another failure domain of the same place to another place", async () => {
    const world = hedged({
      endpoints: { "weur-a": hangs, "weur-b": picture(), "weur-c": picture(), "enam-a": picture() },
      legs: [aLeg({ candidates: ["weur-a", "weur-b", "weur-c"] }), sibling()],
      catalog: { "weur-c": { failureDomain: "other-provider" } },
    });
    const result = pictureOf(await world.run());
    expect(result.endpoint).toBe("weur-c");
    expect(world.scheduler.asks[1]).toMatchObject({ kind: "hedge", place: "weur", avoid: ["weur-a", "weur-b"] });
  });

  it.each([
    ["there is no other failure domain", { legs: [aLeg({ candidates: ["weur-a", "weur-b"] })] }],
    ["the other leg is another model", { legs: [aLeg(), sibling({ model: "n" })], models: { n: {} } }],
    ["the policy does not hedge", { policy: {} }],
    ["the policy has no budget", { policy: { ...policy, extraAttempts: 0 } }],
    ["the attempts are used up", { policy: { ...policy, maxAttempts: 1 } }],
    ["the picture is dear", { models: { m: { price: { perImageUsd: 0.2 } } } }],
  ])("does not hedge when %s", async (_why, parts) => {
    const world = hedged({
      endpoints: { "weur-a": picture({ afterMs: 4_000 }), "weur-b": picture(), "enam-a": picture() },
      ...parts,
    });
    expect(trailOf(await world.run())).toEqual(["weur-a ok"]);
  });

  it("starts no leg early beside an attempt that may be hedged, whatever the budget says of the hedge", async () => {
    const predicted = { waitMs: 0, serviceMs: 500, p95Ms: 1_000 };
    const scheduler = scriptedScheduler((ask) =>
      ask.kind === "hedge" ? { granted: false, why: "budget" } : { predicted, hedgeAfterMs: 1_500 },
    );
    const world = hedged({
      endpoints: { "weur-a": picture({ afterMs: 3_000 }), "enam-a": picture() },
      policy: { ...policy, overlap: true },
      scheduler,
    });
    expect(pictureOf(await world.run()).endpoint).toBe("weur-a");
    expect(world.scheduler.asks.map((ask) => ask.kind)).toEqual(["first", "hedge"]);
  });

  it("starts the next leg beside one that cannot be hedged because no other endpoint has its model", async () => {
    const predicted = { waitMs: 0, serviceMs: 500, p95Ms: 1_000 };
    const scheduler = scriptedScheduler(() => ({ predicted, hedgeAfterMs: 1_500 }));
    const world = hedged({
      endpoints: { "weur-a": hangs, "enam-a": picture({ afterMs: 300 }) },
      legs: [aLeg(), sibling({ model: "n" })],
      models: { n: { pin: PIN } },
      policy: { ...policy, overlap: true },
      scheduler,
    });
    expect(pictureOf(await world.run()).endpoint).toBe("enam-a");
    expect(world.scheduler.asks[1]).toMatchObject({ kind: "fallback", beside: true });
    expect(world.elapsedMs()).toBe(1_000 + 300);
  });

  it("stops a hedge that takes longer than such work ever does, and takes the rest of its leg", async () => {
    const world = hedged({
      endpoints: { "weur-a": hangs, "enam-a": hangs, "enam-b": picture({ afterMs: 700 }) },
      legs: [aLeg({ attemptMs: 1_800 }), sibling({ candidates: ["enam-a", "enam-b"], attemptMs: 1_800 })],
      policy: { ...policy, overlap: true },
    });
    expect(pictureOf(await world.run()).endpoint).toBe("enam-b");
    expect(world.elapsedMs()).toBe(1_500 + 1_800 + 700);
    expectNothingLeft(world);
  });

  it("goes on alone when the scheduler refuses the hedge, and keeps the leg for later", async () => {
    const scheduler = scriptedScheduler((ask) =>
      ask.kind === "hedge" ? { granted: false, why: "budget" } : { hedgeAfterMs: 1_500 },
    );
    const world = hedged({ endpoints: { "weur-a": status(500, { afterMs: 2_000 }), "enam-a": picture() }, scheduler });
    const result = pictureOf(await world.run());
    expect(trailOf(result)).toEqual(["weur-a upstream_error", "enam-a ok"]);
    expect(world.scheduler.asks.map((ask) => ask.kind)).toEqual(["first", "hedge", "fallback"]);
    expectNothingLeft(world);
  });

  it("waits for the hedge when the first attempt fails beside it", async () => {
    const world = hedged({
      endpoints: { "weur-a": status(500, { afterMs: 1_800 }), "enam-a": picture({ afterMs: 900 }) },
    });
    const result = pictureOf(await world.run());
    expect(trailOf(result)).toEqual(["weur-a upstream_error", "enam-a ok"]);
    expect(world.elapsedMs()).toBe(1_500 + 900);
    expect(world.upstream.calls.length).toBe(2);
  });

  it("waits for the first attempt when the hedge fails beside it", async () => {
    const world = hedged({ endpoints: { "weur-a": picture({ afterMs: 3_000 }), "enam-a": refuses } });
    expect(trailOf(await world.run())).toEqual(["weur-a ok", "enam-a connect_failed"]);
  });

  it("moves on when both fail, without asking the hedge's leg again", async () => {
    const world = hedged({
      endpoints: { "weur-a": status(500, { afterMs: 1_600 }), "enam-a": refuses, "apac-a": picture() },
      legs: [...twoLegs, aLeg({ kind: "any-region", place: "apac", degraded: "region" })],
    });
    const result = pictureOf(await world.run());
    expect(world.upstream.calls.map((seen) => seen.endpoint)).toEqual(["weur-a", "enam-a", "apac-a"]);
    expect(result.endpoint).toBe("apac-a");
  });

  it("never makes more attempts than legs and one hedge", async () => {
    const world = hedged({ endpoints: { "weur-a": hangs, "enam-a": hangs } });
    failureOf(await world.run());
    expect(world.upstream.calls.length).toBeLessThanOrEqual(3);
    expectNothingLeft(world);
  });
});

import { describe, expect, it } from "vitest";
import { aPng } from "../support/pictures.ts";
import { scriptedScheduler } from "../support/scripted-scheduler.ts";
import {
  aLeg,
  aWorld,
  expectNothingLeft,
  failureOf,
  hangs,
  picture,
  pictureOf,
  SIDE,
  sibling,
  status,
  trailOf,
} from "./world.ts";

describe("timeouts", () => {
  it("answers with the picture of the first leg", async () => {
    const world = aWorld({ endpoints: { "weur-a": picture({ afterMs: 900 }) } });
    const result = pictureOf(await world.run());
    expect(world.elapsedMs()).toBe(900);
    expect(result.picture).toMatchObject({ format: "png", width: SIDE, height: SIDE });
    expect(result.picture.bytes).toEqual(aPng(SIDE, SIDE, 1));
    expect(result).toMatchObject({ endpoint: "weur-a", pin: "verified" });
    expect(result.degraded).toBeUndefined();
    expect(trailOf(result)).toEqual(["weur-a ok"]);
    expectNothingLeft(world);
  });

  it("lends a leg what later legs can spare and moves on when that is used up", async () => {
    const world = aWorld({
      endpoints: { "weur-a": hangs, "enam-a": picture({ afterMs: 500 }) },
      legs: [aLeg({ minMs: 1_000 }), sibling({ minMs: 2_000 })],
      deadlineMs: 6_000,
    });
    const result = pictureOf(await world.run());
    expect(result.trail[0]).toMatchObject({
      endpoint: "weur-a",
      elapsedMs: 3_700,
      failure: { reason: "timed_out", timeoutMs: 3_700, phase: "headers" },
    });
    expect(world.elapsedMs()).toBe(3_700 + 500);
    expectNothingLeft(world);
  });

  it("sends the time that is left to each upstream", async () => {
    const world = aWorld({
      endpoints: { "weur-a": hangs, "enam-a": picture() },
      legs: [aLeg({ minMs: 1_000 }), sibling({ minMs: 2_000 })],
      deadlineMs: 6_000,
    });
    await world.run();
    expect(world.upstream.calls.map((seen) => seen.call.headers["x-timeout-ms"])).toEqual(["3700", "2000"]);
  });

  it("holds a leg to its cap while another leg follows, and gives the last leg all that is left", async () => {
    const world = aWorld({
      endpoints: { "weur-a": hangs, "enam-a": hangs },
      legs: [aLeg({ capMs: 2_000 }), sibling({ capMs: 2_000 })],
      deadlineMs: 8_000,
    });
    const result = failureOf(await world.run());
    expect(result.trail.map((record) => record.elapsedMs)).toEqual([2_000, 5_700]);
    expect(result.failure.code).toBe("deadline_exceeded");
    expect(world.elapsedMs()).toBe(7_700);
    expectNothingLeft(world);
  });

  it("skips a leg that cannot finish for one that can", async () => {
    const world = aWorld({
      endpoints: { "weur-a": picture(), "weur-b": picture({ afterMs: 300 }) },
      legs: [
        aLeg({ minMs: 4_000 }),
        aLeg({ kind: "faster-model", candidates: ["weur-b"], minMs: 500, degraded: "model" }),
      ],
      deadlineMs: 2_000,
    });
    const result = pictureOf(await world.run());
    expect(result).toMatchObject({ endpoint: "weur-b", degraded: { what: "model", reason: "too-little-time" } });
    expect(world.upstream.callsTo("weur-a")).toEqual([]);
    expect(world.events).toContainEqual({ event: "leg-skipped", leg: "primary", why: "too-little-time" });
  });

  it("tries the last chance however little time it has", async () => {
    const world = aWorld({
      endpoints: { "weur-a": picture({ afterMs: 400 }) },
      legs: [aLeg({ minMs: 5_000 })],
      deadlineMs: 1_000,
    });
    pictureOf(await world.run());
    expect(world.elapsedMs()).toBe(400);
  });

  it("begins nothing when the deadline is nearer than the reserve", async () => {
    const world = aWorld({ endpoints: { "weur-a": picture() }, deadlineMs: 320 });
    expect(failureOf(await world.run()).failure.code).toBe("deadline_exceeded");
    expect(world.upstream.calls).toEqual([]);
    expect(world.scheduler.asks).toEqual([]);
  });

  it("counts a body that drips as timed out, and cancels it", async () => {
    const bytes = aPng(SIDE, SIDE);
    const drip = Array.from({ length: 100 }, (_, at) => ({ afterMs: 100, bytes: bytes.slice(at * 10, at * 10 + 10) }));
    const world = aWorld({
      endpoints: { "weur-a": picture({ chunks: drip }), "enam-a": picture({ afterMs: 100 }) },
      legs: [aLeg({ capMs: 2_000 }), sibling()],
    });
    const result = pictureOf(await world.run());
    expect(result.trail[0]?.failure).toEqual({ reason: "timed_out", timeoutMs: 2_000, phase: "body" });
    expect(result.endpoint).toBe("enam-a");
    expect(world.upstream.callsTo("weur-a")[0]).toMatchObject({ aborted: true, abortReason: "deadline" });
    expectNothingLeft(world);
  });

  it("does not wait for an upstream that ignores being hung up on", async () => {
    const world = aWorld({
      endpoints: { "weur-a": { ...hangs, deaf: true }, "enam-a": { ...picture(), ends: "stall", deaf: true } },
      legs: [aLeg({ capMs: 1_000 }), sibling()],
      deadlineMs: 4_000,
    });
    expect(failureOf(await world.run()).failure.code).toBe("deadline_exceeded");
    expect(world.elapsedMs()).toBe(3_700);
    expect(world.upstream.callsTo("enam-a")[0]?.bodyCancelled).toBe(true);
    expectNothingLeft(world);
  });

  it("does not wait for a scheduler that never answers, and gives back what it grants too late", async () => {
    const scheduler = scriptedScheduler(async (_ask, nth) => {
      if (nth === 0) await world.clock.sleep(60_000);
      return {};
    });
    const world = aWorld({
      endpoints: { "weur-a": picture(), "enam-a": picture({ afterMs: 100 }) },
      legs: [aLeg({ capMs: 3_000 }), sibling()],
      scheduler,
    });
    const result = pictureOf(await world.run());
    expect(trailOf(result)).toEqual(["none not_admitted", "enam-a ok"]);
    expect(world.elapsedMs()).toBe(3_100);
    await world.clock.advance(60_000);
    expect(scheduler.releases.at(-1)).toMatchObject({
      lease: { endpoint: "weur-a" },
      outcome: { elapsedMs: 0, result: { failure: { reason: "cancelled", cause: "deadline" } } },
    });
    expectNothingLeft(world);
  });

  it("needs no more of a clock than sleep", async () => {
    const parts = { endpoints: { "weur-a": hangs, "enam-a": hangs }, legs: [aLeg({ capMs: 2_000 }), sibling()] };
    const other = aWorld(parts);
    const { nowMs, sleep } = other.clock;
    const world = aWorld({ ...parts, ports: { clock: { nowMs, sleep } } });
    const result = failureOf(await other.clock.runUntil(world.start()));
    expect(result.trail.map((record) => record.elapsedMs)).toEqual([2_000, 5_700]);
    expect(other.clock.sleeping()).toBe(0);
  });

  it("keeps its deadline when the wall clock is set back", async () => {
    const world = aWorld({ endpoints: { "weur-a": hangs, "enam-a": hangs }, legs: [aLeg(), sibling()] });
    const answer = world.start();
    await world.clock.advance(1_000);
    world.clock.jump(-3_600_000);
    let isAnswered = false;
    void answer.then(() => {
      isAnswered = true;
    });
    await world.clock.advance(7_000);
    expect(isAnswered).toBe(true);
    expect(failureOf(await answer).failure.code).toBe("deadline_exceeded");
  });

  it("keeps its deadline when the wall clock is set back by less than has passed, so that nobody can see it", async () => {
    const endpoints = { "weur-a": status(500, { afterMs: 3_000 }), "enam-a": hangs };
    const world = aWorld({ endpoints, legs: [aLeg(), sibling()] });
    const answer = world.start();
    await world.clock.advance(2_500);
    world.clock.jump(-2_000);
    await world.clock.runUntil(answer);
    expect(failureOf(await answer).failure.code).toBe("deadline_exceeded");
    expect(world.clock.passedMs()).toBe(7_700);
    expectNothingLeft(world);
  });

  it("ends typed when the wall clock is set forth", async () => {
    const world = aWorld({
      endpoints: { "weur-a": status(500, { afterMs: 2_000 }), "enam-a": picture() },
      legs: [aLeg(), sibling()],
    });
    const answer = world.start();
    await world.clock.advance(1_000);
    world.clock.jump(3_600_000);
    await world.clock.advance(1_000);
    expect(failureOf(await answer).failure.code).toBe("upstream_failed");
    expect(world.upstream.callsTo("enam-a")).toEqual([]);
    expectNothingLeft(world);
  });
});

import { describe, expect, it } from "vitest";
import { scriptedScheduler } from "../support/scripted-scheduler.ts";
import { aLeg, aWorld, expectNothingLeft, hangs, picture, pictureOf, sibling } from "./world.ts";

const attemptMs = 700;

describe("a leg whose attempts have a timeout of their own", () => {
  it("gives up an attempt that takes longer than such work ever does, and takes the next leg", async () => {
    const world = aWorld({
      endpoints: { "weur-a": hangs, "enam-a": picture({ afterMs: 500 }) },
      legs: [aLeg({ attemptMs }), sibling()],
    });
    const result = pictureOf(await world.run());
    expect(result.trail[0]?.failure).toEqual({ reason: "timed_out", timeoutMs: 700, phase: "headers" });
    expect(world.elapsedMs()).toBe(1_200);
    expect(world.upstream.callsTo("weur-a")[0]?.call.headers["x-timeout-ms"]).toBe("700");
    expectNothingLeft(world);
  });

  it("counts it from the slot on, so that a wait for one costs nothing of it", async () => {
    const scheduler = scriptedScheduler(async () => {
      await world.clock.sleep(2_000);
      return {};
    });
    const world = aWorld({
      scheduler,
      endpoints: { "weur-a": picture({ afterMs: 600 }) },
      legs: [aLeg({ attemptMs }), sibling()],
    });
    const result = pictureOf(await world.run());
    expect(result.endpoint).toBe("weur-a");
    expect(world.elapsedMs()).toBe(2_600);
    expectNothingLeft(world);
  });

  it("waits on where its slot says that giving it up would free nothing", async () => {
    const world = aWorld({
      scheduler: scriptedScheduler(() => ({ patient: true })),
      endpoints: { "weur-a": picture({ afterMs: 2_000 }), "enam-a": picture({ afterMs: 500 }) },
      legs: [aLeg({ attemptMs }), sibling()],
    });
    const result = pictureOf(await world.run());
    expect(result.endpoint).toBe("weur-a");
    expect(world.elapsedMs()).toBe(2_000);
    expectNothingLeft(world);
  });

  it("lets the last leg have all the time there is", async () => {
    const world = aWorld({ endpoints: { "weur-a": picture({ afterMs: 5_000 }) }, legs: [aLeg({ attemptMs })] });
    pictureOf(await world.run());
    expect(world.elapsedMs()).toBe(5_000);
    expectNothingLeft(world);
  });
});

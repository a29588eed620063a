import { describe, expect, it } from "vitest";
import { measuredTimes } from "../../../functions/router/adapters/measured-times.ts";
import { lookAtEndpoints } from "../../../functions/router/adapters/region-schedulers/endpoint-looks.ts";
import { placeOf } from "../../../functions/router/adapters/region-schedulers/memory.ts";
import { placeViews } from "../../../functions/router/adapters/region-schedulers/place-views.ts";
import { renderMetrics } from "../../../functions/router/metrics.ts";
import type { SchedulerView } from "../../../routing/index.ts";
import { createFakeClock } from "../../support/fake-clock.ts";
import { scriptedUpstream } from "../../support/scripted-upstream.ts";
import { aSnapshot } from "../../support/snapshot.ts";
import { aSchedulerWorld, HOME } from "./world.ts";

describe("looks", () => {
  const due = [
    { endpoint: HOME, reason: "pin_mismatch" },
    { endpoint: "weur-nano-banana", reason: "secret_missing" },
  ];

  function aLook(answers: Parameters<typeof scriptedUpstream>[1]) {
    const clock = createFakeClock();
    const forgotten: string[] = [];
    const snapshot = aSnapshot({
      endpoints: { [HOME]: { dialect: "openai-images" }, "weur-nano-banana": { secret: "KEY" } },
    });
    const upstream = scriptedUpstream(clock, answers);
    const looking = lookAtEndpoints(due, {
      snapshot,
      clock,
      upstream,
      secret: () => "k",
      forgetPin: (endpoint) => void forgotten.push(endpoint),
    });
    return { clock, forgotten, looking };
  }

  it("tell what can be told after five seconds at the latest, and forget a pin that was put right", async () => {
    const { clock, forgotten, looking } = aLook({ [HOME]: { does: "hang" } });
    expect(await clock.runUntil(looking)).toEqual([{ endpoint: "weur-nano-banana", look: { ok: true } }]);
    expect(clock.passedMs()).toBe(5_000);
    expect(forgotten).toEqual(["weur-nano-banana"]);
  });

  it("leave no timer behind", async () => {
    const { clock, looking } = aLook({ [HOME]: { status: 404 } });
    await clock.runUntil(looking);
    await clock.advance(0);
    expect([clock.passedMs(), clock.sleeping()]).toEqual([0, 0]);
  });
});

describe("views of all places", () => {
  it("are there for those that answer within 150 ms, and unknown for the others", async () => {
    const world = await aSchedulerWorld();
    world.enam.answersAfterMs = 200;
    const ports = {
      memory: world.memory,
      links: { to: (place: string) => (place === "enam" ? world.enam : world.weur).line },
      clock: world.clock,
      snapshot: aSnapshot({
        places: { apac: null, "gpu-cluster": null },
        endpoints: noEndpointsIn("apac", "gpu-cluster"),
      }),
      pushedAtMs: 1,
      random: () => 0.5,
      background: (work: Promise<unknown>) => void work,
      look: async () => [],
      forgetPin: () => undefined,
    };
    const views = await world.clock.runUntil(placeViews(ports));
    expect(world.clock.passedMs()).toBe(150);
    expect([...views].map(([place, view]) => [place, view?.place])).toEqual([
      ["weur", "weur"],
      ["enam", undefined],
    ]);
    expect(placeOf(world.memory, "enam").avoidUntilMs).toBe(0);
    const text = renderMetrics(views);
    expect(text).toContain('galley_scheduler_up{place="weur"} 1\n');
    expect(text).toContain('galley_scheduler_up{place="enam"} 0\n');
    expect(text).not.toContain('place="enam",endpoint');
  });

  it("are escaped in metrics", () => {
    const view = { endpoints: [], pools: [], counters: { 'odd"\\name': 1 }, budget: { extraMilli: 0, hedgeMilli: 0 } };
    const views = new Map([["p\n", view as unknown as SchedulerView]]);
    expect(renderMetrics(views)).toContain('galley_scheduler_events_total{place="p\\n",event="odd\\"\\\\name"} 1');
  });
});

const noEndpointsIn = (...places: readonly string[]) =>
  Object.fromEntries(
    Object.values(aSnapshot().content.catalog.endpoints)
      .filter(({ place }) => places.includes(place))
      .map(({ id }) => [id, null]),
  );

describe("measured times", () => {
  const work = { model: "sd35-medium", place: "weur", pixels: 1_024 * 1_024, steps: undefined };

  it("come from the last view of the place, as long as that is young, for all but a fiftieth of the requests", async () => {
    const world = await aSchedulerWorld();
    for (let index = 0; index < 60; index += 1) await world.release(await world.reserve());
    await world.clock.advance(1_000);
    await world.reserve({ candidates: [] });
    const nowMs = world.clock.nowMs();
    expect(measuredTimes(world.memory, nowMs, () => 0.5)?.(work)?.q50Ms).toBeGreaterThan(1_400);
    expect(measuredTimes(world.memory, nowMs, () => 0.5)?.({ ...work, place: "apac" })).toBeUndefined();
    expect(measuredTimes(world.memory, nowMs + 61_000, () => 0.5)?.(work)).toBeUndefined();
    expect(measuredTimes(world.memory, nowMs, () => 0.01)).toBeUndefined();
  });
});

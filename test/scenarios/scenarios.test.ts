import { describe, expect, it } from "vitest";
import { compileShipped, play, readScenarios } from "./scenario.ts";

const scenarios = readScenarios();
const shipped = await compileShipped();

describe("scenarios", () => {
  it.each(scenarios.map((scenario) => [scenario.story, scenario] as const))("%s", async (_story, scenario) => {
    const snapshot = scenario.routing === undefined ? shipped : await compileShipped(scenario.routing);
    expect(play(scenario, snapshot)).toEqual(scenario.expect);
  });

  it("are at least thirty, each with a story of its own in its first line", () => {
    expect(scenarios.length).toBeGreaterThanOrEqual(30);
    expect(scenarios.filter(({ story }) => !/^[A-Z“"].{30,160}\.$/.test(story)).map(({ file }) => file)).toEqual([]);
    expect(new Set(scenarios.map(({ story }) => story)).size).toBe(scenarios.length);
  });

  it("fail when something else is decided than what they say", () => {
    const [first] = scenarios;
    if (!first) throw new Error("no scenario");
    const elsewhere = { ...first, from: { colo: "SIN" } };
    expect(play(elsewhere, shipped)).not.toEqual(first.expect);
  });
});

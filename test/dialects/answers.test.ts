/** Every recorded answer means what its file says it means. */
import { describe, expect, it } from "vitest";
import { dialectOf } from "../../routing/dialects/index.ts";
import { begun, fixturesOf, play } from "./driver.ts";
import { aScene, sceneOfCase } from "./works.ts";

const DIALECTS = ["generate", "openai-images", "gemini", "ideogram", "stability", "workers-ai"] as const;

describe.each(DIALECTS)("%s", (name) => {
  const fixtures = fixturesOf(name);

  it("has answers on file", () => {
    expect(fixtures.length).toBeGreaterThan(5);
  });

  it.each(fixtures)("understands $name", (fixture) => {
    const { work, target } = aScene(name, sceneOfCase(name, fixture.case));
    const outcome = play(begun(dialectOf(name), work, target).step, fixture);
    const { failure, picture, reported, next } = fixture.expect;
    if (failure !== undefined) expect(outcome).toEqual({ came: "failure", failure });
    else if (next !== undefined) {
      if (outcome.came !== "step") throw new Error(`expected a step, got ${JSON.stringify(outcome)}`);
      const { call, delayMs } = outcome.step;
      expect({ method: call.method, url: call.url, ...(delayMs === undefined ? {} : { delayMs }) }).toEqual(next);
    } else {
      expect(outcome).toMatchObject({ came: "picture", ...(typeof picture === "string" ? { base64: picture } : {}) });
      expect((outcome as { reported: unknown }).reported).toEqual(roundedCost(reported));
    }
  });
});

/** Money is a sum of floats: compared to a ten-thousandth of a cent. */
function roundedCost(reported: { readonly costUsd?: number } | undefined) {
  return reported?.costUsd === undefined ? reported : { ...reported, costUsd: expect.closeTo(reported.costUsd, 6) };
}

import { describe, expect, it } from "vitest";
import { createDecider, type DecideInput } from "../routing/decide.ts";
import { derivedSeed } from "../routing/derived-seed.ts";
import { aSnapshot } from "./support/snapshot.ts";

const REQUEST = { prompt: "a fox", text: [], width: 512, height: 512 };

describe("a derived seed", () => {
  it("is a number that every provider takes, always the same one", () => {
    const seed = derivedSeed(REQUEST);
    expect(Number.isInteger(seed) && seed >= 0 && seed < 2 ** 31).toBe(true);
    expect(derivedSeed({ ...REQUEST })).toBe(seed);
    expect(derivedSeed({ ...REQUEST, negativePrompt: "" })).toBe(seed);
    // Golden: another seed would make every kept picture of such a policy another one.
    expect(seed).toBe(926950796);
  });

  it("is another one for another prompt, size or text", () => {
    const others = [{ prompt: "a dog" }, { width: 528 }, { text: [{ content: "x" }] }, { negativePrompt: "blur" }];
    const seeds = others.map((parts) => derivedSeed({ ...REQUEST, ...parts }));
    expect(new Set([...seeds, derivedSeed(REQUEST)]).size).toBe(5);
  });
});

describe("the seed of a decision", () => {
  const decide = (seed: "random" | "derived", asked?: number) => {
    const input: DecideInput = {
      ask: {
        prompt: "a fox",
        text: [],
        preferredFormat: "png",
        exportFlag: false,
        purpose: "preview",
        width: 512,
        ...(asked === undefined ? {} : { seed: asked }),
      },
      tenant: "t",
      automation: false,
      location: {},
    };
    const decided = createDecider(aSnapshot({ policies: { "fast-preview": { seed } } }))(input);
    if (!decided.ok) throw new Error(decided.failure.detail);
    return decided.value.seed;
  };

  it("is the asked one, whatever the policy", () => {
    expect([decide("random", 0), decide("derived", 5)]).toEqual([0, 5]);
  });

  it("is derived where the policy says so, of the size as planned, and none elsewhere", () => {
    expect(decide("derived")).toBe(derivedSeed({ prompt: "a fox", text: [], width: 512, height: 512 }));
    expect(decide("random")).toBeUndefined();
  });
});

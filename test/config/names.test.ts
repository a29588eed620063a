/** Names of models in every spelling. */
import { describe, expect, it } from "vitest";
import { didYouMean } from "../../routing/config/closest-name.ts";
import { findModel, foldName } from "../../routing/config/names.ts";
import { aModel } from "../support/snapshot.ts";

describe("a model's name", () => {
  it("is one name in every spelling", () => {
    const spellings = ["SD3.5_Medium", "SD3.5 Medium", "sd3.5-medium", " sd3-5  medium "];
    expect(new Set(spellings.map(foldName))).toEqual(new Set(["sd3-5-medium"]));
  });

  it("keeps apart what differs", () => {
    expect(foldName("Nano Banana 2.1")).not.toBe(foldName("Nano Banana 21"));
  });

  it("finds nothing that every object has", () => {
    const catalog = { models: { m: aModel({ id: "m" }) }, names: { m: "m", gone: "gone" } };
    expect(["m", "constructor", "__proto__", "toString", "gone"].map((name) => findModel(catalog, name)?.id)).toEqual([
      "m",
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe("a hint", () => {
  it.each([
    ["SD3.5 Medum", "SD3.5 Medium"],
    ["prevew", "preview"],
    ["rpeview", "preview"],
    ["PREVIEW", "preview"],
  ])("for %s is %s", (typed, meant) => {
    expect(didYouMean(typed, ["draft-art", "preview", "SD3.5 Medium"])).toBe(`did you mean \`${meant}\`?`);
  });

  it("is not given where nothing is close", () => {
    expect(didYouMean("gpt-image-2", ["draft-art", "preview"])).toBeUndefined();
    expect(didYouMean("x".repeat(10_000), ["x".repeat(9_999)])).toBeUndefined();
  });
});

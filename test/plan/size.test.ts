import { describe, expect, it } from "vitest";
import { defaultSize, fitSize } from "../../routing/plan/size.ts";
import { aModel } from "../support/snapshot.ts";

const model = (sizeMultiple: number, maxPixels: number) => {
  const plain = aModel({ id: "m", name: "M" });
  return { ...plain, capabilities: { ...plain.capabilities, sizeMultiple, maxPixels } };
};

describe("defaultSize", () => {
  it.each([
    ["draft-art", 768],
    ["preview", 1_024],
    ["compositing", 1_024],
    ["high-res-export", 2_048],
    ["the owner's own", 1_024],
    ["constructor", 1_024],
  ])("of %s is a square of %d", (purpose, side) => {
    expect(defaultSize(model(16, 4_096 * 4_096), purpose)).toEqual({ width: side, height: side });
  });

  it("is the largest square that the model draws where the purpose's is too large", () => {
    expect(defaultSize(model(64, 1_440 * 1_440), "high-res-export")).toEqual({ width: 1_408, height: 1_408 });
  });

  it("is a megapixel at least where the model has sizes of its own", () => {
    const plain = model(1, 17_000_000);
    const own = { ...plain, capabilities: { ...plain.capabilities, size: "ratio" as const } };
    expect(defaultSize(own, "draft-art")).toEqual({ width: 1_024, height: 1_024 });
    expect(defaultSize(own, "high-res-export")).toEqual({ width: 2_048, height: 2_048 });
  });

  it("always fits", () => {
    for (const multiple of [1, 7, 64, 100]) {
      for (const side of [256, 999, 1_500]) {
        expect(fitSize(model(multiple, side * side), defaultSize(model(multiple, side * side), "preview")).ok).toBe(
          true,
        );
      }
    }
  });
});

describe("fitSize", () => {
  it("rounds each side to the model's multiple", () => {
    expect(fitSize(model(64, 4_000_000), { width: 1_000, height: 545 })).toEqual({
      ok: true,
      value: { width: 1_024, height: 576 },
    });
  });

  it("gives at least one multiple", () => {
    expect(fitSize(model(64, 4_000_000), { width: 1, height: 1 })).toMatchObject({ value: { width: 64, height: 64 } });
  });

  it("rounds down where the nearest multiples are more than the model draws", () => {
    expect(fitSize(model(64, 1_000 * 1_000), { width: 1_000, height: 1_000 })).toEqual({
      ok: true,
      value: { width: 960, height: 960 },
    });
  });

  it("refuses what is too large, naming the member and the limit", () => {
    expect(fitSize(model(64, 1_000 * 1_000), { width: 1_024, height: 1_000 })).toMatchObject({
      ok: true,
    });
    expect(fitSize(model(64, 1_000 * 1_000), { width: 1_100, height: 1_000 })).toMatchObject({
      ok: false,
      failure: {
        code: "invalid_request",
        path: "/width",
        detail: "1100 x 1000 is 1100000 pixels; M draws at most 1000000.",
      },
    });
  });
});

import { describe, expect, it } from "vitest";
import { fitSize, nearestRatio, shapeOf, shrinkSize, sizeWarnings } from "../../routing/dialects/size.ts";
import { aModel } from "../support/snapshot-parts.ts";

const has = (sizeMultiple: number, maxPixels: number) => ({
  ...aModel({ id: "m" }).capabilities,
  sizeMultiple,
  maxPixels,
});

describe("the size for a model that draws any", () => {
  it.each([
    ["stays when it fits", [1024, 768], 16, 1e7, [1024, 768]],
    ["goes to the nearest multiple", [1000, 1001], 16, 1e7, [1008, 1008]],
    ["goes down where up would pass the limit", [1020, 1020], 64, 1_000_000, [960, 960]],
    ["is at least one multiple", [3, 900], 16, 1e7, [16, 896]],
  ])("%s", (_what, [width, height], multiple, limit, [w, h]) => {
    const asked = { width: width ?? 0, height: height ?? 0 };
    expect(fitSize(asked, has(multiple, limit))).toEqual({ ok: true, value: { width: w, height: h } });
  });

  it("is refused beyond the model's pixels, before anything is sent", () => {
    expect(fitSize({ width: 2048, height: 2048 }, has(16, 1024 * 1024))).toEqual({
      ok: false,
      failure: { reason: "unsupported", option: "size" },
    });
  });
});

describe("the size for a model that draws what it can", () => {
  it.each([
    ["stays when it fits", [1000, 700], 1, 1_000_000, [1000, 700]],
    ["keeps its shape when it is too large", [4000, 2000], 16, 1_000_000, [1408, 704]],
    ["keeps one multiple of a sliver", [100_000, 10], 8, 1_000_000, [100_000, 8]],
  ])("%s", (_what, [width, height], multiple, limit, [w, h]) => {
    const asked = { width: width ?? 0, height: height ?? 0 };
    expect(shrinkSize(asked, has(multiple, limit))).toEqual({ width: w, height: h });
  });
});

describe("the nearest ratio", () => {
  const shapes = [shapeOf("1:1"), shapeOf("16:9"), shapeOf("9:16"), shapeOf("3:1")] as const;
  it.each([
    [1024, 1024, "1:1"],
    [1920, 1080, "16:9"],
    [1080, 1920, "9:16"],
    [5000, 100, "3:1"],
    [1330, 1000, "1:1"],
    [1340, 1000, "16:9"],
  ])("of %ix%i is %s", (width, height, ratio) => {
    // 16:9 and 1:1 meet at the square root of 16/9, which is 4:3.
    expect(nearestRatio({ width, height }, shapes).ratio).toBe(ratio);
  });

  it("treats an upright picture as the mirror of a lying one", () => {
    for (let width = 200; width <= 2000; width += 90) {
      const lying = nearestRatio({ width, height: 700 }, [shapeOf("1:1"), shapeOf("16:9"), shapeOf("9:16")]).ratio;
      const upright = nearestRatio({ width: 700, height: width }, [
        shapeOf("1:1"),
        shapeOf("9:16"),
        shapeOf("16:9"),
      ]).ratio;
      expect(upright).toBe(lying.split(":").reverse().join(":"));
    }
  });
});

it("warns only of another size", () => {
  const asked = { width: 100, height: 50 };
  expect(sizeWarnings(asked, asked)).toEqual([]);
  expect(sizeWarnings(asked, { width: 112, height: 48 })).toEqual(["size 100x50 becomes 112x48"]);
});

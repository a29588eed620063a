/** The crop rule: what becomes of a drawn size on its way to the asked one. */
import { describe, expect, it } from "vitest";
import { chooseGeminiSize } from "../../routing/dialects/gemini/sizes.ts";
import { decideFit, decideNextStep, MAX_CUT_SHARE, MAX_STRETCH, sizeToDraw } from "../../routing/exports/fit.ts";

const size = (width: number, height: number) => ({ width, height });

describe("a size", () => {
  it.each([
    [size(1024, 1024), size(1024, 1024), { how: "as-is" }],
    [size(1376, 768), size(1366, 768), { how: "cut", box: { left: 5, top: 0, width: 1366, height: 768 } }],
    [size(1024, 1030), size(1000, 1001), { how: "cut", box: { left: 12, top: 14, width: 1000, height: 1001 } }],
    [size(2048, 2048), size(1500, 1500), { how: "scale" }],
    [size(848, 1264), size(800, 1200), { how: "scale" }],
    [size(1024, 1024), size(1100, 1100), { how: "scale" }],
    [size(1024, 1024), size(1200, 1200), { how: "refuse", why: "too-small" }],
    [size(1584, 672), size(1584, 500), { how: "refuse", why: "other-shape" }],
    [size(1024, 1024), size(1024, 768), { how: "cut", box: { left: 0, top: 128, width: 1024, height: 768 } }],
  ])("%o becomes %o: %o", (have, want, fit) => {
    expect(decideFit(have, want)).toEqual(fit);
  });

  it("is only cut where it covers the asked one, and never by more than a quarter, nor stretched by more than a tenth", () => {
    for (let width = 64; width < 900; width += 37) {
      for (let height = 64; height < 900; height += 41) {
        const [have, want] = [size(512, 384), size(width, height)];
        const fit = decideFit(have, want);
        const scale = Math.max(width / 512, height / 384);
        const cutShare = 1 - (width * height) / (512 * 384 * scale ** 2);
        expect(fit.how === "refuse").toBe(cutShare > MAX_CUT_SHARE || scale > MAX_STRETCH);
        if (fit.how !== "cut") continue;
        expect(fit.box.left + width).toBeLessThanOrEqual(512);
        expect(fit.box.top + height).toBeLessThanOrEqual(384);
      }
    }
  });

  it("is reachable from what Gemini's PRO model draws, from 0.42:1 to 3.1:1 and up to 14 megapixels", () => {
    for (let ratio = 0.42; ratio <= 3.1; ratio *= 1.013) {
      for (const pixels of [0.2e6, 0.6e6, 1e6, 1.3e6, 2e6, 4.1e6, 8e6, 14e6]) {
        const asked = size(Math.round(Math.sqrt(pixels * ratio)), Math.round(Math.sqrt(pixels / ratio)));
        const { coming } = chooseGeminiSize({ asked, model: "gemini-3-pro-image", maxPixels: 17e6 });
        expect([asked, coming, decideFit(coming, asked).how]).not.toEqual([asked, coming, "refuse"]);
      }
    }
  });
});

describe("the next step", () => {
  const png = (width: number, height: number) => ({ width, height, format: "png" as const });
  const enlarging = { factor: 4, maxPixels: 17e6 };

  it("stores what is as asked, and shapes what is not", () => {
    expect(decideNextStep({ have: png(512, 512), want: size(512, 512) })).toEqual({ step: "store" });
    expect(decideNextStep({ have: png(1024, 1024), want: size(512, 512) })).toEqual({
      step: "shape",
      fit: { how: "scale" },
      to: png(512, 512),
    });
  });

  it("turns a picture into the format that the caller insists on", () => {
    expect(decideNextStep({ have: png(512, 512), want: { ...size(512, 512), format: "webp" } })).toEqual({
      step: "shape",
      fit: { how: "scale" },
      to: { ...size(512, 512), format: "webp" },
    });
  });

  it("enlarges what is too small where it may, and says so where it may not", () => {
    expect(decideNextStep({ have: png(512, 512), want: size(2048, 2048), enlarging })).toEqual({ step: "upscale" });
    const refused = decideNextStep({ have: png(512, 512), want: size(2048, 2048) });
    expect(refused).toMatchObject({
      step: "refuse",
      failure: { code: "invalid_request", detail: expect.stringContaining("512x512, too small for 2048x2048") },
    });
  });

  it("pays for no upscaler where the picture is large enough already", () => {
    expect(decideNextStep({ have: png(1024, 1024), want: size(1024, 1024), enlarging })).toEqual({ step: "store" });
  });

  it("makes a picture smaller first that the upscaler would not take", () => {
    const have = png(1264, 848);
    expect(decideNextStep({ have, want: size(3000, 2000), enlarging })).toEqual({
      step: "shape",
      fit: { how: "scale" },
      to: png(750, 500),
    });
    expect(decideNextStep({ have: png(750, 500), want: size(3000, 2000), enlarging })).toEqual({ step: "upscale" });
  });

  it("enlarges nothing of another shape", () => {
    expect(decideNextStep({ have: png(512, 512), want: size(4096, 1024), enlarging })).toMatchObject({
      step: "refuse",
    });
  });
});

describe("the size to ask a model for", () => {
  it("covers the asked one on the model's multiples", () => {
    expect(sizeToDraw(size(1000, 1001), { sizeMultiple: 16, maxPixels: 2e6 })).toEqual(size(1008, 1008));
    expect(sizeToDraw(size(1000, 1000), { sizeMultiple: 16, maxPixels: 1e6 })).toEqual(size(1000, 1000));
  });
});

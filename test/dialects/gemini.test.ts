import { describe, expect, it } from "vitest";
import { chooseGeminiSize } from "../../routing/dialects/gemini/sizes.ts";
import { dialectOf } from "../../routing/dialects/index.ts";
import { aPng } from "../support/pictures.ts";
import { begun } from "./driver.ts";
import { aScene, KEY, ONE_PIXEL, type SceneParts, SECRET_PROMPT } from "./works.ts";

const dialect = dialectOf("gemini");

function start(parts: SceneParts = {}) {
  const { work, target } = aScene("gemini", parts);
  const { step, warnings } = begun(dialect, work, target);
  return { work, step, warnings, body: JSON.parse(String(step.call.body)) as Record<string, unknown> };
}

describe("a request to Gemini", () => {
  it("says ratio, class, seed and that only a picture is wanted", () => {
    const { step, body, warnings } = start();
    expect(step.call.url).toBe(
      "https://generativelanguage.googleapis.com/v1beta/models/gemini-3-pro-image:generateContent",
    );
    expect(step.call.headers).toMatchObject({ "x-goog-api-key": KEY, "x-server-timeout": "8" });
    expect(body).toEqual({
      contents: [{ role: "user", parts: [{ text: SECRET_PROMPT }] }],
      generationConfig: {
        responseModalities: ["IMAGE"],
        imageConfig: { aspectRatio: "1:1", imageSize: "1K" },
        seed: 4711,
      },
    });
    expect(warnings).toEqual([]);
  });

  it("carries a reference picture beside the prompt and overlays in it", () => {
    const { body } = start({ request: { image: ONE_PIXEL, text: [{ content: "OPEN" }] } });
    expect(body.contents).toEqual([
      {
        role: "user",
        parts: [
          { text: `${SECRET_PROMPT}. The picture shows this text, legible and spelled exactly so: "OPEN".` },
          { inlineData: { mimeType: "image/png", data: btoa(String.fromCharCode(...ONE_PIXEL.bytes)) } },
        ],
      },
    ]);
  });

  it("carries several reference pictures in their order", () => {
    const more = [aPng(2, 2), aPng(3, 3)].map((bytes) => ({ bytes, format: "webp" as const }));
    const { capabilities } = aScene("gemini").work.model;
    const { body } = start({
      model: { capabilities: { ...capabilities, maxImages: 3 } },
      request: { image: ONE_PIXEL, moreImages: more },
    });
    const [{ parts }] = body.contents as [{ parts: { inlineData?: { mimeType: string; data: string } }[] }];
    expect(parts.slice(1).map(({ inlineData }) => [inlineData?.mimeType, inlineData?.data])).toEqual([
      ["image/png", Buffer.from(ONE_PIXEL.bytes).toString("base64")],
      ...more.map(({ bytes }) => ["image/webp", Buffer.from(bytes).toString("base64")]),
    ]);
  });

  it("is not made with more pictures than the model takes", () => {
    const { work, target } = aScene("gemini", { request: { image: ONE_PIXEL, moreImages: [ONE_PIXEL] } });
    expect(dialect.begin(work, target)).toEqual({ ok: false, failure: { reason: "unsupported", option: "image" } });
  });

  it("puts the catalogue's words where they belong", () => {
    const extra = {
      imageSize: "4K",
      personGeneration: "ALLOW_ADULT",
      thinkingLevel: "MINIMAL",
      safetyThreshold: "BLOCK_ONLY_HIGH",
      temperature: 0.4,
    };
    const { body } = start({ model: { parameters: { extra } } });
    expect(body.generationConfig).toEqual({
      temperature: 0.4,
      responseModalities: ["IMAGE"],
      imageConfig: { aspectRatio: "1:1", imageSize: "4K", personGeneration: "ALLOW_ADULT" },
      seed: 4711,
      thinkingConfig: { thinkingLevel: "MINIMAL" },
    });
    expect(body.safetySettings).toHaveLength(4);
    expect(body.safetySettings).toContainEqual({
      category: "HARM_CATEGORY_SEXUALLY_EXPLICIT",
      threshold: "BLOCK_ONLY_HIGH",
    });
  });

  it("reaches a publisher whose URL already has a version", () => {
    const url = "https://aiplatform.googleapis.com/v1beta1/publishers/google";
    const { call } = start({ endpoint: { url }, model: { upstreamName: "models/gemini-2.5-flash-image" } }).step;
    expect(call.url).toBe(`${url}/models/gemini-2.5-flash-image:generateContent`);
  });

  it("warns of what Gemini has no field for, even if the catalogue thinks it has", () => {
    const { warnings } = start({
      request: { negativePrompt: "fog", steps: 9, guidance: 3, width: 1920, height: 1080 },
    });
    expect(warnings).toEqual([
      "negative_prompt is not taken by this model",
      "steps are not taken by this model",
      "guidance is not taken by this model",
      "size 1920x1080 becomes 2752x1536",
    ]);
  });

  it.each([
    ["mask", { request: { image: ONE_PIXEL, mask: ONE_PIXEL } }],
    ["upscale", { model: { kind: "upscale" }, request: { image: ONE_PIXEL } }],
  ] as const)("is not sent with a %s", (option, parts) => {
    const { work, target } = aScene("gemini", parts);
    expect(dialect.begin(work, target)).toEqual({ ok: false, failure: { reason: "unsupported", option } });
  });

  it("leaves size and format to be read from the bytes", () => {
    expect(dialect.expectedSize).toBeUndefined();
    expect(dialect.expectedFormat).toBeUndefined();
  });
});

describe("Gemini's size", () => {
  const MILLION = 1024 * 1024;
  it.each([
    // model, asked, limit, ratio, class, coming
    ["gemini-2.5-flash-image", 1024, 1024, MILLION, "1:1", undefined, "1024x1024"],
    ["gemini-2.5-flash-image", 1920, 1080, MILLION, "16:9", undefined, "1344x768"],
    ["gemini-2.5-flash-image", 4096, 1024, MILLION, "21:9", undefined, "1536x672"],
    ["gemini-3-pro-image", 1376, 768, 16 * MILLION, "16:9", "1K", "1376x768"],
    ["gemini-3-pro-image", 1920, 1080, 16 * MILLION, "16:9", "2K", "2752x1536"],
    ["gemini-3-pro-image", 3840, 2160, 16 * MILLION, "16:9", "4K", "5504x3072"],
    ["gemini-3-pro-image", 8192, 8192, 16 * MILLION, "1:1", "4K", "4096x4096"],
    ["gemini-3-pro-image", 3840, 2160, 4 * MILLION, "16:9", "2K", "2752x1536"],
    ["gemini-3-pro-image", 256, 256, 16 * MILLION, "1:1", "1K", "1024x1024"],
    ["gemini-3-pro-image", 300, 1200, 16 * MILLION, "9:16", "1K", "768x1376"],
    ["gemini-3.1-flash-image", 300, 1200, 16 * MILLION, "1:4", "1K", "512x2048"],
    ["gemini-3.1-flash-image", 512, 512, 16 * MILLION, "1:1", "512", "512x512"],
    ["gemini-nano-banana-2.1", 512, 512, 16 * MILLION, "1:1", "1K", "1024x1024"],
    ["gemini-nano-banana-2.1", 384, 3072, 16 * MILLION, "1:8", "1K", "384x3072"],
    ["gemini-3.1-flash-lite-image", 2048, 2048, 16 * MILLION, "1:1", "1K", "1024x1024"],
    ["gemini-9-unheard-of", 2048, 2048, 16 * MILLION, "1:1", "2K", "2048x2048"],
    ["gemini-3-pro-image", 2048, 2048, 1000, "1:1", "1K", "1024x1024"],
  ])("of %s for %ix%i within %i px is %s %s: %s", (model, width, height, maxPixels, ratio, sizeClass, coming) => {
    const size = chooseGeminiSize({ asked: { width, height }, model, maxPixels });
    expect([size.ratio, size.sizeClass, `${size.coming.width}x${size.coming.height}`]).toEqual([
      ratio,
      sizeClass,
      coming,
    ]);
  });

  it("is the catalogue's where that fixes a class the model has", () => {
    const asked = { width: 512, height: 512 };
    const ask = { asked, model: "gemini-3-pro-image", maxPixels: 16 * MILLION };
    expect(chooseGeminiSize({ ...ask, fixedClass: "4K" }).sizeClass).toBe("4K");
    expect(chooseGeminiSize({ ...ask, fixedClass: "8K" }).sizeClass).toBe("1K");
  });

  it("covers the asked size, but for 3 % of a side, wherever a class of the model can", () => {
    for (let width = 64; width <= 4096; width += 311) {
      for (let height = 64; height <= 4096; height += 277) {
        const asked = { width, height };
        const { coming, sizeClass } = chooseGeminiSize({ asked, model: "gemini-3-pro-image", maxPixels: 16 * MILLION });
        const covers = coming.width * 1.03 >= width && coming.height * 1.03 >= height;
        expect(covers || sizeClass === "4K").toBe(true);
      }
    }
  });
});

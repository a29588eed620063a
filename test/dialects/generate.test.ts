import { describe, expect, it } from "vitest";
import { dialectOf } from "../../routing/dialects/index.ts";
import { begun, play } from "./driver.ts";
import { aScene, KEY, ONE_PIXEL, type SceneParts, SECRET_PROMPT } from "./works.ts";

const dialect = dialectOf("generate");

function start(parts: SceneParts = {}) {
  const { work, target } = aScene("generate", parts);
  const { step, warnings } = begun(dialect, work, target);
  return { work, step, warnings, body: JSON.parse(String(step.call.body)) as Record<string, unknown> };
}

const PIXEL_BASE64 = btoa(String.fromCharCode(...ONE_PIXEL.bytes));

describe("a request to Galley's own worker", () => {
  it("is the case study's call with everything said", () => {
    const { step, body, warnings } = start();
    expect(step.call.method).toBe("POST");
    expect(step.call.url).toBe("http://127.0.0.1:9001/generate");
    expect(step.call.headers).toMatchObject({
      accept: "image/*",
      "content-type": "application/json",
      authorization: `Bearer ${KEY}`,
    });
    expect(body).toEqual({
      prompt: SECRET_PROMPT,
      model: "sd3.5-medium@b940f670f0ed",
      width: 1024,
      height: 1024,
      seed: 4711,
      steps: 28,
      guidance: 4.5,
      format: "png",
      timeout: 7.25,
    });
    expect(warnings).toEqual([]);
  });

  it("passes overlays, pictures, the negative prompt and the catalogue's words on", () => {
    const { body } = start({
      request: {
        negativePrompt: "fog",
        text: [{ content: "SALE" }],
        image: ONE_PIXEL,
        mask: ONE_PIXEL,
        format: "webp",
      },
      model: { parameters: { steps: 28, guidance: 4.5, extra: { scheduler: "euler", prompt: "not this one" } } },
    });
    expect(body).toMatchObject({
      prompt: SECRET_PROMPT,
      negative_prompt: "fog",
      text: [{ content: "SALE" }],
      image: PIXEL_BASE64,
      mask: PIXEL_BASE64,
      format: "webp",
      scheduler: "euler",
    });
  });

  it("takes the leg's steps and guidance before the model's", () => {
    expect(start({ work: { steps: 8, guidance: 1 } }).body).toMatchObject({ steps: 8, guidance: 1 });
  });

  it("rounds the size and says so", () => {
    const { body, warnings, work } = start({ request: { width: 1000, height: 607 } });
    expect(body).toMatchObject({ width: 1008, height: 608 });
    expect(warnings).toEqual(["size 1000x607 becomes 1008x608"]);
    expect(dialect.expectedSize?.(work)).toEqual({ width: 1008, height: 608 });
  });

  it("asks a ratio model for as much of the shape as it can draw, and does not insist on it", () => {
    const { capabilities } = aScene("generate").work.model;
    const { body, warnings, work } = start({
      model: { capabilities: { ...capabilities, size: "ratio", maxPixels: 1_000_000 } },
      request: { width: 4000, height: 2000 },
    });
    expect(body).toMatchObject({ width: 1408, height: 704 });
    expect(warnings).toEqual(["size 4000x2000 becomes 1408x704"]);
    expect(dialect.expectedSize?.(work)).toBeUndefined();
  });

  it("takes a base URL that already names the path", () => {
    expect(start({ endpoint: { url: "http://localhost:8080/generate" } }).step.call.url).toBe(
      "http://localhost:8080/generate",
    );
  });

  it("warns of what the model does not take, and leaves it out", () => {
    const base = aScene("generate").work.model.capabilities;
    const { body, warnings } = start({
      request: { negativePrompt: "fog", steps: 30, guidance: 3, format: "webp" },
      model: {
        capabilities: {
          ...base,
          negativePrompt: false,
          steps: false,
          guidance: false,
          seed: false,
          formats: ["jpeg", "png"],
        },
      },
    });
    for (const field of ["negative_prompt", "steps", "guidance", "seed"]) expect(body).not.toHaveProperty(field);
    expect(body.format).toBe("jpeg");
    expect(warnings).toEqual([
      "negative_prompt is not taken by this model",
      "steps are not taken by this model",
      "guidance is not taken by this model",
      "seed is not taken by this model: the picture cannot be repeated",
      "format webp is not given by this model: jpeg comes instead",
    ]);
  });

  it.each([
    ["image", { image: ONE_PIXEL }],
    ["mask", { mask: ONE_PIXEL }],
    ["size", { width: 8192, height: 8192 }],
  ])("is not sent when the model cannot do the %s at all", (option, request) => {
    const base = aScene("generate").work.model.capabilities;
    const { work, target } = aScene("generate", {
      request,
      model: { capabilities: { ...base, image: false, mask: false } },
    });
    expect(dialect.begin(work, target)).toEqual({ ok: false, failure: { reason: "unsupported", option } });
  });
});

describe("an upscale by Galley's own worker", () => {
  const upscale: SceneParts = {
    model: { kind: "upscale", capabilities: { ...aScene("generate").work.model.capabilities, upscaleFactor: 4 } },
    request: { image: ONE_PIXEL },
  };

  it("sends the picture, the factor and the format", () => {
    const { step, body, work } = start(upscale);
    expect(step.call.url).toBe("http://127.0.0.1:9001/upscale");
    expect(body).toEqual({
      model: "sd3.5-medium@b940f670f0ed",
      image: PIXEL_BASE64,
      factor: 4,
      format: "png",
      timeout: 7.25,
    });
    expect(dialect.expectedSize?.(work)).toEqual({ width: 4, height: 4 });
  });

  it("cannot begin without a picture", () => {
    const { work, target } = aScene("generate", { model: { kind: "upscale" } });
    expect(dialect.begin(work, target)).toEqual({ ok: false, failure: { reason: "unsupported", option: "upscale" } });
  });
});

describe("what the worker reports", () => {
  it.each([
    [{}, { seed: 4711 }],
    [{ "x-seed": "12" }, { seed: 12 }],
    [{ "x-seed": "twelve", "x-model-version": " " }, { seed: 4711 }],
    [
      { "server-timing": 'cache, gpu;desc=x;dur=250.5, queue;dur="4"' },
      { seed: 4711, serviceMs: 250.5, queueMs: 4, costUsd: 0.0002505 },
    ],
    [{ "server-timing": "gpu;dur=-5, queue" }, { seed: 4711 }],
  ])("is read from %j", (headers, reported) => {
    const { step } = start();
    const answer = {
      status: 200,
      headers: { "content-type": "image/webp", ...headers } as Record<string, string>,
      body: "x",
    };
    expect(play(step, answer)).toEqual({ came: "picture", reported });
  });
});

import { describe, expect, it } from "vitest";
import { dialectOf } from "../../routing/dialects/index.ts";
import { begun, fixturesOf, play } from "./driver.ts";
import { aScene, KEY, ONE_PIXEL, type SceneParts, SECRET_PROMPT } from "./works.ts";

const dialect = dialectOf("ideogram");
const V3 = { model: { upstreamName: "ideogram-v3", pin: "ideogram-v3" } } as const;

function start(parts: SceneParts = {}) {
  const { work, target } = aScene("ideogram", parts);
  const { step, warnings } = begun(dialect, work, target);
  return { work, step, warnings, body: JSON.parse(String(step.call.body)) as Record<string, unknown> };
}

describe("a request to Ideogram", () => {
  it("names the model and switches magic prompt off", () => {
    const { step, body, warnings } = start({ model: { parameters: { extra: { style_type: "DESIGN" } } } });
    expect(step.call.url).toBe("https://api.ideogram.ai/generate");
    expect(step.call.headers["api-key"]).toBe(KEY);
    expect(step.call.headers).not.toHaveProperty("authorization");
    expect(body).toEqual({
      image_request: {
        prompt: SECRET_PROMPT,
        model: "V_2A_TURBO",
        aspect_ratio: "ASPECT_1_1",
        magic_prompt_option: "OFF",
        num_images: 1,
        seed: 4711,
        style_type: "DESIGN",
      },
    });
    expect(warnings).toEqual([]);
  });

  it("speaks version 3's own words at version 3's own path", () => {
    const { step, body } = start({ ...V3, request: { width: 1920, height: 1080, negativePrompt: "fog" } });
    expect(step.call.url).toBe("https://api.ideogram.ai/v1/ideogram-v3/generate");
    expect(body).toEqual({
      prompt: SECRET_PROMPT,
      num_images: 1,
      seed: 4711,
      negative_prompt: "fog",
      aspect_ratio: "16x9",
      magic_prompt: "OFF",
    });
  });

  it("keeps the legacy call for the legacy name of version 3", () => {
    const { step, body } = start({ model: { upstreamName: "V_3" } });
    expect(step.call.url).toBe("https://api.ideogram.ai/generate");
    expect(body.image_request).toMatchObject({ model: "V_3" });
  });

  it.each([
    [1920, 1080, {}, "ASPECT_16_9"],
    [1600, 1000, {}, "ASPECT_16_10"],
    [500, 1500, {}, "ASPECT_1_3"],
    [1280, 1024, {}, "ASPECT_4_3"],
    [1280, 1024, V3, "5x4"],
    [1024, 2048, V3, "1x2"],
  ])("turns %ix%i into the nearest ratio and says so", (width, height, parts, ratio) => {
    const { body, warnings } = start({ ...parts, request: { width, height } });
    const request = (body.image_request ?? body) as Record<string, unknown>;
    expect(request.aspect_ratio).toBe(ratio);
    const words = ratio.replace("ASPECT_", "").replace(/[x_]/, ":");
    expect(warnings).toEqual([`size ${width}x${height} becomes ${words} at about 1 megapixel`]);
  });

  it("writes overlays into the prompt", () => {
    const { body } = start({ request: { prompt: "A poster!", text: [{ content: "GLOW" }] } });
    expect(body.image_request).toMatchObject({
      prompt: 'A poster! The picture shows this text, legible and spelled exactly so: "GLOW".',
    });
  });

  it("warns of a negative prompt at 2A, which has none, and sends it at 2", () => {
    const request = { negativePrompt: "fog" };
    expect(start({ request }).warnings).toEqual(["negative_prompt is not taken by this model"]);
    expect(start({ request }).body.image_request).not.toHaveProperty("negative_prompt");
    expect(start({ request, model: { upstreamName: "V_2_TURBO" } }).body.image_request).toMatchObject({
      negative_prompt: "fog",
    });
  });

  it("is not sent with a reference picture", () => {
    const { work, target } = aScene("ideogram", { request: { image: ONE_PIXEL } });
    expect(dialect.begin(work, target)).toEqual({ ok: false, failure: { reason: "unsupported", option: "image" } });
  });
});

describe("Ideogram's link", () => {
  const answer = fixturesOf("ideogram").find((fixture) => fixture.name === "link");
  if (answer === undefined) throw new Error("no fixture");

  it("is fetched at once, without the key or the attempt's headers", () => {
    const outcome = play(start().step, answer);
    if (outcome.came !== "step") throw new Error("no step");
    expect(outcome.step.call.headers).toEqual({ accept: "image/*" });
    expect(outcome.step.delayMs).toBeUndefined();
  });

  it("brings the picture with Ideogram's seed and price", () => {
    const data = [{ ...(answer.body as { data: readonly object[] }).data[0], seed: 99 }];
    const outcome = play(start().step, { ...answer, body: { data } });
    if (outcome.came !== "step") throw new Error("no step");
    expect(play(outcome.step, { status: 200, headers: { "content-type": "image/png" }, body: "x" })).toEqual({
      came: "picture",
      reported: { seed: 99, costUsd: 0.025 },
    });
  });
});

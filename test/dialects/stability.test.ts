import { describe, expect, it } from "vitest";
import { dialectOf } from "../../routing/dialects/index.ts";
import { begun, play } from "./driver.ts";
import { aScene, KEY, ONE_PIXEL, type SceneParts, SECRET_PROMPT, sceneOfCase } from "./works.ts";

const dialect = dialectOf("stability");
const FAST = sceneOfCase("stability", { model: "fast" });
const CREATIVE = sceneOfCase("stability", { model: "creative" });

function start(parts: SceneParts = {}) {
  const { work, target } = aScene("stability", parts);
  const { step, warnings } = begun(dialect, work, target);
  const { body } = step.call;
  if (!(body instanceof FormData)) throw new Error("not a form");
  const form = Object.fromEntries(
    [...body].map(([name, value]) => [name, typeof value === "string" ? value : "(file)"]),
  );
  return { work, step, warnings, form };
}

const picture = (headers: Record<string, string> = {}) => ({
  status: 200,
  headers: { "content-type": "image/png", "finish-reason": "SUCCESS", ...headers },
  body: "x",
});

describe("a request to Stability", () => {
  it("is a form with the model, the ratio and the guidance said", () => {
    const { step, form, warnings } = start();
    expect(step.call.url).toBe("https://api.stability.ai/v2beta/stable-image/generate/sd3");
    expect(step.call.headers).toMatchObject({ accept: "image/*", authorization: `Bearer ${KEY}` });
    expect(step.call.headers).not.toHaveProperty("content-type");
    expect(form).toEqual({
      prompt: SECRET_PROMPT,
      model: "sd3.5-medium",
      mode: "text-to-image",
      aspect_ratio: "1:1",
      seed: "4711",
      cfg_scale: "4.5",
      output_format: "png",
    });
    expect(warnings).toEqual([]);
  });

  it("keeps guidance within bounds and says so", () => {
    const { form, warnings } = start({ work: { guidance: 14 }, request: { guidance: 14 } });
    expect(form.cfg_scale).toBe("10");
    expect(warnings).toEqual(["guidance 14 becomes 10"]);
  });

  it("moves away from a reference picture by a strength, and takes its shape", () => {
    const { form, warnings } = start({
      request: { image: ONE_PIXEL },
      model: { parameters: { extra: { strength: 0.4 } } },
    });
    expect(form).toMatchObject({ mode: "image-to-image", strength: "0.4", image: "(file)" });
    expect(form).not.toHaveProperty("aspect_ratio");
    expect(warnings).toEqual(["size follows the reference picture"]);
    expect(start({ request: { image: ONE_PIXEL } }).form.strength).toBe("0.65");
  });

  it("warns of the ratio and of steps", () => {
    const { form, warnings } = start({ request: { width: 1600, height: 700, steps: 12 } });
    expect(form.aspect_ratio).toBe("21:9");
    expect(warnings).toEqual(["steps are not taken by this model", "size 1600x700 becomes 21:9 at about 1 megapixel"]);
  });

  it("is not sent with a mask", () => {
    const { work, target } = aScene("stability", { request: { image: ONE_PIXEL, mask: ONE_PIXEL } });
    expect(dialect.begin(work, target)).toEqual({ ok: false, failure: { reason: "unsupported", option: "mask" } });
  });
});

describe("Stability's seed", () => {
  it.each([
    [4711, "4711", "4711", 4711],
    [0, "4294967294", "4294967294", 0],
    [4711, "4711", "99", 99],
    [4711, "4711", undefined, 4711],
    [4711, "4711", "nonsense", 4711],
  ])("%i goes as %s, and an echo of %s is %i", (seed, sent, echo, reported) => {
    const { step, form } = start({ request: { seed } });
    expect(form.seed).toBe(sent);
    expect(play(step, picture(echo === undefined ? {} : { seed: echo }))).toMatchObject({
      reported: { seed: reported },
    });
  });
});

describe("a Stability upscale", () => {
  it("that is fast sends nothing but the picture and knows the size to come", () => {
    const { step, form, work } = start(FAST);
    expect(step.call.url).toBe("https://api.stability.ai/v2beta/stable-image/upscale/fast");
    expect(form).toEqual({ image: "(file)", output_format: "png" });
    expect(dialect.expectedSize?.(work)).toEqual({ width: 4, height: 4 });
  });

  it("that is conservative goes by the prompt too", () => {
    const { step, form, work } = start({
      ...FAST,
      model: { ...FAST.model, upstreamName: "upscale-conservative", parameters: { extra: { creativity: 0.2 } } },
    });
    expect(step.call.url).toBe("https://api.stability.ai/v2beta/stable-image/upscale/conservative");
    expect(form).toEqual({
      image: "(file)",
      prompt: SECRET_PROMPT,
      seed: "4711",
      creativity: "0.2",
      output_format: "png",
    });
    expect(dialect.expectedSize?.(work)).toBeUndefined();
  });

  it("that is creative is polled every ten seconds with the same key until it is there", () => {
    const started = play(start(CREATIVE).step, {
      status: 200,
      headers: { "content-type": "application/json" },
      body: { id: "abc" },
    });
    if (started.came !== "step") throw new Error("no poll");
    let { step } = started;
    for (let polls = 0; polls < 3; polls += 1) {
      expect(step.delayMs).toBe(10_000);
      expect(step.call).toEqual({
        method: "GET",
        url: "https://api.stability.ai/v2beta/stable-image/upscale/creative/result/abc",
        headers: { accept: "image/*", authorization: `Bearer ${KEY}` },
      });
      const next = play(step, { status: 202, headers: {}, body: { id: "abc", status: "in-progress" } });
      if (next.came !== "step") throw new Error("gave up");
      step = next.step;
    }
    expect(play(step, picture({ seed: "4711" }))).toMatchObject({ came: "picture", reported: { seed: 4711 } });
    expect(play(step, picture({ "finish-reason": "CONTENT_FILTERED" }))).toMatchObject({
      failure: { reason: "refused_content", detail: "picture" },
    });
    expect(play(step, { status: 404, body: { name: "not_found", errors: ["expired"] } })).toMatchObject({
      came: "failure",
    });
  });
});

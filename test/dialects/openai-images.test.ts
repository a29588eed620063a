import { describe, expect, it } from "vitest";
import { dialectOf } from "../../routing/dialects/index.ts";
import { begun, play } from "./driver.ts";
import { aScene, KEY, ONE_PIXEL, type SceneParts, SECRET_PROMPT, sceneOfCase } from "./works.ts";

const dialect = dialectOf("openai-images");
const OPENAI = sceneOfCase("openai-images", { flavor: "openai" });

function start(parts: SceneParts = {}) {
  const { work, target } = aScene("openai-images", parts);
  const { step, warnings } = begun(dialect, work, target);
  return { work, target, step, warnings };
}

function bodyOf(parts: SceneParts = {}) {
  return JSON.parse(String(start(parts).step.call.body)) as Record<string, unknown>;
}

function formOf(parts: SceneParts): Record<string, unknown> {
  const { body } = start(parts).step.call;
  if (!(body instanceof FormData)) throw new Error("not a form");
  return Object.fromEntries(
    [...body].map(([name, value]) => [
      name,
      typeof value === "string" ? value : `${value.name} ${value.type} ${value.size}`,
    ]),
  );
}

const COMMON = { prompt: SECRET_PROMPT, n: 1, size: "1024x1024", output_format: "png" };
const SAMPLING = { seed: 4711, num_inference_steps: 28, guidance_scale: 4.5 };

describe("a request to", () => {
  it("vLLM-Omni asks for the raw file with steps, guidance and seed said", () => {
    const { call } = start().step;
    expect(call.url).toBe("http://127.0.0.1:9002/v1/images/generations");
    expect(call.headers).toMatchObject({ accept: "image/*, application/json", authorization: `Bearer ${KEY}` });
    expect(bodyOf()).toEqual({ ...COMMON, ...SAMPLING, model: "sd3.5-medium@b940f670f0ed", response_format: "file" });
  });

  it("SGLang asks for base64, for its default is a link", () => {
    expect(bodyOf({ endpoint: { flavor: "sglang" } })).toEqual({
      ...COMMON,
      ...SAMPLING,
      model: "sd3.5-medium@b940f670f0ed",
      response_format: "b64_json",
    });
  });

  it("OpenAI leaves out what it refuses, and says what that costs", () => {
    expect(bodyOf(OPENAI)).toEqual({ ...COMMON, model: "gpt-image-2-2026-04-21" });
    expect(start({ ...OPENAI, request: { negativePrompt: "fog", steps: 20 } }).warnings).toEqual([
      "negative_prompt is not taken by this model",
      "steps are not taken by this model",
      "seed is not taken by this model: the picture cannot be repeated",
    ]);
  });

  it("a server without a flavour is one to vLLM-Omni", () => {
    const { work, target } = aScene("openai-images");
    const { flavor: _none, ...endpoint } = target.endpoint;
    const { call } = begun(dialect, work, { ...target, endpoint }).step;
    expect(JSON.parse(String(call.body))).toMatchObject({ response_format: "file" });
  });

  it("a model without steps of its own still says them, for the engine's defaults are wrong", () => {
    expect(bodyOf({ model: { parameters: { extra: {} } } })).toMatchObject({
      num_inference_steps: 28,
      guidance_scale: 4.5,
    });
  });

  it("a base URL that ends in /v1 is not given it twice", () => {
    const { call } = start({ endpoint: { url: "https://gpu.example/v1" } }).step;
    expect(call.url).toBe("https://gpu.example/v1/images/generations");
  });

  it("any server appends overlays to the prompt, and catalogue words cannot take its place", () => {
    const body = bodyOf({
      request: { prompt: "A poster", text: [{ content: 'The "BIG" sale' }, { content: "Friday" }] },
      model: { parameters: { extra: { prompt: "x", size: "1x1", quality: "high", true_cfg_scale: 4 } } },
    });
    expect(body).toMatchObject({
      prompt: `A poster. The picture shows this text, legible and spelled exactly so: "The 'BIG' sale", "Friday".`,
      size: "1024x1024",
      quality: "high",
      true_cfg_scale: 4,
    });
  });
});

describe("the size", () => {
  it("is rounded to the model's multiple", () => {
    const { work, warnings } = start({ request: { width: 1000, height: 600 } });
    expect(warnings).toEqual(["size 1000x600 becomes 1008x608"]);
    expect(dialect.expectedSize?.(work)).toEqual({ width: 1008, height: 608 });
  });

  it.each([
    [1920, 1080, "1536x1024"],
    [800, 800, "1024x1024"],
    [600, 1000, "1024x1536"],
  ])("of %ix%i is %s where OpenAI has three", (width, height, size) => {
    const capabilities = { ...aScene("openai-images").work.model.capabilities, size: "ratio" } as const;
    const parts = { ...OPENAI, model: { ...OPENAI.model, capabilities }, request: { width, height } };
    expect(bodyOf(parts)).toMatchObject({ size });
    expect(start(parts).warnings).toContain(`size ${width}x${height} becomes ${size}`);
  });
});

describe("an edit", () => {
  const edit = { request: { image: ONE_PIXEL, mask: ONE_PIXEL } };

  it("at vLLM-Omni is a form with its own word for the mask, and base64 back", () => {
    expect(start(edit).step.call.url).toBe("http://127.0.0.1:9002/v1/images/edits");
    expect(formOf(edit)).toEqual({
      prompt: SECRET_PROMPT,
      model: "sd3.5-medium@b940f670f0ed",
      n: "1",
      size: "1024x1024",
      output_format: "png",
      response_format: "b64_json",
      seed: "4711",
      num_inference_steps: "28",
      guidance_scale: "4.5",
      image: `image.png image/png ${ONE_PIXEL.bytes.length}`,
      mask_image: `mask_image.png image/png ${ONE_PIXEL.bytes.length}`,
    });
  });

  it("at OpenAI calls the mask a mask and lets the runtime write the boundary", () => {
    const form = formOf({ ...OPENAI, ...edit });
    expect(form).toHaveProperty("mask");
    expect(form).not.toHaveProperty("response_format");
    expect(start({ ...OPENAI, ...edit }).step.call.headers).not.toHaveProperty("content-type");
  });
});

describe("an edit after several pictures", () => {
  const several = { image: ONE_PIXEL, moreImages: [ONE_PIXEL, ONE_PIXEL] };
  const taking = (maxImages: number) => ({ ...aScene("openai-images").work.model.capabilities, maxImages });

  it("at OpenAI names them all as a list", () => {
    const parts = { ...OPENAI, model: { ...OPENAI.model, capabilities: taking(16) }, request: several };
    const form = start(parts).step.call.body as FormData;
    expect(form.getAll("image[]").map((file) => (file as File).name)).toEqual(Array(3).fill("image.png"));
    expect(form.has("image")).toBe(false);
  });

  it("is not asked of our own servers, whatever the catalogue says", () => {
    const { work, target } = aScene("openai-images", { model: { capabilities: taking(16) }, request: several });
    expect(dialect.begin(work, target)).toMatchObject({ failure: { reason: "unsupported", option: "image" } });
  });
});

describe("delivery by link", () => {
  const parts: SceneParts = {
    endpoint: { flavor: "sglang", pictureHosts: ["cdn.example.com"] },
    model: { parameters: { extra: { response_format: "url" } } },
  };
  const json = { "content-type": "application/json" };

  it("is asked for and followed on the server's own origin, with the key", () => {
    expect(bodyOf(parts)).toMatchObject({ response_format: "url" });
    const outcome = play(start(parts).step, {
      status: 200,
      headers: json,
      body: { data: [{ url: "/v1/images/i1/content" }] },
    });
    if (outcome.came !== "step") throw new Error("no step");
    expect(outcome.step.call).toEqual({
      method: "GET",
      url: "http://127.0.0.1:9002/v1/images/i1/content",
      headers: { accept: "image/*", authorization: `Bearer ${KEY}` },
    });
    expect(play(outcome.step, { status: 200, headers: { "content-type": "image/png" }, body: "x" })).toEqual({
      came: "picture",
      reported: { seed: 4711 },
    });
  });

  it("elsewhere goes without the key, and only to listed hosts", () => {
    const at = (url: string) => play(start(parts).step, { status: 200, headers: json, body: { data: [{ url }] } });
    const listed = at("https://cdn.example.com/1.png");
    expect(listed.came === "step" && listed.step.call.headers).toEqual({ accept: "image/*" });
    expect(at("https://other.example.com/1.png")).toMatchObject({ came: "failure" });
  });
});

describe("the look at what is served", () => {
  const look = (parts: SceneParts = {}) => {
    const { work, target } = aScene("openai-images", parts);
    return { work, target, way: dialect.pinLook?.(target, work.model), blind: dialect.pinLook?.(target) };
  };
  const list = (...ids: readonly string[]) =>
    JSON.stringify({ object: "list", data: ids.map((id) => ({ id, object: "model" })) });

  it("asks for the list of models with the key", () => {
    expect(look().way?.call).toEqual({
      method: "GET",
      url: "http://127.0.0.1:9002/v1/models",
      headers: { accept: "application/json", authorization: `Bearer ${KEY}` },
    });
  });

  it.each([
    ["the pin alone", list("sd3.5-medium@b940f670f0ed"), "sd3.5-medium@b940f670f0ed"],
    ["the pin among others", list("lora-a", "sd3.5-medium@b940f670f0ed"), "sd3.5-medium@b940f670f0ed"],
    ["another version", list("sd3.5-medium@11bb22cc33dd"), "sd3.5-medium@11bb22cc33dd"],
    ["nothing", list(), undefined],
    ["garbage", "<html>", undefined],
    ["entries without an id", JSON.stringify({ data: [{}, null, 7] }), undefined],
  ])("reports %s", (_what, text, pin) => {
    expect(look().way?.settle(200, text)).toBe(pin);
  });

  it("says nothing when it fails, or when several names cannot be told apart", () => {
    expect(look().way?.settle(503, list("x"))).toBeUndefined();
    expect(look().blind?.settle(200, list("a", "b"))).toBeUndefined();
    expect(look().blind?.settle(200, list("a"))).toBe("a");
  });

  it("is not taken at OpenAI, which lists what it sells", () => {
    expect(look(OPENAI).way).toBeUndefined();
  });
});

describe("a refusal in words", () => {
  const answer = (prompt: string, status: number, detail: string) =>
    play(start({ request: { prompt } }).step, {
      status,
      headers: { "content-type": "application/json" },
      body: { detail },
    });

  it("is one, unless the server only repeats the prompt, or fails", () => {
    const refusal = { came: "failure", failure: { reason: "refused_content", detail: "prompt" } };
    expect(answer("a fox", 400, "Blocked by the safety checker")).toEqual(refusal);
    const echo = answer("a poster about content policy", 400, "Cannot encode 'a poster about content policy'");
    expect(echo).toMatchObject({ came: "failure", failure: { reason: "invalid_request" } });
    expect(answer("a fox", 500, "The safety checker crashed")).toMatchObject({ failure: { reason: "upstream_error" } });
  });
});

import { describe, expect, it } from "vitest";
import { formatOf, sizeOf } from "./look.ts";
import { anEndpoint, bytesOf, post, start } from "./start.ts";

const body = { prompt: "a red fox", size: "128x96", seed: 7, num_inference_steps: 28, guidance_scale: 4.5 };
const served = "sd3.5-medium@b940f670f0ed";

function vllm() {
  return start([anEndpoint({ dialect: "openai-images", flavor: "vllm-omni" })]);
}

function sglang() {
  return start([anEndpoint({ dialect: "openai-images", flavor: "sglang" })]);
}

describe("openai-images as vLLM-Omni", () => {
  it("answers base64 without seed or usage", async () => {
    const { base } = await vllm();
    const answer = await (await post(`${base}/v1/images/generations`, { ...body, model: served, n: 2 })).json();
    expect(answer).toMatchObject({ output_format: "png", size: "128x96" });
    expect(Object.keys(answer).sort()).toEqual(["created", "data", "metrics", "output_format", "size"]);
    expect(answer.data).toHaveLength(2);
    expect(answer.data[0].b64_json).not.toBe(answer.data[1].b64_json);
    expect(await sizeOf(bytesOf(answer.data[0].b64_json))).toMatchObject({ width: 128, height: 96 });
  });

  it("sends a file that is labelled image/png whatever it is", async () => {
    const { base } = await vllm();
    const answer = await post(`${base}/v1/images/generations`, {
      ...body,
      response_format: "file",
      output_format: "webp",
    });
    expect(answer.headers.get("content-type")).toBe("image/png");
    expect(answer.headers.get("content-disposition")).toContain("attachment");
    expect(formatOf(await answer.bytes())).toBe("webp");
  });

  it("zips several files", async () => {
    const { base } = await vllm();
    const answer = await post(`${base}/v1/images/generations`, { ...body, n: 2, response_format: "file" });
    expect(answer.headers.get("content-type")).toBe("application/zip");
    const bytes = Buffer.from(await answer.bytes());
    expect(bytes.subarray(0, 4)).toEqual(Buffer.from("PK\x03\x04"));
    expect(bytes.readUInt16LE(bytes.length - 22 + 10)).toBe(2);
    const directory = bytes.readUInt32LE(bytes.length - 22 + 16);
    const second = bytes.indexOf("PK\x01\x02", directory + 4);
    const entry = bytes.readUInt32LE(second + 42);
    expect(bytes.subarray(entry + 30, entry + 41).toString()).toBe("image_1.png");
    expect(bytes.subarray(30, 41).toString()).toBe("image_0.png");
    expect(formatOf(bytes.subarray(41, 60))).toBe("png");
  });

  it("refuses another model's name with 400", async () => {
    const { base } = await vllm();
    const answer = await post(`${base}/v1/images/generations`, { ...body, model: "sd3.5-large" });
    expect(answer.status).toBe(400);
    expect((await answer.json()).detail).toContain("Model mismatch");
  });

  it.each([
    [{ ...body, response_format: "url" }, 422, "response_format"],
    [{ ...body, num_inference_steps: 900 }, 422, "num_inference_steps"],
    [{ size: "64x64" }, 422, "prompt"],
  ])("answers %j with pydantic's list", async (wrong, status, field) => {
    const { base } = await vllm();
    const answer = await post(`${base}/v1/images/generations`, wrong);
    expect(answer.status).toBe(status);
    expect((await answer.json()).detail[0].loc).toEqual(["body", field]);
  });

  it("refuses a size that is none, and has no content filter", async () => {
    const { base } = await vllm();
    expect((await post(`${base}/v1/images/generations`, { ...body, size: "big" })).status).toBe(400);
    expect((await post(`${base}/v1/images/generations`, { ...body, prompt: "a fox [refuse]" })).status).toBe(200);
  });

  it("words engine errors as an OpenAI error with a numeric code", async () => {
    const { base, control } = await vllm();
    control.setFault("weur-a", { kind: "500" });
    const answer = await post(`${base}/v1/images/generations`, body);
    expect(answer.status).toBe(500);
    expect((await answer.json()).error).toMatchObject({ type: "InternalServerError", code: 500 });
  });

  it("edits a picture, base64 only", async () => {
    const { base } = await vllm();
    const drawn = await post(`${base}/v1/images/generations`, { ...body, response_format: "file" });
    const picture = new Blob([await drawn.bytes()], { type: "image/png" });
    const form = new FormData();
    form.append("prompt", "in winter");
    form.append("image", picture, "image.png");
    form.append("mask_image", picture, "mask.png");
    form.append("seed", "3");
    const answer = await (await fetch(`${base}/v1/images/edits`, { method: "POST", body: form })).json();
    expect(await sizeOf(bytesOf(answer.data[0].b64_json))).toMatchObject({ width: 128, height: 96 });
    form.append("response_format", "file");
    expect((await fetch(`${base}/v1/images/edits`, { method: "POST", body: form })).status).toBe(422);
  });
});

describe("openai-images as SGLang Diffusion", () => {
  it("answers with a relative URL unless base64 is asked for", async () => {
    const { base } = await sglang();
    const answer = await (await post(`${base}/v1/images/generations`, body)).json();
    expect(answer.data[0].url).toMatch(/^\/v1\/images\/[\w-]+\/content$/);
    const picture = await fetch(`${base}${answer.data[0].url}`);
    expect(formatOf(await picture.bytes())).toBe("png");
    const inline = await (await post(`${base}/v1/images/generations`, { ...body, response_format: "b64_json" })).json();
    expect(formatOf(bytesOf(inline.data[0].b64_json))).toBe("png");
    expect(inline.inference_time_s).toBeGreaterThan(0);
  });

  it("draws the same picture every time when no seed is sent", async () => {
    const { base } = await sglang();
    const { seed: _, ...unseeded } = { ...body, response_format: "b64_json" };
    const draw = async () => (await (await post(`${base}/v1/images/generations`, unseeded)).json()).data[0].b64_json;
    expect(await draw()).toBe(await draw());
  });

  it("takes width and height, says ok when healthy, and words every error as detail", async () => {
    const { base, control } = await sglang();
    const sized = await post(`${base}/v1/images/generations`, {
      ...body,
      width: 160,
      height: 64,
      response_format: "b64_json",
    });
    expect(await sizeOf(bytesOf((await sized.json()).data[0].b64_json))).toMatchObject({ width: 160, height: 64 });
    expect(await (await fetch(`${base}/health`)).json()).toEqual({ status: "ok" });
    control.setFault("weur-a", { kind: "500" });
    expect((await (await post(`${base}/v1/images/generations`, body)).json()).detail).toEqual(expect.any(String));
  });
});

describe("openai-images as OpenAI", () => {
  function openai() {
    return start([
      anEndpoint({ dialect: "openai-images", flavor: "openai", servedName: "gpt-image-2", pin: "gpt-image-2" }),
    ]);
  }

  it("answers base64 with usage", async () => {
    const { base } = await openai();
    const asked = { prompt: "a red fox", model: "gpt-image-2", size: "256x256", quality: "low", output_format: "webp" };
    const answer = await (await post(`${base}/v1/images/generations`, asked)).json();
    expect(answer).toMatchObject({ size: "256x256", quality: "low", output_format: "webp", background: "opaque" });
    expect(answer.usage.total_tokens).toBe(answer.usage.input_tokens + answer.usage.output_tokens);
    expect(formatOf(bytesOf(answer.data[0].b64_json))).toBe("webp");
  });

  it.each([
    [{ response_format: "b64_json" }, 400, "invalid_value"],
    [{ size: "100x100" }, 400, "invalid_value"],
    [{ model: "dall-e-3" }, 404, "model_not_found"],
    [{ prompt: "x [refuse]" }, 400, "moderation_blocked"],
    [{ prompt: "x [filter]" }, 400, "moderation_blocked"],
    [{ prompt: "x [quota]" }, 429, "insufficient_quota"],
    [{ prompt: "x [rate]" }, 429, "rate_limit_exceeded"],
  ])("says no to %j with %i %s", async (change, status, code) => {
    const { base } = await openai();
    const answer = await post(`${base}/v1/images/generations`, { prompt: "a fox", size: "256x256", ...change });
    expect([answer.status, (await answer.json()).error.code]).toEqual([status, code]);
  });

  it("edits one of several pictures, sent as image[]", async () => {
    const { base } = await openai();
    const drawn = await (await post(`${base}/v1/images/generations`, { prompt: "a fox", size: "256x256" })).json();
    const form = new FormData();
    form.append("prompt", "in winter");
    form.append("size", "256x256");
    form.append("image[]", new Blob([Buffer.from(drawn.data[0].b64_json, "base64")], { type: "image/png" }), "a.png");
    const answer = await fetch(`${base}/v1/images/edits`, { method: "POST", body: form });
    expect((await answer.json()).usage.input_tokens_details.image_tokens).toBeGreaterThan(0);
    form.delete("image[]");
    expect((await fetch(`${base}/v1/images/edits`, { method: "POST", body: form })).status).toBe(400);
  });
});

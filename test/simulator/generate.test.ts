import { describe, expect, it } from "vitest";
import { formatOf, sizeOf } from "./look.ts";
import { anEndpoint, bytesOf, ENDLESS, post, start, until } from "./start.ts";

const small = { prompt: "a red fox", width: 128, height: 96, seed: 7 };

describe("generate, the case study's worker", () => {
  it("answers a POST with the picture in base64 and all that was decided", async () => {
    const { base } = await start();
    const answer = await post(`${base}/generate`, { ...small, model: "SD3.5 Medium", format: "webp", timeout: 8 });
    const { image, ...facts } = await answer.json();
    expect(facts).toEqual({
      model: "sd3.5-medium@b940f670f0ed",
      model_version: "sd3.5-medium@b940f670f0ed",
      seed: 7,
      width: 128,
      height: 96,
      format: "webp",
    });
    expect(formatOf(bytesOf(image))).toBe("webp");
    expect(await sizeOf(bytesOf(image))).toMatchObject({ width: 128, height: 96 });
  });

  it("gives raw bytes, with the facts in headers, to clients that accept pictures", async () => {
    const { base } = await start();
    const answer = await post(`${base}/generate`, small, { accept: "image/*" });
    expect(answer.headers.get("content-type")).toBe("image/png");
    expect(answer.headers.get("x-model-version")).toBe("sd3.5-medium@b940f670f0ed");
    expect(answer.headers.get("x-seed")).toBe("7");
    expect(answer.headers.get("server-timing")).toMatch(/^queue;dur=\d+\.\d, gpu;dur=\d+\.\d$/);
    expect(formatOf(await answer.bytes())).toBe("png");
  });

  it("answers a GET with one and the same document every time, as ab needs it", async () => {
    const { base } = await start();
    const [first, second] = await Promise.all([fetch(`${base}/generate`), fetch(`${base}/generate`)]);
    expect(first.status).toBe(200);
    expect(await first.text()).toBe(await second.text());
  });

  it("draws the same bytes for the same seed and others for another prompt", async () => {
    const { base } = await start();
    const draw = async (body: object) => (await post(`${base}/generate`, body, { accept: "image/*" })).bytes();
    expect(await draw(small)).toEqual(await draw(small));
    expect(await draw({ ...small, prompt: "a blue fox" })).not.toEqual(await draw(small));
  });

  it("draws a seed when none is named, and says which", async () => {
    const { base } = await start();
    const { seed: _, ...unseeded } = small;
    const [one, other] = [
      await (await post(`${base}/generate`, unseeded)).json(),
      await (await post(`${base}/generate`, unseeded)).json(),
    ];
    expect(one.seed).not.toBe(other.seed);
    const again = await (await post(`${base}/generate`, { ...unseeded, seed: one.seed })).json();
    expect(again.image).toBe(one.image);
  });

  it("gives up with 504 when the client's time is over, and stops the work", async () => {
    const { base, control } = await start(undefined, { timeScale: ENDLESS });
    const answer = await post(`${base}/generate`, { ...small, timeout: 0.02 });
    expect([answer.status, (await answer.json()).error.code]).toEqual([504, "timeout"]);
    expect(control.stateOf("weur-a")).toMatchObject({ running: 0, stopped: 1, completed: 0 });
  });

  it("turns away what is beyond its queue with 429 and Retry-After", async () => {
    const { base, control } = await start([anEndpoint({ slots: 1, queueCap: 0 })], { timeScale: ENDLESS });
    void post(`${base}/generate`, small).catch(() => undefined);
    await until(() => control.stateOf("weur-a").running === 1);
    const refusal = await post(`${base}/generate`, { ...small, seed: 8 });
    expect([refusal.status, refusal.headers.get("retry-after")]).toEqual([429, "1"]);
  });

  it.each([
    [{ prompt: "" }, 400, "invalid_request"],
    [{ ...small, width: 10 }, 400, "invalid_request"],
    [{ ...small, width: 8192, height: 8192 }, 400, "invalid_request"],
    [{ ...small, steps: 1000 }, 400, "invalid_request"],
    [{ ...small, prompt: "a fox [refuse]" }, 400, "moderation_blocked"],
    [{ ...small, prompt: "a fox [filter]" }, 400, "moderation_blocked"],
    [{ ...small, prompt: "a fox [quota]" }, 429, "quota_exceeded"],
    [{ ...small, prompt: "a fox [rate]" }, 429, "overloaded"],
    [{ ...small, prompt: "a fox [error]" }, 500, "internal_error"],
  ])("says no to %j with %i %s", async (body, status, code) => {
    const { base } = await start();
    const answer = await post(`${base}/generate`, body);
    expect([answer.status, (await answer.json()).error.code]).toEqual([status, code]);
  });

  it("upscales a picture by a factor, at its own path or by a field", async () => {
    const { base } = await start([anEndpoint({ model: "upscaler", upscaleFactor: 4 })]);
    const drawn = await start();
    const { image } = await (await post(`${drawn.base}/generate`, small)).json();
    const byDefault = await (await post(`${base}/upscale`, { image })).json();
    expect(byDefault).toMatchObject({ width: 512, height: 384 });
    expect(await sizeOf(bytesOf(byDefault.image))).toMatchObject({ width: 512, height: 384 });
    expect(await (await post(`${base}/upscale`, { image, factor: 2 })).json()).toMatchObject({
      width: 256,
      height: 192,
    });
    expect(await (await post(`${drawn.base}/generate`, { ...small, image, upscale: 2 })).json()).toMatchObject({
      width: 256,
    });
    expect((await post(`${base}/upscale`, { image: "bm90aGluZw==" })).status).toBe(400);
  });

  it("lists what it serves, tells its health and its queue", async () => {
    const { base, control } = await start();
    await post(`${base}/generate`, small);
    expect(await (await fetch(`${base}/health`)).json()).toEqual({ status: "healthy" });
    expect((await (await fetch(`${base}/v1/models`)).json()).data[0].id).toBe("sd3.5-medium@b940f670f0ed");
    const metrics = await (await fetch(`${base}/metrics`)).text();
    expect(metrics).toContain('vllm_omni:num_requests_waiting{model_name="sd3.5-medium@b940f670f0ed"} 0');
    expect(metrics).toContain('finished_reason="stop"} 1');
    expect(control.stateOf("weur-a")).toMatchObject({ completed: 1, requests: 1, aborted: 0 });
    expect(control.stateOf("weur-a").gpuSeconds).toBeGreaterThan(0.1);
  });

  it("answers at the root when it is the only endpoint", async () => {
    const { url } = await start([anEndpoint()], { atRoot: true });
    expect((await post(`${url}/generate`, small)).status).toBe(200);
    expect((await fetch(`${url}/health`)).status).toBe(200);
  });

  it("knows unknown paths, endpoints and methods", async () => {
    const { base, url } = await start();
    expect((await fetch(`${base}/nothing`)).status).toBe(404);
    expect((await fetch(`${base}/generate`, { method: "DELETE" })).status).toBe(405);
    expect((await fetch(`${url}/moon-a/generate`)).status).toBe(404);
  });
});

import { describe, expect, it } from "vitest";
import { formatOf, sizeOf } from "./look.ts";
import { anEndpoint, ENDLESS, post, start, until } from "./start.ts";

function ideogram(slots = 10, timeScale = 0.001) {
  const endpoint = anEndpoint({
    model: "ideogram-v2a-turbo",
    dialect: "ideogram",
    servedName: "V_2A_TURBO",
    pin: "V_2A_TURBO",
    slots,
    queueCap: 0,
  });
  return start([endpoint], { timeScale });
}

function ask(changes: object = {}) {
  const image_request = {
    prompt: "a poster 'GLOW'",
    model: "V_2A_TURBO",
    magic_prompt_option: "OFF",
    seed: 4711,
    ...changes,
  };
  return { image_request };
}

describe("ideogram, legacy generate", () => {
  it("delivers by a temporary URL that expires and is signed", async () => {
    const { base, url } = await ideogram();
    const answer = await (
      await post(`${base}/generate`, ask({ aspect_ratio: "ASPECT_16_9", style_type: "DESIGN" }))
    ).json();
    const [entry] = answer.data;
    expect(entry).toMatchObject({
      resolution: "1312x736",
      seed: 4711,
      style_type: "DESIGN",
      is_image_safe: true,
      prompt: "a poster 'GLOW'",
    });
    const link = new URL(entry.url);
    expect(link.origin).toBe(url);
    expect(Number(link.searchParams.get("exp"))).toBeGreaterThan(Date.now() / 1000);
    const picture = await (await fetch(link)).bytes();
    expect(formatOf(picture)).toBe("png");
    expect(await sizeOf(picture)).toMatchObject({ width: 1312, height: 736 });
    link.searchParams.set("exp", "1999999999");
    expect((await fetch(link)).status).toBe(403);
  });

  it("withholds an unsafe picture with status 200 and an empty URL", async () => {
    const { base } = await ideogram();
    const answer = await post(`${base}/generate`, ask({ prompt: "x [filter]" }));
    expect(answer.status).toBe(200);
    expect((await answer.json()).data[0]).toMatchObject({ is_image_safe: false, url: "" });
  });

  it("rewrites the prompt when magic prompt is on, and says so", async () => {
    const { base } = await ideogram();
    const answer = await (await post(`${base}/generate`, ask({ magic_prompt_option: "ON" }))).json();
    expect(answer.data[0].prompt).not.toBe("a poster 'GLOW'");
  });

  it.each([
    [{ prompt: "x [refuse]" }, 422],
    [{ prompt: "x [quota]" }, 402],
    [{ prompt: "x [rate]" }, 429],
    [{ negative_prompt: "blur" }, 400],
    [{ resolution: "RESOLUTION_1024_1024" }, 400],
    [{ aspect_ratio: "ASPECT_7_5" }, 400],
    [{ seed: 2 ** 31 }, 400],
    [{ num_images: 9 }, 400],
  ])("answers %j with %i and one string", async (changes, status) => {
    const { base } = await ideogram();
    const answer = await post(`${base}/generate`, ask(changes));
    expect(answer.status).toBe(status);
    expect((await answer.json()).error).toEqual(expect.any(String));
  });

  it("turns away what is beyond its requests in flight", async () => {
    const { base, control } = await ideogram(2, ENDLESS);
    for (const seed of [1, 2]) void post(`${base}/generate`, ask({ seed })).catch(() => undefined);
    await until(() => control.stateOf("weur-a").running === 2);
    expect((await post(`${base}/generate`, ask({ seed: 3 }))).status).toBe(429);
  });

  it("draws V_2 when no model is named", async () => {
    const { base, control } = await ideogram();
    await post(`${base}/generate`, { image_request: { prompt: "a fox" } });
    expect(control.stateOf("weur-a").lastRequests.at(-1)?.model).toBe("V_2");
  });
});

describe("ideogram v3 and upscale", () => {
  it("takes a form or JSON", async () => {
    const { base } = await ideogram();
    const form = new FormData();
    for (const [name, value] of Object.entries({ prompt: "a fox", aspect_ratio: "10x16", seed: "3", num_images: "2" }))
      form.append(name, value);
    const path = `${base}/v1/ideogram-v3/generate`;
    const formed = await (await fetch(path, { method: "POST", body: form })).json();
    expect(formed.data.map(({ resolution, seed }: { resolution: string; seed: number }) => [resolution, seed])).toEqual(
      [
        ["800x1280", 3],
        ["800x1280", 4],
      ],
    );
    const json = await (await post(path, { prompt: "a fox", resolution: "512x1536", magic_prompt: "OFF" })).json();
    expect(json.data[0].resolution).toBe("512x1536");
    expect((await post(path, { prompt: "a fox", rendering_speed: "WARP" })).status).toBe(400);
  });

  it("upscales a given picture", async () => {
    const { base } = await ideogram();
    const drawn = await (await post(`${base}/generate`, ask())).json();
    const form = new FormData();
    form.append("image_request", JSON.stringify({ resemblance: 60 }));
    form.append("image_file", await (await fetch(drawn.data[0].url)).blob(), "a.png");
    const answer = await (await fetch(`${base}/upscale`, { method: "POST", body: form })).json();
    expect(answer.data[0].resolution).toBe("2048x2048");
  });
});

import { createCanvas } from "@napi-rs/canvas";
import { describe, expect, it } from "vitest";
import { formatOf, sizeOf } from "./look.ts";
import { anEndpoint, bytesOf, start, until } from "./start.ts";

async function stability(key?: string) {
  const endpoint = anEndpoint({
    dialect: "stability",
    servedName: "sd3.5-medium",
    pin: "sd3.5-medium",
    ...(key !== undefined && { key }),
  });
  const simulator = await start([endpoint]);
  const root = `${simulator.base}/v2beta/stable-image`;
  return { ...simulator, sd3: `${root}/generate/sd3`, upscale: `${root}/upscale` };
}

function form(fields: Readonly<Record<string, string | Blob>>): FormData {
  const result = new FormData();
  for (const [name, value] of Object.entries(fields)) result.append(name, value);
  return result;
}

function send(
  url: string,
  fields: Readonly<Record<string, string | Blob>>,
  headers: Readonly<Record<string, string>> = {},
) {
  return fetch(url, { method: "POST", headers, body: form(fields) });
}

async function aPicture(width = 96, height = 64): Promise<Blob> {
  const canvas = createCanvas(width, height);
  const context = canvas.getContext("2d");
  context.fillStyle = "#c40";
  context.fillRect(10, 10, width / 2, height / 2);
  return new Blob([Uint8Array.from(await canvas.encode("png"))], { type: "image/png" });
}

const fox = { prompt: "a fox", model: "sd3.5-medium", seed: "9" };

describe("stability generate/sd3", () => {
  it("answers raw bytes with seed and finish reason in headers", async () => {
    const { sd3 } = await stability();
    const answer = await send(sd3, { ...fox, aspect_ratio: "16:9", output_format: "webp" });
    expect(answer.headers.get("content-type")).toBe("image/webp");
    expect([answer.headers.get("finish-reason"), answer.headers.get("seed")]).toEqual(["SUCCESS", "9"]);
    const picture = await answer.bytes();
    expect(formatOf(picture)).toBe("webp");
    expect(await sizeOf(picture)).toMatchObject({ width: 1344, height: 768 });
  });

  it("answers JSON when asked, and a random seed for 0", async () => {
    const { sd3 } = await stability();
    const answer = await send(sd3, { ...fox, seed: "0" }, { accept: "application/json" });
    expect(answer.headers.get("content-type")).toBe("application/json; type=image/png");
    const document = await answer.json();
    expect(document.finish_reason).toBe("SUCCESS");
    expect(document.seed).toBeGreaterThan(0);
    expect(formatOf(bytesOf(document.image))).toBe("png");
  });

  it("sends a blurred picture with status 200 when the filter strikes", async () => {
    const { sd3 } = await stability();
    const answer = await send(sd3, { ...fox, prompt: "a fox [filter]", output_format: "webp" });
    expect([answer.status, answer.headers.get("finish-reason")]).toEqual([200, "CONTENT_FILTERED"]);
    const sharp = await (await send(sd3, { ...fox, output_format: "webp" })).bytes();
    expect((await answer.bytes()).length).toBeLessThan(sharp.length / 4);
  });

  it("draws from a given picture", async () => {
    const { sd3 } = await stability();
    const image = await aPicture();
    const answer = await send(sd3, { ...fox, mode: "image-to-image", image, strength: "0.4" });
    expect(await sizeOf(await answer.bytes())).toMatchObject({ width: 96, height: 64 });
    expect((await send(sd3, { ...fox, mode: "image-to-image", image })).status).toBe(400);
    expect((await send(sd3, { ...fox, image })).status).toBe(400);
  });

  it.each([
    [{ prompt: "x [refuse]" }, 403, "content_moderation"],
    [{ prompt: "x [quota]" }, 402, "payment_required"],
    [{ prompt: "x [rate]" }, 429, "rate_limit_exceeded"],
    [{ aspect_ratio: "7:5" }, 400, "bad_request"],
    [{ seed: "4294967295" }, 400, "bad_request"],
    [{ model: "sdxl" }, 400, "bad_request"],
  ])("says no to %j with %i %s", async (changes, status, name) => {
    const { sd3 } = await stability();
    const answer = await send(sd3, { ...fox, ...changes });
    const document = await answer.json();
    expect([answer.status, document.name]).toEqual([status, name]);
    expect(document).toMatchObject({ id: expect.any(String), errors: [expect.any(String)] });
  });

  it("accepts neither JSON, nor a wrong key, nor more than 10 MiB", async () => {
    const { sd3 } = await stability("good");
    const key = { authorization: "Bearer good" };
    expect((await send(sd3, fox)).status).toBe(401);
    expect((await fetch(sd3, { method: "POST", headers: key, body: JSON.stringify(fox) })).status).toBe(400);
    expect((await send(sd3, { ...fox, image: new Blob([new Uint8Array(11 * 1024 * 1024)]) }, key)).status).toBe(413);
  });
});

describe("stability upscale", () => {
  it("fast gives four times the sides", async () => {
    const { upscale } = await stability();
    const answer = await send(`${upscale}/fast`, { image: await aPicture() });
    expect(await sizeOf(await answer.bytes())).toMatchObject({ width: 384, height: 256 });
    expect((await send(`${upscale}/fast`, { image: "text" })).status).toBe(400);
  });

  it("conservative gives four megapixels and needs a prompt", async () => {
    const { upscale } = await stability();
    const image = await aPicture(100, 50);
    const { width, height } = await sizeOf(
      await (await send(`${upscale}/conservative`, { image, prompt: "a fox", output_format: "jpeg" })).bytes(),
    );
    expect(width * height).toBeGreaterThan(3_900_000);
    expect(width / height).toBeCloseTo(2, 2);
    expect((await send(`${upscale}/conservative`, { image })).status).toBe(400);
  });

  it("creative is asynchronous: an id, 202 while it runs, then the picture", async () => {
    const { upscale, control } = await stability();
    const begun = await send(`${upscale}/creative`, {
      image: await aPicture(),
      prompt: "a fox",
      seed: "5",
      output_format: "jpeg",
    });
    const { id } = await begun.json();
    const poll = () => fetch(`${upscale}/creative/result/${id}`, { headers: { accept: "image/*" } });
    expect((await poll()).status).toBe(202);
    await until(() => control.stateOf("weur-a").completed === 1);
    let answer = await poll();
    while (answer.status === 202) answer = await poll();
    expect([answer.status, answer.headers.get("seed"), answer.headers.get("finish-reason")]).toEqual([
      200,
      "5",
      "SUCCESS",
    ]);
    expect(formatOf(await answer.bytes())).toBe("jpeg");
    expect((await fetch(`${upscale}/creative/result/0000`)).status).toBe(404);
  });
});

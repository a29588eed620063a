import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sniffPicture } from "../../routing/image/sniff.ts";
import { type Stack, startStack } from "../support/stack.ts";

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack.stop());

const bytesOf = async (response: Response) => new Uint8Array(await response.arrayBuffer());

describe("POST /v1/generate", () => {
  it("answers a preview from the home region with the picture's bytes and says what happened", async () => {
    const response = await stack.post(
      "/v1/generate",
      { prompt: "a lighthouse at dusk", purpose: "preview", width: 512, height: 384, seed: 7 },
      { "galley-client-location": "country=FR; continent=EU", accept: "image/webp" },
    );
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("image/webp");
    expect(sniffPicture(await bytesOf(response))).toEqual({ format: "webp", width: 512, height: 384 });
    const headers = Object.fromEntries(response.headers);
    expect(headers).toMatchObject({
      "galley-config": stack.snapshot.version,
      "galley-route": "preview",
      "galley-region": "weur",
      "galley-model": `sd3.5-medium@b940f670f0ed`,
      "galley-seed": "7",
      "galley-cache": "miss",
      "cache-control": "no-store",
    });
    expect(headers["galley-reason"]).toMatch(/^declared preview; routes\[\d\]$/);
    expect(headers["galley-attempts"]).toMatch(/^weur-[\w.-]+;outcome=ok;ms=\d+;leg=primary$/);
    expect(headers["galley-degraded"]).toBeUndefined();
    expect(Number(headers["galley-cost-usd"])).toBeGreaterThan(0);
    expect(headers["server-timing"]).toMatch(/^total;dur=\d+/);
    expect(headers["galley-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("draws the same picture for the same seed, and another for another", async () => {
    const draw = async (seed: number) =>
      bytesOf(await stack.post("/v1/generate", { prompt: "a fox", seed, width: 256 }));
    const [one, again, other] = [await draw(1), await draw(1), await draw(2)];
    expect(again).toEqual(one);
    expect(other).not.toEqual(one);
  });

  it.each([
    ["country=JP; continent=AS", "apac"],
    ["country=US; continent=NA", "enam"],
    ["country=DE; continent=EU", "weur"],
    ["colo=CDG", "weur"],
    ["latitude=40.7; longitude=-74", "enam"],
  ])("serves a client at %s from %s", async (location, region) => {
    const response = await stack.post(
      "/v1/generate",
      { prompt: "a fox", purpose: "preview", width: 256 },
      { "galley-client-location": location },
    );
    expect(response.headers.get("galley-region")).toBe(region);
    await response.body?.cancel();
  });

  it("routes text overlays to the typography model", async () => {
    const response = await stack.post("/v1/generate", { prompt: "a poster", text: [{ content: "GLOW" }], width: 512 });
    expect(response.headers.get("galley-route")).toBe("compositing");
    expect(response.headers.get("galley-model")).toMatch(/^ideogram-v2a-turbo@/);
    await response.body?.cancel();
  });

  it("routes automation without a declared purpose to drafts", async () => {
    const response = await stack.post("/v1/generate", { prompt: "a fox", width: 256 }, { "galley-automation": "e2e" });
    expect(response.headers.get("galley-route")).toBe("draft-art");
    await response.body?.cancel();
  });

  it("answers JSON with base64 pictures, one a seed, when JSON is asked for", async () => {
    const response = await stack.post(
      "/v1/generate",
      { prompt: "a fox", n: 2, seed: 5, width: 256, format: "png" },
      { accept: "application/json" },
    );
    expect(response.headers.get("content-type")).toBe("application/json");
    const { images } = (await response.json()) as { images: { b64_json: string; seed: number; media_type: string }[] };
    expect(images.map(({ seed, media_type }) => [seed, media_type])).toEqual([
      [5, "image/png"],
      [6, "image/png"],
    ]);
    const pictures = images.map(({ b64_json }) => Buffer.from(b64_json, "base64"));
    expect(pictures.map((bytes) => sniffPicture(bytes))).toEqual(
      Array(2).fill({ format: "png", width: 256, height: 256 }),
    );
    expect(pictures[0]).not.toEqual(pictures[1]);
  });

  it("hands the deadline on as the time that is left, and its own trace context", async () => {
    const before = stack.simulator.control.stateOf("weur-sd35-a").lastRequests.length;
    const response = await stack.post(
      "/v1/generate",
      { prompt: "a fox", purpose: "preview", width: 256, deadline_ms: 5_000 },
      { "galley-client-location": "country=FR" },
    );
    await response.body?.cancel();
    const endpoint = response.headers.get("galley-endpoint") ?? "";
    const last = stack.simulator.control.stateOf(endpoint).lastRequests.at(-1);
    expect(before).toBeGreaterThanOrEqual(0);
    expect(last?.timeoutMs).toBeGreaterThan(3_000);
    expect(last?.timeoutMs).toBeLessThanOrEqual(5_000);
  });
});

describe("GET|POST /generate", () => {
  it("answers the case study's call with JSON and a base64 image", async () => {
    const response = await stack.post("/generate", { prompt: "a fox", model: "SD3.5 Medium", timeout: 8.0 });
    expect(response.status).toBe(200);
    const body = (await response.json()) as { image: string; model: string };
    expect(body.model).toBe("sd3.5-medium");
    expect(sniffPicture(Buffer.from(body.image, "base64"))).toMatchObject({ format: "png" });
  });

  it("answers the GET with the same length every time, as ab needs it", async () => {
    const get = async () => (await fetch(`${stack.router.url}/generate`)).text();
    const [one, two] = await Promise.all([get(), get()]);
    expect(two.length).toBe(one.length);
    expect(JSON.parse(one)).toMatchObject({ format: "png" });
  });
});

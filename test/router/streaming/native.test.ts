import { once } from "node:events";
import { connect } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { sniffPicture } from "../../../routing/image/sniff.ts";
import { readEvents } from "../../support/read-events.ts";
import { type Stack, startStack } from "../../support/stack.ts";

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({
    edit: ({ routing, catalog }) => ({
      // A small head: pictures of these tests stream as large ones do.
      routing: routing.replace(
        "  draft:\n",
        '  draft:\n    head: 16KiB\n    progressive: { draft: "SDXL Lightning" }\n',
      ),
      catalog,
    }),
  });
});
afterAll(() => stack.stop());
afterEach(() => stack.simulator.control.clearFaults());

const HOME = { "galley-client-location": "continent=EU" };
const EVENTS = { ...HOME, accept: "text/event-stream" };
const ASK = { prompt: "a fox", purpose: "draft-art", width: 256, height: 256 };

const stream = async (body: object) => {
  const response = await stack.post("/v1/generate", body, EVENTS);
  return { response, ...(await readEvents(response)) };
};
const parsed = (data: string | undefined) => JSON.parse(data ?? "null") as Record<string, unknown>;
const pictureIn = (data: string | undefined) => sniffPicture(Buffer.from(String(parsed(data)["b64_json"]), "base64"));

describe("POST /v1/generate with Accept: text/event-stream", () => {
  it("shows a draft while the picture renders, then the picture, then the end", async () => {
    stack.simulator.control.setFault("weur-nano-banana", { kind: "slow", factor: 100 });
    const { response, events } = await stream({ ...ASK, seed: 5 });
    expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    expect(response.headers.get("galley-route")).toBe("draft-art");
    expect(events.map(({ name }) => name)).toEqual(["preview", "picture", "done"]);
    const [preview, picture, done] = events;
    expect(pictureIn(preview?.data)).toMatchObject({ width: 256, height: 256 });
    // The smallest square that this model draws.
    expect(pictureIn(picture?.data)).toMatchObject({ width: 1024, height: 1024 });
    expect(parsed(preview?.data)).toMatchObject({ index: 0, seed: 5, model: "sdxl-lightning" });
    expect(parsed(picture?.data)).toMatchObject({
      index: 0,
      seed: 5,
      model: "nano-banana",
      media_type: "image/png",
      galley: { region: "weur", attempts: expect.stringMatching(/nano-banana.*, weur-sdxl-lightning;outcome=ok/) },
    });
    const { cost_usd } = parsed(picture?.data)["galley"] as { cost_usd: number };
    expect(cost_usd).toBeGreaterThan((parsed(preview?.data)["galley"] as { cost_usd: number }).cost_usd);
    expect(parsed(done?.data)).toEqual({ pictures: 1, cost_usd });
  });

  it("stops a draft that is slower than the picture, and says what it was", async () => {
    stack.simulator.control.setFault("weur-sdxl-lightning", { kind: "slow", factor: 400 });
    const { events } = await stream(ASK);
    expect(events.map(({ name }) => name)).toEqual(["picture", "done"]);
    expect(parsed(events[0]?.data)["galley"]).toMatchObject({
      attempts: expect.stringMatching(/weur-sdxl-lightning;outcome=cancelled/),
    });
    await expect.poll(() => stack.simulator.control.stateOf("weur-sdxl-lightning").running).toBe(0);
  });

  it("tells several pictures as they are ready", async () => {
    const { events } = await stream({ ...ASK, n: 3, seed: 30 });
    const pictures = events.filter(({ name }) => name === "picture").map(({ data }) => parsed(data));
    expect(pictures.map(({ index }) => index).sort()).toEqual([0, 1, 2]);
    expect(new Set(pictures.map(({ b64_json }) => b64_json)).size).toBe(3);
    expect(parsed(events.at(-1)?.data)).toMatchObject({ pictures: 3 });
  });

  it("ends with a problem where nothing could be drawn", async () => {
    stack.simulator.control.setFault("*", { kind: "500" });
    const { response, events } = await stream(ASK);
    expect(response.status).toBe(200);
    expect(events.map(({ name }) => name)).toEqual(["error"]);
    expect(parsed(events[0]?.data)).toMatchObject({
      code: "upstream_failed",
      status: 502,
      request_id: response.headers.get("galley-request-id"),
    });
  });

  it("refuses at once, as ever, what can be refused before anything is drawn", async () => {
    const response = await stack.post("/v1/generate", { ...ASK, width: 8192 }, EVENTS);
    expect(response.status).toBe(400);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    await response.body?.cancel();
  });

  it("cuts the stream when a picture breaks off inside its event", async () => {
    stack.simulator.control.setFault("*", { kind: "cut-after-headers" });
    const response = await stack.post("/v1/generate", { ...ASK, width: 768, height: 768 }, EVENTS);
    await expect(response.text()).rejects.toThrow("terminated");
  });

  it("stops the work when the reader leaves", async () => {
    stack.simulator.control.setFault("weur", { kind: "slow", factor: 2_000 });
    const drafter = () => stack.simulator.control.stateOf("weur-nano-banana");
    const before = drafter().aborted;
    // Closed politely, the local runtime hears of it with the next heartbeat; a reset it hears of at once.
    const { hostname, port } = new URL(stack.router.url);
    const socket = connect(Number(port), hostname);
    const body = JSON.stringify(ASK);
    const headers = Object.entries({ ...EVENTS, host: "x", "content-type": "application/json" });
    const head = headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
    socket.write(`POST /v1/generate HTTP/1.1\r\n${head}content-length: ${body.length}\r\n\r\n${body}`);
    const [answer] = (await once(socket, "data")) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1.1 200 OK/);
    await expect.poll(() => drafter().running, { timeout: 5_000 }).toBeGreaterThan(0);
    socket.resetAndDestroy();
    // A hosted model draws on; what is left to do is to hang up.
    await expect.poll(() => drafter().aborted, { timeout: 5_000 }).toBe(before + 1);
    await expect.poll(() => stack.simulator.control.stateOf("weur-sdxl-lightning").running, { timeout: 5_000 }).toBe(0);
  });
});

describe("POST /v1/generate with Accept: application/json", () => {
  it("writes large pictures into the document as they come", async () => {
    const response = await stack.post(
      "/v1/generate",
      { ...ASK, width: 1024, height: 1024, n: 2, format: "png" },
      { ...HOME, accept: "application/json" },
    );
    const { images } = (await response.json()) as { images: { b64_json: string }[] };
    expect(images.map(({ b64_json }) => sniffPicture(Buffer.from(b64_json, "base64")))).toEqual(
      Array(2).fill({ format: "png", width: 1024, height: 1024 }),
    );
  });

  it("tells the cost and the attempts of all pictures", async () => {
    const ask = { ...ASK, n: 2 };
    const response = await stack.post("/v1/generate", ask, { ...HOME, accept: "application/json" });
    expect(response.headers.get("galley-attempts")?.split(", ")).toHaveLength(2);
    await response.body?.cancel();
  });
});

/** Exports over HTTP: the built Worker, real Durable Objects, simulated GPUs. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Webhook } from "standardwebhooks";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { sniffPicture } from "../../routing/image/sniff.ts";
import { aPng } from "../support/pictures.ts";
import { type Stack, startStack } from "../support/stack.ts";
import { type ShownExport as Shown, statesOf, untilOver as untilOverAt } from "./follow-export.ts";

const LOCAL_SECRET = "whsec_Z2FsbGV5IGxvY2FsIGRldmVsb3BtZW50IG9ubHk=";

let stack: Stack;
let receiver: Receiver;
beforeAll(async () => {
  [stack, receiver] = await Promise.all([
    startStack({
      timeScale: 0.02,
      variables: { GALLEY_MAX_OPEN_EXPORTS: "60" },
      edit: ({ routing, catalog }) => ({
        routing: routing.replace(/fast-preview:\n/, "fast-preview:\n    promote: true\n"),
        catalog,
      }),
    }),
    startReceiver(),
  ]);
});
afterAll(async () => {
  await stack.stop();
  receiver.server.close();
});
afterEach(() => stack.simulator.control.clearFaults());

interface Received {
  readonly headers: Record<string, string>;
  readonly body: string;
}

interface Receiver {
  readonly server: Server;
  readonly url: string;
  readonly received: Received[];
  status: number;
}

async function startReceiver(): Promise<Receiver> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => {
      body += String(chunk);
    });
    request.on("end", () => {
      received.push({ headers: request.headers as Record<string, string>, body });
      response.writeHead(receiver.status).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  return { server, url, received, status: 200 };
}

const ASK = { prompt: "a lighthouse, engraved", width: 512, height: 512, format: "png", seed: 7 };

const submit = (body: unknown = ASK, headers?: Record<string, string>) => stack.post("/v1/exports", body, headers);
const get = (path: string, headers: Record<string, string> = {}) => fetch(`${stack.router.url}${path}`, { headers });

const untilOver = (id: string) => untilOverAt(stack.router.url, id);

async function submitted(body: unknown = ASK, headers?: Record<string, string>): Promise<string> {
  const response = await submit(body, headers);
  expect([response.status, response.headers.get("location")]).toEqual([202, expect.stringMatching(/^\/v1\/exports\//)]);
  return ((await response.json()) as Shown).id;
}

describe("a submitted export", () => {
  it("is accepted, rendered on the cluster, stored under its hash, and served with validators and ranges", async () => {
    const response = await submit();
    expect(response.status).toBe(202);
    expect(Number(response.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    const { id } = (await response.json()) as Shown;
    const shown = await untilOver(id);
    expect(shown).toMatchObject({
      name: `exports/${id}`,
      metadata: {
        state: "done",
        progress: 1,
        attempt: 1,
        attempts: [{ endpoint: "gpu-nano-banana-pro", outcome: "ok" }],
      },
      response: { width: 512, height: 512, format: "png", model: "nano-banana-pro" },
    });
    const image = await get(`/v1/exports/${id}/image`);
    const bytes = new Uint8Array(await image.arrayBuffer());
    const sha256 = Buffer.from(await crypto.subtle.digest("SHA-256", bytes)).toString("hex");
    expect([shown.response?.sha256, shown.response?.bytes]).toEqual([sha256, bytes.length]);
    expect(image.headers.get("etag")).toBe(`"${sha256}"`);
    expect(sniffPicture(bytes)).toEqual({ format: "png", width: 512, height: 512 });

    const part = await get(`/v1/exports/${id}/image`, { range: "bytes=10-19" });
    expect([part.status, part.headers.get("content-range")]).toEqual([206, `bytes 10-19/${bytes.length}`]);
    expect(new Uint8Array(await part.arrayBuffer())).toEqual(bytes.slice(10, 20));
    const same = await get(`/v1/exports/${id}/image`, { "if-none-match": `"${sha256}"` });
    expect(same.status).toBe(304);
    const beyond = await get(`/v1/exports/${id}/image`, { range: `bytes=${bytes.length}-` });
    expect(beyond.status).toBe(416);
  });

  it("answers with the picture where the caller prefers to wait", async () => {
    const response = await submit(ASK, { prefer: "respond-async, wait=30" });
    expect([response.status, response.headers.get("preference-applied")]).toEqual([200, "wait=30"]);
    expect(sniffPicture(new Uint8Array(await response.arrayBuffer()))).toMatchObject({ format: "png" });
  });

  it("ends in a clear failure where the provider refuses it", async () => {
    const shown = await untilOver(await submitted({ ...ASK, prompt: "[refuse] a thing" }));
    expect(shown).toMatchObject({ metadata: { state: "failed" }, error: { code: "moderation_blocked" } });
    const image = await get(`/v1/exports/${shown.id}/image`);
    expect(image.status).toBe(400);
  });

  it("can be cancelled while it renders", async () => {
    stack.simulator.control.setFault("*", { kind: "stall-before-headers" });
    const id = await submitted();
    for (;;) {
      const { metadata } = (await (await get(`/v1/exports/${id}`)).json()) as Shown;
      if (metadata.state === "rendering") break;
    }
    const cancelled = await fetch(`${stack.router.url}/v1/exports/${id}`, { method: "DELETE" });
    expect(await cancelled.json()).toMatchObject({ done: true, metadata: { state: "cancelled" } });
    expect(await untilOver(id)).toMatchObject({ error: { code: "cancelled" } });
  });

  it("is drawn after every reference picture that was sent", async () => {
    const after = async (...seeds: readonly number[]) => {
      const image = seeds.map((seed) => Buffer.from(aPng(64, 64, seed)).toString("base64"));
      const shown = await untilOver(await submitted({ ...ASK, image }));
      return [shown.metadata.state, shown.response?.sha256];
    };
    const [one, same, other] = [await after(1, 2), await after(1, 2), await after(1, 3)];
    expect(one[0]).toBe("done");
    expect(same).toEqual(one);
    expect(other[1]).not.toBe(one[1]);
  });

  it("streams a picture that is larger than what is held in memory into the store, whole", async () => {
    const shown = await untilOver(await submitted({ ...ASK, width: 2048, height: 2048 }));
    const bytes = new Uint8Array(await (await get(`/v1/exports/${shown.id}/image`)).arrayBuffer());
    expect(bytes.length).toBeGreaterThan(4 * 1024 * 1024);
    const sha256 = Buffer.from(await crypto.subtle.digest("SHA-256", bytes)).toString("hex");
    expect([shown.response?.sha256, shown.response?.bytes]).toEqual([sha256, bytes.length]);
    expect(sniffPicture(bytes)).toEqual({ format: "png", width: 2048, height: 2048 });
  });

  it("draws small and enlarges where the request asks for that", async () => {
    const shown = await untilOver(
      await submitted({ ...ASK, model: "SD3.5 Medium", width: 1024, height: 1024, upscale: true }),
    );
    expect(shown.metadata.attempts.map(({ endpoint }) => endpoint)).toEqual(["gpu-sd35", "gpu-upscaler"]);
    expect(shown.metadata.attempts).toMatchObject([
      { step: "render", round: 1 },
      { step: "upscale", round: 2 },
    ]);
    expect(shown.response).toMatchObject({ width: 1024, height: 1024, model: "sd3.5-medium" });
    expect(await statesOf(stack.router.url, shown.id)).toEqual([
      "rendering",
      "verifying",
      "upscaling",
      "verifying",
      "storing",
    ]);
  });

  it.each([
    ["a model that draws multiples of 16 only", { model: "SD3.5 Medium", width: 500, height: 491, format: "png" }],
    [
      "a small drawing that is enlarged",
      { model: "SD3.5 Medium", width: 1001, height: 900, format: "webp", upscale: true },
    ],
  ])("has exactly the asked size after %s", async (_what, asked) => {
    const shown = await untilOver(await submitted({ ...ASK, ...asked }));
    expect(shown).toMatchObject({ metadata: { state: "done", width: asked.width, height: asked.height } });
    const bytes = new Uint8Array(await (await get(`/v1/exports/${shown.id}/image`)).arrayBuffer());
    expect(sniffPicture(bytes)).toEqual({ format: asked.format, width: asked.width, height: asked.height });
  });

  it("uses the reference picture that came inside the body", async () => {
    const plain = Buffer.from(await (await submit(ASK, { prefer: "wait=30" })).arrayBuffer());
    const response = await submit({ ...ASK, image: plain.toString("base64") }, { prefer: "wait=30" });
    expect(response.status).toBe(200);
    expect(Buffer.from(await response.arrayBuffer()).equals(plain)).toBe(false);
  });

  it("becomes one where the policy of /v1/generate is a job", async () => {
    const response = await stack.post("/v1/generate", { ...ASK, purpose: "high-res-export" });
    expect([response.status, response.headers.get("location")]).toEqual([202, expect.stringContaining("/v1/exports/")]);
    expect((await untilOver(((await response.json()) as Shown).id)).metadata.state).toBe("done");
  });

  it("is what a request becomes that is too slow, where its policy promotes", async () => {
    stack.simulator.control.setFault("*", { kind: "stall-before-headers" });
    const response = await stack.post("/v1/generate", { ...ASK, purpose: "preview", seed: 12, deadline_ms: 1_500 });
    expect([response.status, response.headers.get("location")]).toEqual([202, expect.stringContaining("/v1/exports/")]);
    stack.simulator.control.clearFaults();
    expect(await untilOver(((await response.json()) as Shown).id)).toMatchObject({
      response: { model: "sd3.5-medium" },
    });
  });

  it("is what a request for JSON becomes that is too slow, and not one for two pictures", async () => {
    stack.simulator.control.setFault("*", { kind: "stall-before-headers" });
    const slow = { ...ASK, purpose: "preview", seed: 13, deadline_ms: 1_500 };
    const json = { accept: "application/json" };
    const response = await stack.post("/v1/generate", slow, json);
    const two = await stack.post("/v1/generate", { ...slow, n: 2 }, json);
    expect([response.status, two.status]).toEqual([202, 504]);
    stack.simulator.control.clearFaults();
    expect((await untilOver(((await response.json()) as Shown).id)).metadata.state).toBe("done");
  });

  it("is told of at the end of a stream that was too slow", async () => {
    stack.simulator.control.setFault("*", { kind: "stall-before-headers" });
    const slow = { ...ASK, purpose: "preview", seed: 14, deadline_ms: 1_500 };
    const response = await stack.post("/v1/generate", slow, { accept: "text/event-stream", prefer: "wait=30" });
    const text = await response.text();
    stack.simulator.control.clearFaults();
    const [, name, data = "{}"] = /event: (\w+)\ndata: (.*)\n\n$/.exec(text) ?? [];
    const told = JSON.parse(data) as Shown & { location: string };
    expect([name, told.location]).toEqual(["promoted", `/v1/exports/${told.id}`]);
    expect((await untilOver(told.id)).metadata.state).toBe("done");
  });

  it("is tried again, and elsewhere, as its policy says", async () => {
    stack.simulator.control.setFault("gpu-nano-banana-pro", { kind: "503" });
    const shown = await untilOver(await submitted({ ...ASK, seed: 11 }));
    expect(shown).toMatchObject({ metadata: { state: "done" }, response: { model: "sd3.5-medium" } });
    expect(shown.metadata.attempts.map(({ outcome }) => outcome)).toEqual(expect.arrayContaining(["overloaded", "ok"]));
  });
});

describe("an idempotency key", () => {
  it("makes fifty racing submissions one job", async () => {
    const headers = { "idempotency-key": '"race-1"' };
    const answers = await Promise.all(Array.from({ length: 50 }, () => submit({ ...ASK, seed: 50 }, headers)));
    const ids = await Promise.all(answers.map(async (answer) => ((await answer.json()) as Shown).id));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 50 }, () => 202));
    expect(new Set(ids).size).toBe(1);
    expect((await untilOver(ids[0] ?? "")).metadata.attempts).toHaveLength(1);
  });

  it("refuses another body under the same key, quoted or not", async () => {
    const id = await submitted(ASK, { "idempotency-key": '"once"' });
    expect(await submitted(ASK, { "idempotency-key": "once" })).toBe(id);
    const other = await submit({ ...ASK, seed: 8 }, { "idempotency-key": "once" });
    expect([other.status, await other.json()]).toEqual([
      422,
      expect.objectContaining({ code: "idempotency_mismatch" }),
    ]);
  });
});

describe("events", () => {
  it("begin with a snapshot, have ids without a gap, and end with the end", async () => {
    const id = await submitted({ ...ASK, seed: 9 });
    const text = await (await get(`/v1/exports/${id}/events`, { "last-event-id": "0" })).text();
    const names = Array.from(text.matchAll(/^event: (.*)$/gm), ([, name]) => name);
    const ids = Array.from(text.matchAll(/^id: (.*)$/gm), ([, seq]) => Number(seq));
    expect([names[0], names[1], names.at(-1)]).toEqual(["snapshot", "queued", "done"]);
    expect(ids).toEqual(ids.map((_, index) => index));
    const again = await get(`/v1/exports/${id}/events`, { "last-event-id": String(ids.at(-1)) });
    expect(again.status).toBe(204);
  });
});

describe("a webhook", () => {
  it("is signed so that the official verifier takes it, and can be sent again under the same id", async () => {
    receiver.received.length = 0;
    const id = await submitted({ ...ASK, callback_url: receiver.url });
    await untilOver(id);
    const first = await untilReceived(1);
    const event = new Webhook(LOCAL_SECRET).verify(first.body, first.headers) as { type: string; data: { id: string } };
    expect([event.type, event.data.id]).toEqual(["export.done", id]);
    const again = await fetch(`${stack.router.url}/v1/exports/${id}/webhook`, { method: "POST" });
    expect(again.status).toBe(202);
    expect((await untilReceived(2)).headers["webhook-id"]).toBe(first.headers["webhook-id"]);
  });

  it("is refused for an address inside", async () => {
    for (const url of ["http://10.0.0.1/x", "https://169.254.169.254/latest", "https://localhost.internal/x"]) {
      const response = await submit({ ...ASK, callback_url: url });
      expect([response.status, await response.json()]).toEqual([
        400,
        expect.objectContaining({ path: "/callback_url" }),
      ]);
    }
  });
});

async function untilReceived(count: number): Promise<Received> {
  while (receiver.received.length < count) await new Promise((resolve) => setTimeout(resolve, 20));
  const last = receiver.received[count - 1];
  if (last === undefined) throw new Error("nothing was received");
  return last;
}

describe("the queue of a tenant", () => {
  it("is bounded, and says so", async () => {
    stack.simulator.control.setFault("*", { kind: "stall-before-headers" });
    const answers: Response[] = [];
    for (let index = 0; index < 61; index += 1) answers.push(await submit({ ...ASK, seed: index }));
    const refused = answers.at(-1);
    expect([refused?.status, refused?.headers.get("ratelimit")]).toEqual([429, '"exports";r=0;t=10']);
    expect(refused?.headers.get("ratelimit-policy")).toBe('"exports";q=60;qu="concurrent-requests"');
    const ids = await Promise.all(
      answers.filter(({ status }) => status === 202).map(async (one) => ((await one.json()) as Shown).id),
    );
    expect(ids).toHaveLength(60);
    const cancelled = await Promise.all(
      ids.map((id) => fetch(`${stack.router.url}/v1/exports/${id}`, { method: "DELETE" })),
    );
    expect(cancelled.map(({ status }) => status)).toEqual(ids.map(() => 200));
  });
});

describe("the rest of the resource", () => {
  it("lists the newest first, page by page, filtered", async () => {
    const page = await (await get("/v1/exports?limit=2")).json();
    expect(page).toMatchObject({ exports: [{ id: expect.any(String) }, {}], next_cursor: expect.any(String) });
    const next = (await (await get(`/v1/exports?limit=100&cursor=${page.next_cursor}`)).json()) as typeof page;
    expect(next.exports.map((one: Shown) => one.id)).not.toContain(page.exports[1].id);
    const failed = await (await get("/v1/exports?state=failed")).json();
    expect(failed.exports.every((one: { state: string }) => one.state === "failed")).toBe(true);
  });

  it("shares a picture by a link that needs no key and cannot be bent", async () => {
    const id = await submitted();
    await untilOver(id);
    const made = await fetch(`${stack.router.url}/v1/exports/${id}/links?expires_in=60`, { method: "POST" });
    const { url } = (await made.json()) as { url: string };
    expect((await fetch(url)).status).toBe(200);
    expect((await fetch(url.replace(/expires=(\d+)/, (_, at) => `expires=${Number(at) + 1}`))).status).toBe(403);
  });

  it("does not know other ids", async () => {
    expect((await get(`/v1/exports/${"0".repeat(32)}`)).status).toBe(404);
    expect((await get(`/v1/exports/${"0".repeat(32)}/events`)).status).toBe(404);
  });
});

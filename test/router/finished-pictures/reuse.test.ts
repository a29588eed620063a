import { connect, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { aPng } from "../../support/pictures.ts";
import { type Stack, startStack } from "../../support/stack.ts";

/** What the runtime said. */
const said: string[] = [];
let stack: Stack;
beforeAll(async () => {
  stack = await startStack({
    log: ({ message }) => said.push(message),
    edit: ({ routing, catalog }) => ({
      routing: routing
        // No second attempt beside a slow one: renders are counted.
        .replace("  fast-preview:\n", "  fast-preview:\n    cache: 10m\n    overlap: false\n")
        .replace("hedge: { after: p95, budget: 5% }", "hedge: none")
        // A small head: a picture of some size streams as large ones do.
        .replace("  draft:\n", "  draft:\n    head: 64KiB\n    seed: derived\n"),
      catalog,
    }),
  });
});
afterAll(() => stack.stop());
afterEach(() => stack.simulator.control.clearFaults());

const HOME = { "galley-client-location": "country=FR; continent=EU" };
const sim = () => stack.simulator.control;

/** Requests for pictures at all endpoints so far. */
const drawn = () =>
  Object.keys(stack.snapshot.content.catalog.endpoints).reduce((sum, id) => sum + sim().stateOf(id).requests, 0);
const running = () =>
  Object.keys(stack.snapshot.content.catalog.endpoints).reduce((sum, id) => sum + sim().stateOf(id).running, 0);
const aborted = () =>
  Object.keys(stack.snapshot.content.catalog.endpoints).reduce((sum, id) => sum + sim().stateOf(id).aborted, 0);

let asked = 0;
const png = (seed: number) => Buffer.from(aPng(32, 32, seed)).toString("base64");

/** A request that no test made before. */
const anAsk = (parts: object = {}) => {
  asked += 1;
  return { prompt: `a fox, number ${asked}`, purpose: "preview", width: 256, height: 256, seed: 7, ...parts };
};

interface Had {
  readonly status: number;
  readonly cache: string | null;
  readonly headers: Record<string, string>;
  readonly bytes: Buffer;
}

async function have(body: object | string, headers: Record<string, string> = {}, path = "/v1/generate"): Promise<Had> {
  const response = await stack.post(path, body, { ...HOME, ...headers });
  const bytes = Buffer.from(await response.arrayBuffer());
  return {
    status: response.status,
    cache: response.headers.get("galley-cache"),
    headers: Object.fromEntries(response.headers),
    bytes,
  };
}

/** Asks until the picture is found, which is kept behind the answer of whoever drew it. */
async function untilKept(body: object | string, headers: Record<string, string> = {}): Promise<Had> {
  let had = await have(body, headers);
  await expect
    .poll(
      async () => {
        had = await have(body, headers);
        return had.cache;
      },
      { timeout: 5_000 },
    )
    .toBe("hit");
  return had;
}

/** Sends the request on a socket of its own, so that the test can cut it. */
function send(body: object): Socket {
  const { hostname, port } = new URL(stack.router.url);
  const socket = connect(Number(port), hostname);
  socket.on("error", () => undefined);
  const text = JSON.stringify(body);
  const location = `galley-client-location: ${HOME["galley-client-location"]}`;
  const head = `POST /v1/generate HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n${location}`;
  socket.write(`${head}\r\ncontent-length: ${text.length}\r\n\r\n${text}`);
  return socket;
}

/** Waits until a picture that was asked for before this call would have been kept. */
async function settled(): Promise<void> {
  const body = anAsk();
  await have(body);
  await untilKept(body);
}

/** About a second of work. */
const slowly = (factor = 40) => sim().setFault("*", { kind: "slow", factor });

describe("a finished picture", () => {
  it("serves an equal request: the same bytes, at no cost, without any GPU", async () => {
    const body = anAsk();
    const first = await have(body);
    expect(first.cache).toBe("miss");
    const before = drawn();
    const again = await have(body);
    expect(again.bytes.equals(first.bytes)).toBe(true);
    expect(drawn()).toBe(before);
    expect(again.headers).toMatchObject({
      "galley-cache": "hit",
      "galley-cost-usd": "0",
      "galley-seed": "7",
      "galley-model": first.headers["galley-model"],
      "galley-endpoint": first.headers["galley-endpoint"],
      "galley-region": first.headers["galley-region"],
      "content-type": "image/png",
      "content-length": String(first.bytes.length),
    });
    expect(again.headers["galley-attempts"]).toBeUndefined();
  });

  it("is told from one after other reference pictures", async () => {
    const body = anAsk({ purpose: "draft-art", image: [png(1), png(2)] });
    const first = await untilKept(body);
    const other = await have({ ...body, image: [png(1), png(3)] });
    expect([other.status, other.cache]).toEqual([200, "miss"]);
    expect(other.bytes.equals(first.bytes)).toBe(false);
  });

  it("is found however the request is spelt, and whatever it says of time, session or purpose", async () => {
    const body = anAsk();
    await have(body);
    await untilKept(body);
    const before = drawn();
    const { prompt } = body;
    const spelt = `{"seed":7.0,"height":2.56e2,"width":256,"negative_prompt":"","steps":28,"guidance":4.50,"prompt":${JSON.stringify(prompt)},"purpose":"preview"}`;
    const others = [
      spelt,
      { ...body, deadline_ms: 7_000 },
      { ...body, session: "s", layer: "l" },
      { ...body, text: [] },
    ];
    for (const other of others) expect((await have(other)).cache).toBe("hit");
    const { purpose: _purpose, ...named } = body;
    expect((await have({ ...named, model: "SD3.5 Medium" })).cache).toBe("hit");
    expect(drawn()).toBe(before);
  });

  it.each<[string, object]>([
    ["another seed", { seed: 8 }],
    ["another size", { width: 272 }],
    ["other steps", { steps: 20 }],
    ["another guidance", { guidance: 5 }],
    ["a negative prompt", { negative_prompt: "blur" }],
    ["another format", { format: "jpeg" }],
    ["one more blank", { prompt: "a fox in many ways " }],
    ["the same letters composed otherwise", { prompt: "a fox in many ways e\u0301" }],
  ])("is not taken for %s", async (_, parts) => {
    const body = anAsk({ prompt: "a fox in many ways" });
    await have(body);
    if ("prompt" in parts) await have({ ...body, prompt: "a fox in many ways \u00e9" });
    expect((await have({ ...body, ...parts })).cache).toBe("miss");
  });
});

describe("an equal request while the picture is drawn", () => {
  it("waits for it: one render, the same bytes, paid for once", async () => {
    slowly();
    const body = anAsk();
    const before = drawn();
    const first = have(body);
    await expect.poll(() => drawn() - before, { timeout: 5_000 }).toBe(1);
    const all = await Promise.all([first, have(body), have(body)]);
    expect(all.map(({ cache }) => cache).sort()).toEqual(["joined", "joined", "miss"]);
    expect(drawn() - before).toBe(1);
    expect(new Set(all.map(({ bytes }) => bytes.toString("base64"))).size).toBe(1);
    const costs = all.map(({ headers }) => Number(headers["galley-cost-usd"]));
    expect(costs.filter((usd) => usd > 0)).toHaveLength(1);
  });

  it("gets it although the client has left for whom it was begun", async () => {
    slowly();
    const body = anAsk();
    const [before, abortedBefore] = [drawn(), aborted()];
    const first = send(body);
    await expect.poll(() => running(), { timeout: 5_000 }).toBe(1);
    const second = have(body);
    // The second one has to wait already when the first one leaves.
    await have({ ...anAsk(), deadline_ms: 1 });
    first.resetAndDestroy();
    const had = await second;
    expect(had.status).toBe(200);
    expect(had.cache).toBe("joined");
    expect(Number(had.headers["galley-cost-usd"])).toBeGreaterThan(0);
    expect(drawn() - before).toBe(1);
    expect(aborted()).toBe(abortedBefore);
  });

  it("ends with the last client that leaves: its upstream is told, its slot is free", async () => {
    slowly(400);
    const body = anAsk();
    const [before, abortedBefore] = [drawn(), aborted()];
    const first = send(body);
    await expect.poll(() => running(), { timeout: 5_000 }).toBe(1);
    const second = send(body);
    await have({ ...anAsk(), deadline_ms: 1 });
    first.resetAndDestroy();
    await have({ ...anAsk(), deadline_ms: 1 });
    expect(running()).toBe(1);
    second.resetAndDestroy();
    await expect.poll(() => running(), { timeout: 5_000 }).toBe(0);
    expect(aborted() - abortedBefore).toBe(1);
    expect(drawn() - before).toBe(1);
    sim().clearFaults();
    expect((await have(body)).cache).toBe("miss");
  });

  it("waits no longer than its own deadline", async () => {
    slowly(200);
    const body = anAsk();
    const first = send(body);
    await expect.poll(() => running(), { timeout: 5_000 }).toBe(1);
    const second = await have({ ...body, deadline_ms: 600 });
    expect(second.status).toBe(504);
    expect(running()).toBe(1);
    first.resetAndDestroy();
    await expect.poll(() => running(), { timeout: 5_000 }).toBe(0);
  });

  it("shows its session's last picture rather than none in time", async () => {
    const last = await have(anAsk({ session: "waits" }));
    slowly(200);
    const body = anAsk();
    const first = send(body);
    await expect.poll(() => running(), { timeout: 5_000 }).toBe(1);
    const second = await have({ ...body, session: "waits", deadline_ms: 1_500 });
    expect(second.headers["galley-degraded"]).toMatch(/^stale; reason=/);
    expect(second.bytes.equals(last.bytes)).toBe(true);
    first.resetAndDestroy();
    await expect.poll(() => running(), { timeout: 5_000 }).toBe(0);
  });

  it("is drawn for itself where neither has a seed", async () => {
    const { seed: _seed, ...body } = anAsk();
    const before = drawn();
    const both = await Promise.all([have(body), have(body)]);
    expect(both.map(({ cache }) => cache)).toEqual(["miss", "miss"]);
    expect(drawn() - before).toBe(2);
    expect((await have(body)).cache).toBe("miss");
  });
});

describe("a large picture, which streams", () => {
  /** A draft with a head of 64 KiB. */
  const large = () => anAsk({ purpose: "draft-art", width: 768, height: 768 });

  it.each([
    ["whose length is known", { model: "SDXL Lightning" }, true],
    ["inside a document, whose length is not", {}, false],
  ])("%s, is kept while it is sent, and found whole", async (_, parts, isKnown) => {
    const body = { ...large(), ...parts };
    const first = await have(body);
    expect(first.bytes.length).toBeGreaterThan(64 * 1024);
    expect(first.headers["content-length"] !== undefined).toBe(isKnown);
    const again = await untilKept(body);
    expect(again.bytes.equals(first.bytes)).toBe(true);
    expect(again.headers["content-length"]).toBe(String(first.bytes.length));
    const json = await stack.post("/v1/generate", body, { ...HOME, accept: "application/json" });
    expect(json.headers.get("galley-cache")).toBe("hit");
    const { images } = (await json.json()) as { images: { b64_json: string }[] };
    expect(Buffer.from(images[0]?.b64_json ?? "", "base64").equals(first.bytes)).toBe(true);
  });

  it("is read whole for those who wait with its client", async () => {
    slowly();
    const body = large();
    const before = drawn();
    const first = have(body);
    await expect.poll(() => drawn() - before, { timeout: 5_000 }).toBe(1);
    const [one, other] = await Promise.all([first, have(body)]);
    expect([one.cache, other.cache]).toEqual(["miss", "joined"]);
    expect(one.bytes.equals(other.bytes)).toBe(true);
    expect(drawn() - before).toBe(1);
  });

  it.each(["reset-after-headers", "truncated"] as const)("is not kept when it breaks off (%s)", async (kind) => {
    const body = large();
    sim().setFault("*", { kind });
    await have(body).catch(() => undefined);
    sim().clearFaults();
    await settled();
    const fresh = await have(body);
    expect(fresh.status).toBe(200);
    expect(fresh.cache).toBe("miss");
  });
});

it.each([
  ["whole", "preview"],
  ["as a stream", "draft-art"],
])("a picture that came %s is not kept where nobody says which version drew it", async (_, purpose) => {
  const body = anAsk({ width: 512, height: 512, purpose, model: "Ideogram V2A Turbo" });
  const first = await have(body);
  expect(first.headers["galley-model"]).toBe("ideogram-v2a-turbo@unverified");
  await settled();
  expect((await have(body)).cache).toBe("miss");
});

describe("cache-control of a request", () => {
  it("no-store: nothing is looked up, joined or kept", async () => {
    const body = anAsk();
    await have(body);
    await untilKept(body);
    expect((await have(body, { "cache-control": "no-store" })).cache).toBe("miss");
    const other = anAsk();
    await have(other, { "cache-control": "no-store" });
    await settled();
    expect((await have(other)).cache).toBe("miss");
  });

  it("no-cache: drawn anew, and kept", async () => {
    const body = anAsk();
    const before = drawn();
    expect((await have(body, { "cache-control": "no-cache" })).cache).toBe("miss");
    expect(drawn() - before).toBe(1);
    // Who finds nothing yet is refused, and makes nothing that could be found.
    sim().setFault("*", { kind: "refused" });
    await untilKept(body);
    sim().clearFaults();
    const afterwards = drawn();
    expect((await have(body, { "cache-control": "no-cache" })).cache).toBe("miss");
    expect(drawn() - afterwards).toBe(1);
  });

  it("max-age: no older than that", async () => {
    const body = anAsk();
    await have(body);
    const kept = await untilKept(body);
    expect(Number(kept.headers["age"])).toBeLessThan(60);
    expect((await have(body, { "cache-control": "max-age=0" })).cache).toBe("miss");
    expect((await have(body, { "cache-control": "max-age=600" })).cache).toBe("hit");
  });
});

describe("what a fallback made", () => {
  it("is kept under the pin that made it, and not under the one that was asked", async () => {
    const { endpoints } = stack.snapshot.content.catalog;
    const previewers = Object.values(endpoints).filter(({ model }) => model === "sd3.5-medium");
    // Once each: nobody is ejected.
    for (const { id } of previewers) sim().setFault(id, { kind: "500", count: 1 });
    const body = anAsk();
    const degraded = await have(body);
    expect(degraded.headers["galley-degraded"]).toMatch(/^model; /);
    sim().clearFaults();
    await settled();
    const asked = await have(body);
    expect(asked.cache).toBe("miss");
    expect(asked.headers["galley-endpoint"]).toMatch(/^weur-sd35-[ab]$/);
    const kept = await have({ ...body, model: "SD3.5 Medium fast" });
    expect(kept.cache).toBe("hit");
    expect(kept.bytes.equals(degraded.bytes)).toBe(true);
  });
});

describe("a policy that derives seeds", () => {
  it("makes equal requests without a seed one work, whatever their format, and tells the seed", async () => {
    const { seed: _seed, ...body } = anAsk({ purpose: "draft-art" });
    const first = await have(body);
    expect(first.cache).toBe("miss");
    const again = await untilKept(body);
    expect(again.headers["galley-seed"]).toBe(first.headers["galley-seed"]);
    const jpeg = await have({ ...body, format: "jpeg" });
    expect(jpeg.cache).toBe("miss");
    expect(jpeg.headers["galley-seed"]).toBe(first.headers["galley-seed"]);
    expect((await have({ ...body, prompt: "something else" })).headers["galley-seed"]).not.toBe(
      first.headers["galley-seed"],
    );
  });
});

describe("other calls", () => {
  it("find it too: JSON, events, OpenAI's, the case study's, each with its facts", async () => {
    const body = anAsk();
    await have(body);
    await untilKept(body);
    const before = drawn();
    const { prompt, seed, width, height } = body;
    const json = await have(body, { accept: "application/json" });
    const events = await have({ ...body, format: "png" }, { accept: "text/event-stream" });
    const openAi = { prompt, seed, size: `${width}x${height}`, model: "preview" };
    const images = await have(openAi, {}, "/v1/images/generations");
    const url = await have({ ...openAi, response_format: "url" }, {}, "/v1/images/generations");
    const study = await have({ prompt, seed, width, height, model: "SD3.5 Medium" }, {}, "/generate");
    expect([json, images, url, study].map(({ cache }) => cache)).toEqual(["hit", "hit", "hit", "hit"]);
    expect(events.bytes.toString()).toMatch(/"cache":"hit"/);
    expect(events.bytes.toString()).toMatch(/"cost_usd":0[,}]/);
    expect(drawn()).toBe(before);
  });

  it("join while it is drawn, each in its own way", async () => {
    slowly();
    const body = anAsk();
    const { prompt, seed, width, height } = body;
    const before = drawn();
    const first = have(body);
    await expect.poll(() => drawn() - before, { timeout: 5_000 }).toBe(1);
    const openAi = { prompt, seed, size: `${width}x${height}`, model: "preview" };
    const [, events, images] = await Promise.all([
      first,
      have(body, { accept: "text/event-stream" }),
      have(openAi, {}, "/v1/images/generations"),
    ]);
    expect(drawn() - before).toBe(1);
    expect(images.cache).toBe("joined");
    expect(events.bytes.toString()).toMatch(/"cache":"joined"/);
  });

  it("tell `miss` for several pictures of which one had to be drawn", async () => {
    const body = anAsk();
    await have(body);
    await untilKept(body);
    const before = drawn();
    const both = await have({ ...body, n: 2 }, { accept: "application/json" });
    expect(both.cache).toBe("miss");
    expect(drawn() - before).toBe(1);
  });

  it("of the load test's GET, are drawn each", async () => {
    const before = drawn();
    const gets = await Promise.all([1, 2, 3].map(() => fetch(`${stack.router.url}/generate`)));
    expect(gets.map(({ headers }) => headers.get("galley-cache"))).toEqual(["miss", "miss", "miss"]);
    await Promise.all(gets.map(({ body }) => body?.cancel()));
    expect(drawn() - before).toBe(3);
  });
});

it("is counted, by place, in metrics and status", async () => {
  const body = anAsk();
  await have(body);
  await untilKept(body);
  const counted = async () => {
    const text = await (await fetch(`${stack.router.url}/metrics`)).text();
    const of = (result: string) =>
      Number(text.match(new RegExp(`galley_cache_requests_total\\{place="weur",result="${result}"\\} (\\d+)`))?.[1]);
    return { hit: of("hit"), joined: of("joined"), miss: of("miss") };
  };
  await expect.poll(async () => (await counted()).miss, { timeout: 5_000 }).toBeGreaterThan(5);
  const before = await counted();
  await have(body);
  await expect.poll(counted, { timeout: 5_000 }).toEqual({ ...before, hit: before.hit + 1 });
  const status = (await (await fetch(`${stack.router.url}/v1/status`)).json()) as {
    places: { id: string; cache?: object }[];
  };
  expect(status.places.find(({ id }) => id === "weur")?.cache).toEqual({ ...before, hit: before.hit + 1 });
});

it("leaned on nothing of another request, in all of this: the runtime would have said so", () => {
  expect(said.filter((message) => /IoContext|cross-context|different request/.test(message))).toEqual([]);
});

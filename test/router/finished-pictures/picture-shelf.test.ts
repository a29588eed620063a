import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type KeptFacts, writeFacts } from "../../../functions/router/finished-pictures/kept-facts.ts";
import {
  findPicture,
  keepPicture,
  LOOK_WITHIN_MS,
  type ShelfPorts,
} from "../../../functions/router/finished-pictures/picture-shelf.ts";
import { createFakeClock, type FakeClock, settle } from "../../support/fake-clock.ts";

const ADDRESS = "a".repeat(64);
const MAX_AGE_MS = 60_000;
const BYTES = new Uint8Array([1, 2, 3]);

interface Stored {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly customMetadata: Record<string, string>;
}

let clock: FakeClock;
let stored: Map<string, Stored>;
let near: Map<string, { readonly response: Response; readonly headers: Headers }>;
let background: Promise<unknown>[];
let cancelled: number;
/** How long the bucket takes to answer, ms. */
let bucketMs: number;
let isCacheBroken: boolean;
let isBucketBroken: boolean;

beforeEach(() => {
  clock = createFakeClock();
  stored = new Map();
  near = new Map();
  background = [];
  cancelled = 0;
  bucketMs = 0;
  isCacheBroken = false;
  isBucketBroken = false;
  const cache = {
    async match(url: string) {
      if (isCacheBroken) throw new Error("no cache here");
      return near.get(url)?.response.clone();
    },
    async put(url: string, response: Response) {
      near.set(url, { response, headers: response.headers });
    },
  };
  vi.stubGlobal("caches", { open: async () => cache });
});
afterEach(() => vi.unstubAllGlobals());

const bucket = {
  async get(key: string) {
    await clock.sleep(bucketMs);
    if (isBucketBroken) throw new Error("no bucket here");
    const found = stored.get(key);
    if (found === undefined) return null;
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(found.bytes);
        controller.close();
      },
    });
    body.cancel = async () => {
      cancelled += 1;
    };
    return { body, size: found.bytes.length, customMetadata: found.customMetadata };
  },
  async put(key: string, bytes: Uint8Array<ArrayBuffer>, { customMetadata }: Pick<Stored, "customMetadata">) {
    stored.set(key, { bytes, customMetadata });
  },
} as unknown as ShelfPorts["bucket"];

const ports = (): ShelfPorts => ({ bucket, clock, background: (work) => void background.push(work) });

const facts = (): KeptFacts => ({
  madeAtMs: clock.nowMs(),
  format: "png",
  width: 2,
  height: 2,
  endpoint: "weur-a",
  place: "weur",
  warnings: [],
});

const keep = () => keepPicture({ address: ADDRESS, maxAgeMs: MAX_AGE_MS, facts: facts() }, BYTES, { bucket });
const find = (maxAgeMs = MAX_AGE_MS) => clock.runUntil(findPicture({ address: ADDRESS, maxAgeMs }, ports()));
const bytesOf = async (found: Awaited<ReturnType<typeof find>>) =>
  found && new Uint8Array(await new Response(found.body).arrayBuffer());

describe("a kept picture", () => {
  it("is found near by, with all that is told of it", async () => {
    await keep();
    stored.clear();
    const found = await find();
    expect(await bytesOf(found)).toEqual(BYTES);
    expect(found).toMatchObject({ lengthBytes: 3, facts: { endpoint: "weur-a", width: 2 } });
  });

  it("is found far away, and the next time near by", async () => {
    await keep();
    near.clear();
    expect(await bytesOf(await find())).toEqual(BYTES);
    await Promise.all(background);
    stored.clear();
    expect(await bytesOf(await find())).toEqual(BYTES);
  });

  it("is brought near for as long as it may still be served", async () => {
    await keep();
    near.clear();
    await clock.advance(MAX_AGE_MS - 2_500);
    await find();
    await Promise.all(background);
    expect([...near.values()].map(({ headers }) => headers.get("cache-control"))).toEqual(["max-age=3"]);
  });

  it("is not served when it is too old, wherever it is", async () => {
    await keep();
    await clock.advance(MAX_AGE_MS - 1);
    expect(await find()).toBeDefined();
    await clock.advance(1);
    expect(await find()).toBeUndefined();
    near.clear();
    expect(await find()).toBeUndefined();
    expect(cancelled).toBeGreaterThan(0);
  });

  it("is as old as it was made, not as it was brought near", async () => {
    await keep();
    near.clear();
    await clock.advance(40_000);
    await find();
    await Promise.all(background);
    await clock.advance(20_000);
    expect(await find()).toBeUndefined();
  });

  it("is served for as long as the policy now says", async () => {
    await keep();
    await clock.advance(10_000);
    expect(await find(10_000)).toBeUndefined();
    expect(await find(10_001)).toBeDefined();
  });
});

describe("shelves in trouble", () => {
  it("are not waited for: a late picture is let go", async () => {
    await keep();
    near.clear();
    bucketMs = LOOK_WITHIN_MS + 1;
    expect(await find()).toBeUndefined();
    expect(clock.passedMs()).toBe(LOOK_WITHIN_MS);
    await clock.advance(10);
    await settle();
    expect(cancelled).toBe(1);
  });

  it("are looked through although the nearer one is broken", async () => {
    isCacheBroken = true;
    await keep();
    expect(await find()).toBeDefined();
  });

  it("have nothing where they cannot be read", async () => {
    isCacheBroken = true;
    await keep();
    vi.stubGlobal("caches", undefined);
    isBucketBroken = true;
    expect(await find()).toBeUndefined();
  });

  it("have nothing where what stands beside a picture is garbage", async () => {
    stored.set(`cache/${ADDRESS}`, { bytes: BYTES, customMetadata: { facts: "{" } });
    expect(await find()).toBeUndefined();
    stored.set(`cache/${ADDRESS}`, { bytes: BYTES, customMetadata: { facts: writeFacts(facts()) } });
    expect(await find()).toBeDefined();
  });

  it("leave no timer behind", async () => {
    await keep();
    await find();
    expect(clock.sleeping()).toBe(0);
  });
});

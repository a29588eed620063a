/** Pictures into a store that fails, loses its answers, breaks off and goes silent: what was paid for is not lost while it can be had. */
import { beforeAll, describe, expect, it } from "vitest";
import { createPictureStore, PictureUnstorable, type StoreClock } from "../../functions/exports/store-picture.ts";
import { streamOf } from "../image/streams.ts";
import { aPng } from "../support/pictures.ts";
import { createFaultyBucket } from "./faulty-bucket.ts";
import { playWorkerd } from "./play-workerd.ts";

beforeAll(playWorkerd);

const BYTES = aPng(64, 48);
const KEY = { jobId: "j1", name: "1", signal: new AbortController().signal };
const slept: number[] = [];
const clock: StoreClock = {
  sleep: async (ms) => void slept.push(ms),
  within: (_ms, work) => work,
};

const streamed = () => ({ format: "png", body: streamOf(BYTES, 700) }) as const;
const whole = () => ({ ...streamed(), bytes: BYTES });

async function hashOf(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return Buffer.from(await crypto.subtle.digest("SHA-256", bytes)).toString("hex");
}

describe.each([
  ["a picture that streams", streamed],
  ["a picture that is whole", whole],
])("%s", (_what, picture) => {
  it.each(["create", "part", "complete", "put", "get"] as const)(
    "gets to its address when each first %s fails, and when its answer is lost",
    async (call) => {
      for (const fault of ["fails", "loses-its-answer"] as const) {
        const world = createFaultyBucket();
        world.strike(call, fault);
        const store = createPictureStore(world.bucket, clock);
        const received = await store.receive(picture(), KEY);
        const stored = await received.keep();
        const sha256 = await hashOf(BYTES);
        expect(stored).toEqual({ key: `art/j1/${sha256}`, sha256, bytes: BYTES.length });
        expect(world.objects.get(stored.key)).toEqual(BYTES);
      }
    },
  );

  it("outlives its run unfinished, and is found again", async () => {
    const world = createFaultyBucket();
    const store = createPictureStore(world.bucket, clock);
    const kept = await (await store.receive(picture(), KEY)).keepUnfinished();
    expect(kept.key).toBe("scratch/j1/1");
    world.strike("head", "fails", "sees-nothing");
    const again = await store.reopen({ ...kept, format: "png" }, "j1");
    expect((await again?.keep())?.key).toBe(`art/j1/${kept.sha256}`);
  });

  it("is not stored for good where the store stays down, and says so", async () => {
    const world = createFaultyBucket();
    world.strikeAlways("put", "fails");
    const store = createPictureStore(world.bucket, clock);
    slept.length = 0;
    const received = await store.receive(picture(), KEY);
    await expect(received.keep()).rejects.toThrow(PictureUnstorable);
    expect(slept).toEqual([250, 1_000, 4_000, 15_000]);
  });
});

describe("a picture that was kept unfinished", () => {
  it.each(["gone", "another one"])("is not taken for good where it is %s", async (what) => {
    const world = createFaultyBucket();
    const store = createPictureStore(world.bucket, clock);
    const kept = await (await store.receive(whole(), KEY)).keepUnfinished();
    if (what === "gone") await world.bucket.delete(kept.key);
    else await world.bucket.put(kept.key, Uint8Array.of(1, 2, 3));
    expect(await store.reopen({ ...kept, format: "png" }, "j1")).toBeUndefined();
  });
});

describe("a store that is silent", () => {
  it("is given up like one that fails", async () => {
    const world = createFaultyBucket();
    const limits: number[] = [];
    const store = createPictureStore(world.bucket, {
      ...clock,
      within: async (ms) => {
        limits.push(ms);
        throw new Error("late");
      },
    });
    await expect(store.receive(streamed(), KEY)).rejects.toThrow("does not answer");
    expect(limits).toEqual([120_000, 120_000, 120_000, 120_000, 120_000]);
  });
});

describe("two jobs with the same picture", () => {
  it("have an object each, so that one's end does not take the other's", async () => {
    const world = createFaultyBucket();
    const store = createPictureStore(world.bucket, clock);
    const [one, other] = await Promise.all(
      ["j1", "j2"].map(async (jobId) => (await store.receive(whole(), { ...KEY, jobId })).keep()),
    );
    expect(one?.sha256).toBe(other?.sha256);
    await world.bucket.delete(one?.key ?? "");
    expect(world.objects.get(other?.key ?? "")).toEqual(BYTES);
  });
});

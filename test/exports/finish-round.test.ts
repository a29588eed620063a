/** Rounds that go on from a drawn picture: with a codec and without, and where the picture is gone or does not decode. */
import { beforeAll, describe, expect, it } from "vitest";
import { CodecFailed, type PictureCodec } from "../../functions/exports/codec.ts";
import { finishRound } from "../../functions/exports/finish-round.ts";
import type { Round } from "../../functions/exports/job-host.ts";
import type { RoundPorts } from "../../functions/exports/run-round.ts";
import { createPictureStore } from "../../functions/exports/store-picture.ts";
import { sniffPicture } from "../../routing/image/sniff.ts";
import type { DrawnPicture } from "../../routing/index.ts";
import { streamOf } from "../image/streams.ts";
import { aPng } from "../support/pictures.ts";
import { type BucketFault, createFaultyBucket } from "./faulty-bucket.ts";
import { playWorkerd } from "./play-workerd.ts";

beforeAll(playWorkerd);

const clock = { sleep: async () => undefined, within: <Value>(_ms: number, work: Promise<Value>) => work };

/** A picture of 100 × 80 px is drawn; `want` was asked for. */
async function finish(
  want: { width: number; height: number },
  { codec, gone = false, reads = [], drawn: drawnSize = {} }: Setting = {},
) {
  const world = createFaultyBucket();
  const pictures = createPictureStore(world.bucket, clock);
  const { signal } = new AbortController();
  const png = { format: "png", body: streamOf(aPng(100, 80)) } as const;
  const received = await pictures.receive(png, { jobId: "j1", name: "1", signal });
  const drawn: DrawnPicture = {
    ...(await received.keepUnfinished()),
    format: "png",
    ...{ width: 100, height: 80, seed: 1, model: "m", pin: "p", endpoint: "e", place: "x", config: "c" },
    ...{ warnings: [], isSmall: false, isEnlarged: false, ...drawnSize },
  };
  world.strike("get", ...reads);
  if (gone) await world.bucket.delete(drawn.key);
  const states: string[] = [];
  const round = {
    order: { ...want, terms: { id: "j1" }, ask: {} },
    job: { fence: 2, round: 2, drawn, attempts: [] },
    note: ({ state }: { state: string }) => states.push(state),
    signal,
  } as unknown as Round;
  const by = {
    ...{ pictures, codec, nowMs: () => 0 },
    snapshot: { content: { catalog: { models: {}, endpoints: {} } } },
  } as unknown as RoundPorts;
  const result = await finishRound(round, by, { drawn, leftMs: 60_000 });
  return { result, states, objects: world.objects };
}

interface Setting {
  readonly codec?: PictureCodec;
  readonly gone?: boolean;
  /** What befalls the reads of the store, in turn. */
  readonly reads?: readonly BucketFault[];
  /** Another size than it has, in its record. */
  readonly drawn?: { readonly width?: number; readonly height?: number };
}

const coding = (cover: PictureCodec["cover"]): PictureCodec => ({
  cover,
  thumbnail: () => Promise.reject(new Error()),
});

describe("a drawn picture", () => {
  it("is cut to size without a codec where nothing has to be scaled", async () => {
    const { result, objects, states } = await finish({ width: 98, height: 80 });
    expect(result).toMatchObject({ ok: true, picture: { width: 98, height: 80, warnings: ["cut to 98x80"] } });
    const key = result.ok && result.picture !== undefined ? result.picture.key : "";
    expect(sniffPicture(objects.get(key) ?? new Uint8Array(0))).toEqual({ format: "png", width: 98, height: 80 });
    expect(states).toEqual(["storing", "verifying", "storing"]);
  });

  it("fails for good where it would have to be scaled and nothing scales", async () => {
    const { result } = await finish({ width: 50, height: 40 });
    expect(result).toMatchObject({ ok: false, failure: { code: "not_configured" }, dear: false });
  });

  it("fails for good where a side is longer than the codec makes", async () => {
    const codec = coding(() => Promise.reject(new Error("asked all the same")));
    const { result } = await finish(
      { width: 12_001, height: 9_600 },
      { codec, drawn: { width: 12_000, height: 9_600 } },
    );
    expect(result).toMatchObject({ ok: false, failure: { code: "not_configured" } });
  });

  it("is read anew where the store breaks off, and is not taken for damaged", async () => {
    const codec = coding(async (_picture, { width, height }) => streamOf(aPng(width, height)));
    // The first read is the codec's.
    const setting = { codec, reads: [undefined, "breaks-off", "breaks-off"] } as const;
    const { result } = await finish({ width: 50, height: 40 }, setting);
    expect(result).toMatchObject({ ok: true, picture: { width: 50, height: 40 } });
    const never = await finish({ width: 50, height: 40 }, { ...setting, reads: [...setting.reads, "breaks-off"] });
    expect(never.result).toMatchObject({ ok: false, failure: { code: "internal" }, dear: false });
    expect(never.result).not.toHaveProperty("drawnIsGone");
  });

  it("is scaled by the codec, and what comes of that is verified", async () => {
    const codec = coding(async (_picture, { width, height }) => streamOf(aPng(width, height)));
    const { result } = await finish({ width: 50, height: 40 }, { codec });
    expect(result).toMatchObject({ ok: true, picture: { width: 50, height: 40 } });
    const lying = coding(async () => streamOf(aPng(51, 40)));
    expect((await finish({ width: 50, height: 40 }, { codec: lying })).result).toMatchObject({
      ok: false,
      failure: { code: "upstream_failed", cause: { defect: "wrong_dimensions" } },
    });
  });

  it("is drawn again where it does not decode or is gone, and counts as paid for", async () => {
    let calls = 0;
    const codec = coding(async () => {
      calls += 1;
      throw new CodecFailed(true, "no");
    });
    const broken = await finish({ width: 50, height: 40 }, { codec });
    expect([broken.result, calls]).toEqual([expect.objectContaining({ ok: false, drawnIsGone: true, dear: true }), 2]);
    const { result } = await finish({ width: 50, height: 40 }, { codec, gone: true });
    expect(result).toMatchObject({ ok: false, drawnIsGone: true, dear: true });
  });

  it("stays where the codec is in trouble itself", async () => {
    const codec = coding(() => Promise.reject(new CodecFailed(false, "down")));
    const { result } = await finish({ width: 50, height: 40 }, { codec });
    expect(result).toMatchObject({ ok: false, failure: { code: "internal" }, dear: false });
    expect(result).not.toHaveProperty("drawnIsGone");
  });
});

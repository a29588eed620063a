import { describe, expect, it } from "vitest";
import type { Dialect, Reading, Settled, Step } from "../../routing/dialects/dialect.ts";
import { failed, nextStep } from "../../routing/dialects/settled.ts";
import { aPng } from "../support/pictures.ts";
import { plainDialect } from "../support/plain-dialect.ts";
import type { Answer } from "../support/scripted-upstream.ts";
import {
  aWorld,
  expectNothingLeft,
  failureOf,
  PIN,
  picture,
  pictureOf,
  SIDE,
  status,
  trailOf,
  type World,
} from "./world.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Larger than any head: noise hardly compresses. */
const LARGE_SIDE = 1_600;
const large = aPng(LARGE_SIDE, LARGE_SIDE);
const policy = { headBytes: 300_000 };
const input = {
  request: { prompt: "", width: LARGE_SIDE, height: LARGE_SIDE, seed: 1, text: [], format: "png" },
} as const;

function chunksOf(bytes: Bytes, afterMs = 0, chunkBytes = 100_000) {
  const count = Math.ceil(bytes.length / chunkBytes);
  return Array.from({ length: count }, (_, at) => ({
    afterMs,
    bytes: bytes.slice(at * chunkBytes, (at + 1) * chunkBytes),
  }));
}

const streams = (parts: Answer = {}): Answer => picture({ chunks: chunksOf(large), ...parts });

/** Reads the stream to its end while the clock runs. */
async function readAll(world: World, body: ReadableStream<Bytes>): Promise<Bytes> {
  const read = new Response(body).arrayBuffer();
  return new Uint8Array(await world.clock.runUntil(read));
}

describe("bodies", () => {
  it("passes on what is larger than the head, byte by byte the same", async () => {
    const world = aWorld({ endpoints: { "weur-a": streams() }, policy, input });
    const result = pictureOf(await world.run());
    expect(result.picture.bytes).toBeUndefined();
    expect(world.scheduler.releases).toEqual([]);
    expect(await readAll(world, result.picture.body)).toEqual(large);
    expect(await result.finished).toMatchObject({ whole: true, verified: true, bytes: large.length });
    expect(world.scheduler.releases[0]?.outcome.result).toEqual({ ok: true });
    expectNothingLeft(world);
  });

  it("says the length beforehand where the upstream does", async () => {
    const headers = { "content-length": String(large.length) };
    const world = aWorld({ endpoints: { "weur-a": streams({ headers }) }, policy, input });
    const result = pictureOf(await world.run());
    expect(result.picture.lengthBytes).toBe(large.length);
    await readAll(world, result.picture.body);
    expectNothingLeft(world);
  });

  it("takes no more from the upstream than the client takes", async () => {
    const world = aWorld({ endpoints: { "weur-a": streams() }, policy, input });
    const result = pictureOf(await world.run());
    await world.clock.advance(60_000);
    const [seen] = world.upstream.callsTo("weur-a");
    expect(seen?.sentBytes).toBeLessThan(600_000);
    expect(await readAll(world, result.picture.body)).toEqual(large);
  });

  it("does not cut off a client that takes its time", async () => {
    const world = aWorld({ endpoints: { "weur-a": streams() }, policy, input });
    const reader = pictureOf(await world.run()).picture.body.getReader();
    let bytes = 0;
    for (;;) {
      const { done, value } = await world.clock.runUntil(reader.read());
      if (done) break;
      bytes += value.length;
      await world.clock.advance(30_000);
    }
    expect(bytes).toBe(large.length);
  });

  it.each([
    ["breaks off", { chunks: chunksOf(large).slice(0, 6), ends: "break" } as const, "connection_lost"],
    ["ends early", { chunks: chunksOf(large).slice(0, 6) }, "bad_picture"],
  ])("errors the stream when the upstream %s, and blames the endpoint", async (_what, answer, reason) => {
    const world = aWorld({ endpoints: { "weur-a": streams(answer) }, policy, input });
    const result = pictureOf(await world.run());
    await expect(readAll(world, result.picture.body)).rejects.toThrow();
    expect(await result.finished).toMatchObject({ whole: false });
    expect(world.scheduler.releases[0]?.outcome.result).toMatchObject({ ok: false, failure: { reason } });
    expectNothingLeft(world);
  });

  it("cuts an upstream that stalls behind the head", async () => {
    const world = aWorld({
      endpoints: { "weur-a": streams({ chunks: chunksOf(large).slice(0, 6), ends: "stall", deaf: true }) },
      policy,
      input,
    });
    const result = pictureOf(await world.run());
    await expect(readAll(world, result.picture.body)).rejects.toThrow();
    expect(world.elapsedMs()).toBe(7_700);
    expect(world.upstream.callsTo("weur-a")[0]).toMatchObject({
      aborted: true,
      abortReason: "deadline",
      bodyCancelled: true,
    });
    expect(world.scheduler.releases[0]?.outcome.result).toMatchObject({
      failure: { reason: "timed_out", phase: "body" },
    });
    expectNothingLeft(world);
  });

  it("cuts an upstream that drips behind the head", async () => {
    const drip = [...chunksOf(large).slice(0, 4), ...chunksOf(large.slice(400_000), 1_000, 1_000)];
    const world = aWorld({ endpoints: { "weur-a": streams({ chunks: drip }) }, policy, input });
    const result = pictureOf(await world.run());
    await expect(readAll(world, result.picture.body)).rejects.toThrow();
    expect(world.elapsedMs()).toBeLessThan(10_000);
    expectNothingLeft(world);
  });

  it("stops the upstream when the client leaves in the middle", async () => {
    const world = aWorld({ endpoints: { "weur-a": streams({ chunks: chunksOf(large, 100) }) }, policy, input });
    const result = pictureOf(await world.run());
    const reader = result.picture.body.getReader();
    await world.clock.runUntil(reader.read());
    await reader.cancel();
    expect(await result.finished).toMatchObject({ whole: false });
    expect(world.upstream.callsTo("weur-a")[0]?.aborted).toBe(true);
    expect(world.scheduler.releases[0]?.outcome.result).toEqual({
      ok: false,
      failure: { reason: "cancelled", cause: "client_gone" },
    });
    expectNothingLeft(world);
  });

  it("stops the upstream when the request is called off in the middle", async () => {
    const world = aWorld({ endpoints: { "weur-a": streams({ chunks: chunksOf(large, 100) }) }, policy, input });
    const result = pictureOf(await world.run());
    const reading = readAll(world, result.picture.body);
    reading.catch(() => undefined);
    await world.clock.advance(150);
    world.client.abort("superseded");
    await expect(reading).rejects.toThrow();
    expect(world.upstream.callsTo("weur-a")[0]).toMatchObject({ aborted: true, abortReason: "superseded" });
    expect(world.scheduler.releases[0]?.outcome.result).toMatchObject({ failure: { cause: "superseded" } });
    expectNothingLeft(world);
  });

  it("lets go of a large one that fails its check", async () => {
    const world = aWorld({ endpoints: { "weur-a": streams() }, policy: { ...policy, extraAttempts: 0 } });
    expect(failureOf(await world.run()).failure.cause).toEqual({ reason: "bad_picture", defect: "wrong_dimensions" });
    expect(world.upstream.callsTo("weur-a")[0]?.bodyCancelled).toBe(true);
    expectNothingLeft(world);
  });

  it("keeps the work alive until the last byte", async () => {
    const world = aWorld({ endpoints: { "weur-a": streams() }, policy, input });
    const result = pictureOf(await world.run());
    expect(world.background).toContain(result.finished);
    await readAll(world, result.picture.body);
  });

  it("makes a stream of a whole picture for those who want one", async () => {
    const world = aWorld({ endpoints: { "weur-a": picture() } });
    const { picture: made } = pictureOf(await world.run());
    expect(await readAll(world, made.body)).toEqual(made.bytes);
  });
});

/** A dialect of scripted steps. */
function dialectOf(...readings: readonly (() => Reading)[]): Dialect {
  return {
    ...plainDialect,
    begin: (_work, target) => {
      const stepAt = (at: number): Step => ({
        call: { method: at === 0 ? "POST" : "GET", url: `${target.endpoint.url}/${at}`, headers: {} },
        ...(at === 0 ? {} : { delayMs: 500 }),
        receive: (head) => {
          if (head.status !== 200)
            return { read: "nothing", failure: { reason: "upstream_error", status: head.status } };
          const reading = (readings[at] as () => Reading)();
          if (reading.read !== "text") return reading;
          const settle = (text: string): Settled => (text === "next" ? nextStep(stepAt(at + 1)) : reading.settle(text));
          return { ...reading, settle };
        },
      });
      return { ok: true, value: { step: stepAt(0), warnings: ["style is not taken"] } };
    },
  };
}

const says = (text: string, parts: Answer = {}): Answer => ({
  chunks: [{ bytes: new TextEncoder().encode(text) }],
  ...parts,
});
const textual: () => Reading = () => ({
  read: "text",
  maxBytes: 20,
  settle: (text) => failed({ reason: "refused_content", detail: text }),
});
const pictured: () => Reading = () => ({ read: "picture", reported: { pin: PIN } });

describe("conversations", () => {
  it("polls until the picture is there, with the waits that the dialect asks for", async () => {
    const dialect = dialectOf(textual, textual, pictured);
    const world = aWorld({ endpoints: { "weur-a": [says("next"), says("next"), picture()] }, dialect });
    const result = pictureOf(await world.run());
    expect(world.elapsedMs()).toBe(1_000);
    expect(world.upstream.calls.map((seen) => new URL(seen.call.url).pathname)).toEqual(["/0", "/1", "/2"]);
    expect(result.warnings).toEqual(["style is not taken"]);
    expectNothingLeft(world);
  });

  it("stops polling when the client leaves", async () => {
    const world = aWorld({ endpoints: { "weur-a": says("next") }, dialect: dialectOf(textual, textual, pictured) });
    const answer = world.start();
    await world.clock.advance(200);
    world.client.abort("client_gone");
    failureOf(await answer);
    await world.clock.advance(5_000);
    expect(world.upstream.calls.length).toBe(1);
    expectNothingLeft(world);
  });

  it("does not poll round in circles for ever", async () => {
    const dialect = dialectOf(...Array.from({ length: 2_000 }, () => textual));
    const world = aWorld({
      endpoints: { "weur-a": says("next") },
      dialect,
      deadlineMs: 3_600_000,
      policy: { extraAttempts: 0 },
    });
    expect(trailOf(failureOf(await world.run()))).toEqual(["weur-a bad_response"]);
    expect(world.upstream.calls.length).toBe(1_000);
  });

  it("reads no more of a text than it was told to", async () => {
    const world = aWorld({ endpoints: { "weur-a": says("a".repeat(5_000)) }, dialect: dialectOf(textual) });
    const result = failureOf(await world.run());
    expect(result.failure.cause).toEqual({ reason: "refused_content", detail: "a".repeat(20) });
    expect(world.upstream.calls[0]?.bodyCancelled).toBe(true);
  });

  it("checks a picture that came by way of text like any other", async () => {
    const inline: () => Reading = () => ({
      read: "text",
      maxBytes: 100,
      // biome-ignore lint/suspicious/noThenProperty: the contract's discriminant, a string
      settle: () => ({ then: "picture", bytes: aPng(SIDE, SIDE).slice(0, 200), reported: {} }),
    });
    const world = aWorld({
      endpoints: { "weur-a": says("x") },
      dialect: dialectOf(inline),
      policy: { extraAttempts: 0 },
    });
    expect(failureOf(await world.run()).failure.cause).toEqual({ reason: "bad_picture", defect: "truncated" });
  });

  it("lets go of the body of an answer whose head says it all", async () => {
    const world = aWorld({
      endpoints: { "weur-a": status(500, { chunks: [{ bytes: new Uint8Array(10) }] }) },
      policy: { extraAttempts: 0 },
    });
    failureOf(await world.run());
    expect(world.upstream.calls[0]?.bodyCancelled).toBe(true);
  });
});

describe("pictures inside JSON", () => {
  const settle = (document: unknown): ReturnType<Extract<Reading, { read: "embedded" }>["settle"]> => {
    const { pin, error } = document as { pin?: string; error?: string };
    if (error !== undefined) return { ok: false, failure: { reason: "refused_content", detail: error } };
    return { ok: true, value: pin === undefined ? {} : { pin, costUsd: 0.5 } };
  };
  const dialect = dialectOf(() => ({ read: "embedded", select: { paths: [["image"]] }, settle }));
  const json = (bytes: Bytes, rest: object = { pin: PIN }): Answer =>
    says(JSON.stringify({ image: Buffer.from(bytes).toString("base64"), ...rest }));

  it("serves the bytes and verifies the pin that stands behind them", async () => {
    const world = aWorld({ endpoints: { "weur-a": json(aPng(SIDE, SIDE)) }, dialect });
    const result = pictureOf(await world.run());
    expect(result.picture.bytes).toEqual(aPng(SIDE, SIDE));
    expect(result).toMatchObject({ pin: "verified", costUsd: 0.5 });
    expectNothingLeft(world);
  });

  it.each([
    ["another version stands behind them", json(aPng(SIDE, SIDE), { pin: "m@1" }), "pin_mismatch"],
    ["they are not base64", says('{"image":"%%%"}'), "bad_response"],
    [
      "they are cut off",
      says(`{"image":"${Buffer.from(aPng(SIDE, SIDE)).toString("base64").slice(0, 400)}`),
      "bad_picture",
    ],
    ["there are none", says('{"pin":"x"}'), "bad_response"],
    ["it is not JSON", says("<html>"), "bad_response"],
    ["the document refuses", says('{"error":"violence"}'), "refused_content"],
  ])("fails typed when %s", async (_what, answer, reason) => {
    const world = aWorld({ endpoints: { "weur-a": answer }, dialect, policy: { extraAttempts: 0 } });
    expect(failureOf(await world.run()).failure.cause?.reason).toBe(reason);
    expectNothingLeft(world);
  });

  it("streams a large one, and blames the endpoint for a version that shows too late", async () => {
    const world = aWorld({ endpoints: { "weur-a": json(large, { pin: "m@1" }) }, dialect, policy, input });
    const result = pictureOf(await world.run());
    expect(result.pin).toBe("unverified");
    expect(await readAll(world, result.picture.body)).toEqual(large);
    expect(await result.finished).toMatchObject({ whole: true, verified: false });
    expect(world.scheduler.releases[0]?.outcome.result).toMatchObject({
      ok: false,
      failure: { reason: "pin_mismatch" },
    });
    expectNothingLeft(world);
  });

  it("knows a large one for verified when the pin that shows at its end is right", async () => {
    const world = aWorld({ endpoints: { "weur-a": json(large) }, dialect, policy, input });
    const result = pictureOf(await world.run());
    expect(result.pin).toBe("unverified");
    await readAll(world, result.picture.body);
    expect(await result.finished).toMatchObject({ whole: true, verified: true });
  });

  it("does not know a large one for verified of which nobody says the pin", async () => {
    const world = aWorld({ endpoints: { "weur-a": json(large, {}) }, dialect, policy, input });
    const result = pictureOf(await world.run());
    await readAll(world, result.picture.body);
    expect(await result.finished).toMatchObject({ whole: true, verified: false });
  });

  it("does not wait for a document that stalls", async () => {
    const world = aWorld({ endpoints: { "weur-a": says('{"image":"iVBOR', { ends: "stall" }) }, dialect });
    expect(failureOf(await world.run()).failure.code).toBe("deadline_exceeded");
    expect(world.elapsedMs()).toBe(7_700);
    expectNothingLeft(world);
  });
});

import { describe, expect, it } from "vitest";
import { openSource } from "../../routing/image/byte-source.ts";
import { type Held, type HoldOptions, holdHead } from "../../routing/image/head.ts";
import { SNIFF_BYTES } from "../../routing/image/sniff.ts";
import { picture } from "./drawings.ts";
import { collect, joined, noise, type Script, same, scripted, sliced } from "./streams.ts";

const KIB = 1024;

async function held(script: Script, options: Partial<HoldOptions> = {}): Promise<Held> {
  const result = await holdHead(openSource(scripted(script).stream), { maxBytes: 4 * KIB * KIB, ...options });
  if (!result.ok) throw new Error(result.failure.reason);
  return result.value;
}

for (const byob of [false, true]) {
  describe(`holding the head of a ${byob ? "byte" : "plain"} stream`, () => {
    for (const chunkBytes of [1 * KIB + 1, 64 * KIB, 700 * KIB]) {
      it(`holds a small picture whole, in chunks of ${chunkBytes}`, async () => {
        const bytes = noise(600 * KIB);
        const result = await held({ chunks: sliced(bytes, chunkBytes), byob });
        expect(result.whole).toBe(true);
        expect(same(result.head, bytes)).toBe(true);
      });

      it(`streams a large picture in full, head first, in chunks of ${chunkBytes}`, async () => {
        const bytes = noise(1500 * KIB + 3);
        const result = await held({ chunks: sliced(bytes, chunkBytes), byob }, { maxBytes: 400 * KIB });
        if (result.whole) throw new Error("it should stream");
        expect(result.head.length).toBeGreaterThanOrEqual(SNIFF_BYTES);
        expect(same(result.head, bytes.subarray(0, result.head.length))).toBe(true);
        const flow = result.open();
        expect(same(await collect(flow.stream), bytes)).toBe(true);
        expect(await flow.finished).toEqual({ whole: true, bytes: bytes.length });
      });
    }

    it("holds a picture of known length whole", async () => {
      const bytes = noise(100 * KIB);
      const result = await held({ chunks: sliced(bytes, 30 * KIB), byob }, { lengthBytes: bytes.length });
      expect(result).toEqual({ whole: true, head: bytes });
    });

    it("holds no more than the check needs of a picture known to be too large", async () => {
      const source = scripted({ chunks: sliced(noise(2000 * KIB), 64 * KIB), byob });
      const result = await holdHead(openSource(source.stream), { maxBytes: 1000 * KIB, lengthBytes: 2000 * KIB });
      expect(result).toMatchObject({ ok: true, value: { whole: false } });
      expect(source.pulls()).toBeLessThanOrEqual(SNIFF_BYTES / (64 * KIB) + 1);
    });

    it("gives an empty body as an empty whole", async () => {
      expect(await held({ chunks: [], byob })).toEqual({ whole: true, head: new Uint8Array(0) });
    });

    it("calls a body shorter than announced truncated", async () => {
      const source = openSource(scripted({ chunks: [noise(1000)], byob }).stream);
      expect(await holdHead(source, { maxBytes: 4 * KIB * KIB, lengthBytes: 1001 })).toEqual({
        ok: false,
        failure: { reason: "bad_picture", defect: "truncated" },
      });
    });

    it("fails with what was received when the connection breaks before the bound", async () => {
      const source = openSource(
        scripted({ chunks: [noise(1000), noise(500)], error: new Error("reset"), byob }).stream,
      );
      const result = await holdHead(source, { maxBytes: 4 * KIB * KIB });
      expect(result).toMatchObject({ ok: false, failure: { reason: "connection_lost" } });
    });

    it("breaks the stream when the connection breaks behind the bound", async () => {
      const chunks = sliced(noise(800 * KIB), 100 * KIB);
      const result = await held({ chunks, error: new Error("reset"), byob }, { maxBytes: 300 * KIB });
      if (result.whole) throw new Error("it should stream");
      const flow = result.open();
      await expect(collect(flow.stream)).rejects.toThrow("connection_lost");
      expect(await flow.finished).toMatchObject({ whole: false, failure: { reason: "connection_lost" } });
    });

    it("passes the client's leaving on to the upstream", async () => {
      const source = scripted({ chunks: sliced(noise(2000 * KIB), 100 * KIB), byob });
      const result = await holdHead(openSource(source.stream), { maxBytes: 300 * KIB });
      if (!result.ok || result.value.whole) throw new Error("it should stream");
      const flow = result.value.open();
      const reader = flow.stream.getReader();
      await reader.read();
      await reader.cancel("left");
      expect(source.cancelled()).toBe("left");
      expect(await flow.finished).toMatchObject({
        whole: false,
        failure: { reason: "cancelled", cause: "client_gone" },
      });
    });

    it("stops the upstream when the picture is dropped", async () => {
      const source = scripted({ chunks: sliced(noise(2000 * KIB), 100 * KIB), byob });
      const result = await holdHead(openSource(source.stream), { maxBytes: 300 * KIB });
      if (!result.ok || result.value.whole) throw new Error("it should stream");
      await result.value.discard("broken");
      expect(source.cancelled()).toBe("broken");
    });
  });
}

describe("a streaming picture", () => {
  it("pulls no faster than the client takes", async () => {
    const source = scripted({ chunks: sliced(noise(4000 * KIB), 100 * KIB) });
    const result = await holdHead(openSource(source.stream), { maxBytes: 300 * KIB });
    if (!result.ok || result.value.whole) throw new Error("it should stream");
    const pulledForHead = source.pulls();
    const reader = result.value.open().stream.getReader();
    await reader.read();
    expect(source.pulls()).toBe(pulledForHead);
    await reader.read();
    await reader.read();
    expect(source.pulls()).toBeLessThanOrEqual(pulledForHead + 2);
  });

  it("errors rather than end short of the announced length", async () => {
    const bytes = noise(900 * KIB);
    const result = await held(
      { chunks: sliced(bytes, 90 * KIB) },
      { maxBytes: 300 * KIB, lengthBytes: bytes.length + 1 },
    );
    if (result.whole) throw new Error("it should stream");
    const flow = result.open();
    await expect(collect(flow.stream)).rejects.toThrow("bad_picture");
    expect(await flow.finished).toEqual({
      whole: false,
      bytes: bytes.length,
      failure: { reason: "bad_picture", defect: "truncated" },
    });
  });

  for (const format of ["png", "jpeg", "webp"] as const) {
    it(`errors when a ${format} stops before its own end, and closes when it reaches it`, async () => {
      const bytes = paddedTo(picture(format, { width: 200, height: 200 }), format, 700 * KIB);
      for (const [length, whole] of [
        [bytes.length, true],
        [bytes.length - 70, false],
      ] as const) {
        const result = await held({ chunks: sliced(bytes.subarray(0, length), 50 * KIB) }, { maxBytes: 300 * KIB });
        if (result.whole) throw new Error("it should stream");
        const flow = result.open(format);
        if (whole) expect((await collect(flow.stream)).length).toBe(length);
        else await expect(collect(flow.stream)).rejects.toThrow("bad_picture");
        expect(await flow.finished).toMatchObject({ whole, bytes: length });
      }
    });
  }
});

/** The picture's own first and last bytes around noise, as long as asked: enough for what looks at both ends only. */
function paddedTo(bytes: Uint8Array, format: string, length: number): Uint8Array {
  const half = bytes.length >> 1;
  const padded = joined([bytes.subarray(0, half), noise(length - bytes.length), bytes.subarray(half)]);
  if (format === "webp") new DataView(padded.buffer).setUint32(4, padded.length - 8, true);
  return padded;
}

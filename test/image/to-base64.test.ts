import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { base64Length, encodeBase64, encodeInRounds } from "../../routing/image/base64-encode.ts";
import { embeddedBytes, embedInJson, toBase64Stream, writeBase64 } from "../../routing/image/to-base64.ts";
import { collect, noise, scripted, sliced } from "./streams.ts";

const reference = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");
const textOf = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => Buffer.from(await collect(stream)).toString();

describe("base64 of bytes", () => {
  it("is the reference's, for every length around a round", () => {
    for (const length of [0, 1, 2, 3, 4, 5, 24_575, 24_576, 24_577, 100_000]) {
      const bytes = noise(length);
      expect(encodeBase64(bytes) === reference(bytes), `${length}`).toBe(true);
      expect(encodeInRounds(bytes) === reference(bytes), `${length}`).toBe(true);
      expect(base64Length(length)).toBe(reference(bytes).length);
    }
  });
});

for (const byob of [false, true]) {
  describe(`base64 of a ${byob ? "byte" : "plain"} stream`, () => {
    it("is the reference's, wherever the chunks end", async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 12 }), async (chunks) => {
          const { stream } = scripted({ chunks, byob });
          expect(await textOf(toBase64Stream(stream))).toBe(reference(Buffer.concat(chunks)));
        }),
        { seed: 5, numRuns: 200 },
      );
    });

    it("is the reference's for megabytes", async () => {
      const bytes = noise(1_000_001);
      for (const size of [65_536, 100_000, 1_000_001]) {
        const { stream } = scripted({ chunks: sliced(bytes, size), byob });
        expect((await textOf(toBase64Stream(stream))) === reference(bytes)).toBe(true);
      }
    });

    it("breaks off when the picture does", async () => {
      const { stream } = scripted({ chunks: [noise(100)], error: new Error("reset"), byob });
      await expect(collect(toBase64Stream(stream))).rejects.toThrow("connection_lost");
    });

    it("stops the picture when its reader leaves", async () => {
      const source = scripted({ chunks: sliced(noise(1_000_000), 100_000), byob });
      const reader = toBase64Stream(source.stream).getReader();
      await reader.read();
      await reader.cancel("left");
      expect(source.cancelled()).toBe("left");
    });
  });
}

describe("a picture embedded in JSON", () => {
  const around = { prefix: '{"ü":"✓","image":"', suffix: '","seed":7}' };

  it("parses to what was put in, with the length that was foretold", async () => {
    for (const length of [0, 1, 2, 3, 5000, 400_001]) {
      const bytes = noise(length);
      const flow = embedInJson(scripted({ chunks: sliced(bytes, 7000) }).stream, { ...around, pictureBytes: length });
      const text = await textOf(flow.stream);
      expect(JSON.parse(text)).toEqual({ ü: "✓", image: reference(bytes), seed: 7 });
      expect(embeddedBytes({ ...around, pictureBytes: length })).toBe(Buffer.byteLength(text));
      expect(await flow.finished).toEqual({ whole: true, bytes: Buffer.byteLength(text) });
    }
  });

  it("breaks off when the picture is shorter than foretold", async () => {
    const flow = embedInJson(scripted({ chunks: [noise(10)] }).stream, { ...around, pictureBytes: 13 });
    await expect(collect(flow.stream)).rejects.toThrow("bad_picture");
  });

  it("has no length to tell where the picture's is not known", () => {
    expect(embeddedBytes(around)).toBeUndefined();
  });
});

describe("base64 written into an open stream", () => {
  function open() {
    const { readable, writable } = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>();
    const write = async (text: string) => {
      const writer = writable.getWriter();
      await writer.write(Uint8Array.from(Buffer.from(text))).finally(() => writer.releaseLock());
    };
    return { readable, writable, write };
  }

  it("stands between what is written before and behind", async () => {
    const { readable, writable, write } = open();
    const reading = textOf(readable);
    const [first, second] = [noise(400_001), noise(3)];
    await write("<");
    await writeBase64(scripted({ chunks: sliced(first, 100_000), byob: true }).stream, writable);
    await write("|");
    await writeBase64(scripted({ chunks: [second] }).stream, writable);
    await write(">");
    await writable.close();
    expect((await reading) === `<${reference(first)}|${reference(second)}>`).toBe(true);
  });

  it("rejects when the picture breaks off, and leaves the stream to its owner", async () => {
    const { readable, writable, write } = open();
    const reading = textOf(readable);
    const { stream } = scripted({ chunks: [noise(100)], error: new Error("reset") });
    await expect(writeBase64(stream, writable)).rejects.toThrow("connection_lost");
    await write("!");
    await writable.close();
    expect(await reading).toMatch(/!$/);
  });

  it("stops the picture when the reader leaves", async () => {
    const { readable, writable } = open();
    const source = scripted({ chunks: sliced(noise(1_000_000), 100_000) });
    const writing = writeBase64(source.stream, writable);
    const reader = readable.getReader();
    await reader.read();
    await reader.cancel("left");
    await expect(writing).rejects.toBe("left");
    expect(source.cancelled()).toBe("left");
  });
});

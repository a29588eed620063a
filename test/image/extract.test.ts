import { describe, expect, it } from "vitest";
import { type ExtractOptions, extractPicture } from "../../routing/image/extract.ts";
import { GEMINI, geminiDocument, geminiPart, geminiThought, OPENAI } from "./documents.ts";
import { collect, noise, type Script, same, scripted, sliced } from "./streams.ts";

const KIB = 1024;
const text = (document: unknown) => new TextEncoder().encode(JSON.stringify(document));

const extract = (script: Script, options: Partial<ExtractOptions> = {}, select = GEMINI) =>
  extractPicture(scripted(script).stream, select, { maxHeadBytes: 1024 * KIB, ...options });

for (const byob of [false, true]) {
  describe(`a picture in JSON from a ${byob ? "byte" : "plain"} stream`, () => {
    for (const chunkBytes of [7, 1000, 64 * KIB]) {
      it(`is held whole with its document when it is small, in chunks of ${chunkBytes}`, async () => {
        const bytes = noise(30_001);
        const document = geminiDocument([geminiThought(noise(500, 2)), geminiPart(bytes)]);
        const found = await extract({ chunks: sliced(text(document), chunkBytes), byob });
        if (!found.found || !found.held.whole) throw new Error("it should be whole");
        expect(same(found.held.head, bytes)).toBe(true);
        expect(await found.document).toEqual({
          ok: true,
          value: geminiDocument([geminiThought(noise(500, 2)), geminiPart(new Uint8Array(0))]),
        });
      });
    }

    it("streams when it is large", async () => {
      const bytes = noise(3000 * KIB + 1);
      const found = await extract({ chunks: sliced(text(geminiDocument([geminiPart(bytes)])), 100 * KIB), byob });
      if (!found.found || found.held.whole) throw new Error("it should stream");
      const flow = found.held.open();
      expect(same(await collect(flow.stream), bytes)).toBe(true);
      expect(await flow.finished).toEqual({ whole: true, bytes: bytes.length });
      expect(await found.document).toEqual({ ok: true, value: geminiDocument([geminiPart(new Uint8Array(0))]) });
    });
  });
}

describe("several pictures, of which the last counts", () => {
  const LAST = { ...GEMINI, which: "last" } as const;
  const several = (...sizes: readonly number[]) => {
    const pictures = sizes.map((bytes, at) => noise(bytes, at + 1));
    return { pictures, chunks: sliced(text(geminiDocument(pictures.map((bytes) => geminiPart(bytes)))), 10_000) };
  };

  it("are held until the last one is there", async () => {
    const { pictures, chunks } = several(30_000, 50_000, 20_000);
    const found = await extract({ chunks }, {}, LAST);
    if (!found.found || !found.held.whole) throw new Error("it should be whole");
    expect(same(found.held.head, pictures[2] as Uint8Array)).toBe(true);
  });

  it("are cut after the first that is too large to be held: it is being sent already", async () => {
    const { pictures, chunks } = several(1000 * KIB, 20_000);
    const found = await extract({ chunks }, { maxHeadBytes: 100 * KIB }, LAST);
    if (!found.found || found.held.whole) throw new Error("it should stream");
    const flow = found.held.open();
    expect(same(await collect(flow.stream), pictures[0] as Uint8Array)).toBe(true);
    expect(await flow.finished).toEqual({ whole: true, bytes: 1000 * KIB });
  });
});

describe("other shapes", () => {
  it("openai", async () => {
    const bytes = noise(1000);
    const found = await extract(
      { chunks: [text({ created: 1, data: [{ b64_json: Buffer.from(bytes).toString("base64") }] })] },
      {},
      OPENAI,
    );
    if (!found.found || !found.held.whole) throw new Error("it should be whole");
    expect(same(found.held.head, bytes)).toBe(true);
  });
});

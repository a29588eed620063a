import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ScanDefect } from "../../routing/image/base64-scanner.ts";
import { LONG_STRING_BYTES } from "../../routing/image/json-walk.ts";
import { GEMINI, geminiDocument, geminiPart, geminiThought, OPENAI } from "./documents.ts";
import { randomChunks, randomDocument, seededChance } from "./random-documents.ts";
import { disagreement } from "./scan-fuzz.ts";
import { expectedPicture, type Scanned, scan } from "./scan-reference.ts";
import { noise, sliced } from "./streams.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);
const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");
const whole = (document: unknown, select = GEMINI) => scan([bytesOf(JSON.stringify(document))], select);
const words = (scanned: Scanned) => Buffer.from(scanned.bytes).toString();

describe("the scanner against JSON.parse and a reference decoder", () => {
  it("agrees on random documents, spellings and chunk borders", () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        expect(disagreement(seed)).toBeUndefined();
      }),
      { seed: 2026, numRuns: 3000 },
    );
  });

  it("is tried on documents with a picture, without one, with excluded ones and with bad base64", () => {
    const kinds = { picture: 0, none: 0, bad: 0 };
    for (let seed = 0; seed < 1000; seed++) {
      const { select, text } = randomDocument(seededChance(seed));
      const { bytes, badBase64 } = expectedPicture(JSON.parse(text), select);
      kinds[badBase64 === "must" ? "bad" : bytes === undefined ? "none" : "picture"]++;
    }
    expect(Math.min(...Object.values(kinds))).toBeGreaterThan(50);
  });

  it("never takes a document that is cut off for a whole one, and gives no byte that is not the picture's", () => {
    fc.assert(
      fc.property(fc.nat(), fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), (seed, share) => {
        const chance = seededChance(seed);
        const { select, text } = randomDocument(chance);
        const trimmed = text.trim();
        const cut = trimmed.slice(0, Math.floor(trimmed.length * share));
        const scanned = scan(randomChunks(chance, cut), select);
        expect(scanned.end.ok).toBe(false);
        const { bytes, badBase64 } = expectedPicture(JSON.parse(text), select);
        if (scanned.hasPicture && badBase64 === "not") expect(base64(scanned.bytes)).toBe(base64(bytes ?? noise(1)));
      }),
      { seed: 11, numRuns: 1500 },
    );
  });

  it("agrees with JSON.parse on which damaged documents are JSON", () => {
    fc.assert(
      fc.property(fc.nat(), fc.constantFrom(...'{}[],:"\\x0 e\n'), (seed, character) => {
        const chance = seededChance(seed);
        const { select, text } = randomDocument(chance);
        const at = Math.floor(chance() * text.length);
        const damaged = text.slice(0, at) + character + text.slice(at + Math.floor(chance() * 2));
        const scanned = scan(randomChunks(chance, damaged), select);
        if (scanned.end.ok) expect(() => JSON.parse(damaged)).not.toThrow();
        else if (scanned.end.failure === "not_json") expect(() => JSON.parse(damaged)).toThrow();
      }),
      { seed: 12, numRuns: 2000 },
    );
  });
});

describe("a raw line break in the picture", () => {
  it("is found wherever it stands and wherever the chunks end", () => {
    for (let length = 0; length < 10; length++) {
      const characters = "ABCDEFGHIJ".slice(0, length);
      for (let at = 0; at <= length; at++) {
        for (const breaks of ["\n", "\n\n", "\r\n\t"]) {
          const text = `{"data":[{"b64_json":"${characters.slice(0, at)}${breaks}${characters.slice(at)}"}]}`;
          for (let cut = 20; cut < 34; cut++) {
            const bytes = bytesOf(text);
            expect(scan([bytes.subarray(0, cut), bytes.subarray(cut)], OPENAI).end.ok, text).toBe(false);
          }
        }
      }
    }
  });
});

describe("chunk borders", () => {
  const document = geminiDocument([
    geminiThought(bytesOf("a first thought")),
    geminiPart(bytesOf("a second thought"), { thought: true }),
    geminiPart(bytesOf("the picture?!>>>~~~")),
  ]);
  const text = JSON.stringify(document, null, 1).replaceAll("/", "\\/").replaceAll("+", "\\u002b");

  it("may stand anywhere", () => {
    const bytes = bytesOf(text);
    for (let at = 1; at < bytes.length; at++) {
      const scanned = scan([bytes.subarray(0, at), bytes.subarray(at)], GEMINI);
      expect(words(scanned), `cut at ${at}`).toBe("the picture?!>>>~~~");
      expect(scanned.end.ok).toBe(true);
    }
  });

  it("may stand behind every byte", () => {
    const scanned = scan(sliced(bytesOf(text), 1), GEMINI);
    expect(words(scanned)).toBe("the picture?!>>>~~~");
  });
});

describe("which string is the picture", () => {
  it("is the first one that no flag excludes, wherever the flag stands", () => {
    const parts = [
      geminiThought(bytesOf("flag before")),
      geminiPart(bytesOf("flag behind"), { thought: true }),
      geminiPart(bytesOf("yes"), { thought: false }),
      geminiPart(bytesOf("another")),
    ];
    expect(words(whole(geminiDocument(parts)))).toBe("yes");
  });

  it("is not excluded by the flag of another part, of an object beside it, or of the document", () => {
    const document = geminiDocument([
      { text: "so", thought: true },
      { beside: { thought: true }, ...(geminiPart(bytesOf("yes")) as object), other: [{ thought: true }] },
    ]) as object;
    expect(words(whole({ thought: true, ...document }))).toBe("yes");
  });

  it("is excluded by the flag right beside the data", () => {
    const part = { inlineData: { thought: true, data: base64(bytesOf("no")) } };
    expect(whole(geminiDocument([part])).hasPicture).toBe(false);
  });

  it("is the first of two members with the same name, where JSON.parse takes the last", () => {
    const text = `{"data":[{"b64_json":"${base64(bytesOf("one"))}","b64_json":"${base64(bytesOf("two"))}"}]}`;
    expect(words(scan([bytesOf(text)], OPENAI))).toBe("one");
  });

  describe("where the last one counts", () => {
    const LAST = { ...GEMINI, which: "last" } as const;
    const parts = (...texts: readonly unknown[]) => bytesOf(JSON.stringify(geminiDocument(texts)));
    const [first, second, thought] = [
      geminiPart(bytesOf("first")),
      geminiPart(bytesOf("2nd")),
      geminiThought(bytesOf("draft")),
    ];

    it.each([1, 3, 20, 10_000])("is the last one that is no thought and not empty, in chunks of %d", (chunkBytes) => {
      const said = (document: Uint8Array<ArrayBuffer>) => words(scan(sliced(document, chunkBytes), LAST));
      expect(said(parts(first, second))).toBe("2nd");
      expect(said(parts(thought, first, second, thought, geminiPart(bytesOf(""))))).toBe("2nd");
      expect(said(parts(second, thought))).toBe("2nd");
    });

    it("is none where a flag behind the later one takes it out: the former's bytes are gone", () => {
      const late = geminiPart(bytesOf("late"), { thought: true });
      const scanned = scan([parts(first, late)], LAST);
      expect([scanned.hasPicture, words(scanned)]).toEqual([false, ""]);
    });
  });

  it("is not certain before its object is closed, when a flag could still come", () => {
    const text = JSON.stringify(geminiDocument([geminiPart(bytesOf("yes"))]));
    const closed = text.indexOf("}}", text.indexOf('"data"')) + 2;
    expect(scan([bytesOf(text.slice(0, closed - 1))], GEMINI).hasPicture).toBe(false);
    expect(scan([bytesOf(text.slice(0, closed))], GEMINI)).toMatchObject({
      hasPicture: true,
      end: { failure: "truncated" },
    });
  });

  it("is absent from a refusal, which is given back whole", () => {
    const refusal = { promptFeedback: { blockReason: "PROHIBITED_CONTENT" }, modelVersion: "m" };
    expect(whole(refusal)).toMatchObject({ hasPicture: false, end: { ok: true, value: refusal } });
  });

  it("is not null, a number or an empty string", () => {
    for (const value of [null, 7, "", {}, ["AAAA"]]) {
      expect(whole({ data: [{ b64_json: value }] }, OPENAI).hasPicture).toBe(false);
    }
  });
});

describe("the rest of the document", () => {
  it("has an empty string in the picture's place and leaves long strings out", () => {
    const document = {
      a: "x".repeat(LONG_STRING_BYTES),
      b: "x".repeat(LONG_STRING_BYTES + 1),
      data: [{ b64_json: "AAAA" }],
    };
    for (const size of [100, 3000, 100_000]) {
      const scanned = scan(sliced(bytesOf(JSON.stringify(document)), size), OPENAI);
      expect(scanned.end).toEqual({ ok: true, value: { ...document, b: "", data: [{ b64_json: "" }] } });
    }
  });

  it("may hold any text, and quotes and escapes behind the picture in the same chunk", () => {
    const document = { data: [{ b64_json: "AAAA", revised_prompt: 'a "grüner" \\ ✓ 🙂' }], ü: "\\" };
    const scanned = whole(document, OPENAI);
    expect(scanned.end).toEqual({ ok: true, value: { ...document, data: [{ ...document.data[0], b64_json: "" }] } });
  });

  it("is bounded", () => {
    const text = JSON.stringify({ list: Array.from({ length: 500 }, () => "word"), data: [{ b64_json: "AAAA" }] });
    const scanned = scan(sliced(bytesOf(text), 100), OPENAI, { maxRestBytes: 1000 });
    expect(scanned).toMatchObject({ failed: "too_large", hasPicture: false });
  });

  it("does not spoil a picture that came before it grew too large", () => {
    const text = JSON.stringify({ data: [{ b64_json: "AAAA" }], list: Array.from({ length: 500 }, () => "word") });
    const scanned = scan(sliced(bytesOf(text), 100), OPENAI, { maxRestBytes: 1000 });
    expect(scanned).toMatchObject({ hasPicture: true, end: { ok: false, failure: "too_large" } });
    expect(scanned.failed).toBeUndefined();
  });
});

describe("what is wrong with a document", () => {
  const cases: readonly (readonly [string, string, ScanDefect])[] = [
    ["HTML", "\n<!doctype html>", "html"],
    ["plain text", "upstream connect error", "not_json"],
    ["a bare string", '"AAAA"', "not_json"],
    ["nothing", "", "not_json"],
    ["only white space", "  \n ", "not_json"],
    ["garbage behind the end", '{"data":[{"b64_json":"AAAA"}]}x', "not_json"],
    ["two documents", '{"data":[{"b64_json":"AAAA"}]}{}', "not_json"],
    ["one bracket too many", '{"data":[]}]', "not_json"],
    ["a raw line break in the picture", '{"data":[{"b64_json":"AAAA\nAAAA"}]}', "not_json"],
    ["an escape that JSON forbids in the picture", '{"data":[{"b64_json":"AA\\qA"}]}', "not_json"],
    ["an end within the picture", '{"data":[{"b64_json":"AAAA', "truncated"],
    ["an end behind the picture", '{"data":[{"b64_json":"AAAA"}', "truncated"],
    ["a character outside the alphabet", '{"data":[{"b64_json":"AA!A"}]}', "bad_base64"],
    ["one character too many", '{"data":[{"b64_json":"AAAAA"}]}', "bad_base64"],
    ["padding in the middle", '{"data":[{"b64_json":"AA==AAAA"}]}', "bad_base64"],
    ["half the padding", '{"data":[{"b64_json":"AA="}]}', "bad_base64"],
    ["a URL", '{"data":[{"b64_json":"https://example.com/a.png"}]}', "bad_base64"],
    ["a data URL without base64", '{"data":[{"b64_json":"data:image/svg+xml,<svg/>"}]}', "bad_base64"],
    ["a data URL without end", `{"data":[{"b64_json":"data:${"x".repeat(300)}"}]}`, "bad_base64"],
  ];
  for (const [name, text, defect] of cases) {
    it(`is named for ${name}, in one chunk and byte by byte`, () => {
      for (const chunks of [[bytesOf(text)], sliced(bytesOf(text), 1)]) {
        expect(scan(chunks, OPENAI).end).toEqual({ ok: false, failure: defect });
      }
    });
  }

  it("is a picture beyond the bound", () => {
    const text = JSON.stringify({ data: [{ b64_json: base64(noise(1001)) }] });
    expect(scan(sliced(bytesOf(text), 100), OPENAI, { maxPictureBytes: 1000 }).failed).toBe("too_large");
    expect(scan(sliced(bytesOf(text), 100), OPENAI, { maxPictureBytes: 1001 }).hasPicture).toBe(true);
  });

  it("is nesting without end", () => {
    expect(scan([bytesOf("[".repeat(100_000))], OPENAI).failed).toBe("not_json");
  });
});

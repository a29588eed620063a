import { describe, expect, it } from "vitest";
import { canonicalRequest, type PictureHashes } from "../../routing/image/canonical.ts";
import type { ImageRequest } from "../../routing/image/request.ts";

const REQUEST: ImageRequest = { prompt: "a fox", width: 512, height: 512, seed: 7, text: [], format: "png" };

/** The text by which requests are compared; member order does not count where it is made, so this one is sorted. */
const spelt = (parts: Partial<ImageRequest> = {}, hashes: PictureHashes = {}) => {
  const canonical = canonicalRequest({ ...REQUEST, ...parts }, { format: "png", steps: 28 }, hashes);
  return JSON.stringify(Object.entries(canonical).sort(([one], [other]) => (one < other ? -1 : 1)));
};

describe("a canonical request", () => {
  it.each<[string, Partial<ImageRequest>]>([
    ["an empty negative prompt", { negativePrompt: "" }],
    ["a number in another form", JSON.parse('{"width":5.12e2,"height":512.0,"seed":7}')],
  ])("is the same with %s", (_, parts) => {
    expect(spelt(parts)).toBe(spelt());
  });

  it("does not depend on the order of members", () => {
    const backwards = Object.fromEntries(Object.entries(REQUEST).reverse()) as unknown as ImageRequest;
    expect(spelt(backwards)).toBe(spelt());
  });

  it("counts minus zero as zero", () => {
    expect(spelt({ seed: -0 })).toBe(spelt({ seed: 0 }));
  });

  it.each<[string, Partial<ImageRequest>]>([
    ["another prompt", { prompt: "a dog" }],
    ["a blank at the end", { prompt: "a fox " }],
    ["another case", { prompt: "A fox" }],
    ["a letter composed otherwise", { prompt: "a f\u006f\u0308x" }],
    ["a lone surrogate", { prompt: "a fox\ud800" }],
    ["a negative prompt", { negativePrompt: "blur" }],
    ["a blank negative prompt", { negativePrompt: " " }],
    ["another width", { width: 528 }],
    ["the sides changed", { width: 512, height: 768 }],
    ["another seed", { seed: 8 }],
    ["a text", { text: [{ content: "GLOW" }] }],
  ])("differs with %s", (_, parts) => {
    expect(spelt(parts)).not.toBe(spelt());
  });

  it("tells what looks alike apart", () => {
    expect(spelt({ prompt: "caf\u00e9" })).not.toBe(spelt({ prompt: "cafe\u0301" }));
    expect(spelt({ prompt: "\ud800" })).not.toBe(spelt({ prompt: "\ufffd" }));
    expect(spelt({ width: 512, height: 768 })).not.toBe(spelt({ width: 768, height: 512 }));
    expect(spelt({ text: [{ content: "a" }, { content: "b" }] })).not.toBe(
      spelt({ text: [{ content: "b" }, { content: "a" }] }),
    );
  });

  it("knows reference pictures by their hashes, and which is which", () => {
    expect(spelt({}, { image: "aa" })).not.toBe(spelt());
    expect(spelt({}, { image: "aa" })).not.toBe(spelt({}, { image: "bb" }));
    expect(spelt({}, { image: "aa", mask: "bb" })).not.toBe(spelt({}, { image: "bb", mask: "aa" }));
    expect(spelt({}, { image: "aa", moreImages: ["bb"] })).not.toBe(spelt({}, { image: "bb", moreImages: ["aa"] }));
    expect(spelt({}, { image: "aa", moreImages: ["bb"] })).not.toBe(spelt({}, { image: "aa" }));
  });
});

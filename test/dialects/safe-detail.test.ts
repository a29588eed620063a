import { describe, expect, it } from "vitest";
import { safeDetail } from "../../routing/dialects/safe-detail.ts";
import { aRequest } from "./works.ts";

const request = aRequest({
  prompt: "A fox, reading a newspaper",
  negativePrompt: "blur",
  text: [{ content: "Größe 7" }],
});

describe("a provider's message", () => {
  it.each([
    ["steps must be at most 50", "steps must be at most 50"],
    ["size: 1024x is not WxH", "size: 1024x is not WxH"],
    ["see https://example.com/errors?x=1 for more", "see (address) for more"],
    ["key sk-live-0123456789abcdef is unknown", "key (word) is unknown"],
    ["line one\n\tline two", "line one line two"],
    [`long ${"word ".repeat(100)}`, `long ${"word ".repeat(39)}`],
  ])("is shown: %j", (message, shown) => {
    expect(safeDetail(message, request)).toBe(shown);
  });

  it.each([
    ["the whole prompt", "bad prompt: A fox, reading a newspaper"],
    ["the prompt in capitals and other punctuation", "BAD: A-FOX-READING-A-NEWSPAPER!"],
    ["a part of the prompt", 'the word "newspaper" is not allowed'],
    ["a part of the prompt behind a long preamble", `${"x".repeat(10)} ${"preamble ".repeat(30)} reading a news`],
    ["a short negative prompt", "do not say blur"],
    ["overlay text", "cannot render Größe 7"],
  ])("is dropped when it quotes %s", (_what, message) => {
    expect(safeDetail(message, request)).toBeUndefined();
  });

  it("is nothing when there is none, or nothing readable in it", () => {
    expect(safeDetail(undefined, request)).toBeUndefined();
    expect(safeDetail("  日本語 ", request)).toBeUndefined();
  });
});

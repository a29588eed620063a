import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findQuotedText } from "../../routing/classify/quoted-text.ts";

describe("findQuotedText finds what a prompt asks to render", () => {
  it.each([
    ["straight quotes", `poster that says "SALE"`, ["SALE"]],
    ["several", `text: "A" and "B"`, ["A", "B"]],
    ["curly quotes", "a card with “Happy birthday”", ["Happy birthday"]],
    ["two curly quotations, not the gap between them", "“A” and “B”", ["A", "B"]],
    ["German quotes", "Schild „Bäckerei“", ["Bäckerei"]],
    ["Swedish quotes", "en skylt ”HEJ”", ["HEJ"]],
    ["guillemets, spaces inside", "affiche « Soldes »", ["Soldes"]],
    ["guillemets turned inwards", "»Auf« und »Zu«", ["Auf", "Zu"]],
    ["corner brackets", "海报「新年快乐」", ["新年快乐"]],
    ["double corner brackets", "看板『営業中』", ["営業中"]],
    ["straight quotes right after an ideograph", `海报上写着"新年快乐"`, ["新年快乐"]],
    ["a lone digit", `jersey with the number "7"`, ["7"]],
    ["a quotation that ends in a digit", `"SALE 50" banner`, ["SALE 50"]],
    ["single quotes after a word that announces text", "a sign that reads 'OPEN'", ["OPEN"]],
    ["single curly quotes after such a word", "mug, caption ‘MONDAY’", ["MONDAY"]],
    ["an apostrophe inside single quotes", "sign says 'don't panic' in red", ["don't panic"]],
    ["text beside measures", `a 12" vinyl, its cover says "LOVE"`, ["LOVE"]],
  ])("%s", (_what, prompt, texts) => {
    expect(findQuotedText(prompt)).toEqual(texts);
  });
});

describe("findQuotedText leaves alone", () => {
  it.each([
    ["inches", `a 5" x 7" print`],
    ["inches without spaces", `a 5"x7" print`],
    ["feet and inches", `6'2" tall man and a 5'10" woman`],
    ["two monitors", `a 27" and a 32" monitor`],
    ["contractions", "it's a dog that doesn't care"],
    ["possessives", "dogs' bowls and cats' toys"],
    ["elisions", "rock 'n' roll in the '90s and '80s"],
    ["an elision and a possessive", "'tis the season of lovers' bliss"],
    ["a nickname in single quotes", "portrait of Anna 'the cat' Schmidt"],
    ["an unclosed quote", `poster that says "SALE`],
    ["quotes with nothing to read", `a mood like "..."`],
    ["a style", `a street in the style of "The Starry Night"`],
    ["a work that inspires", `a desert inspired by the film "Dune"`],
    ["text to leave out", `a poster without the text "SALE"`],
    ["text to remove", `remove the word "SALE"`],
    ["a quotation across lines", `he said "one\ntwo" and left`],
    ["no quotes at all", "text in the sky"],
    ["nothing", ""],
  ])("%s", (_what, prompt) => {
    expect(findQuotedText(prompt)).toEqual([]);
  });

  it("a quotation longer than anything to draw", () => {
    expect(findQuotedText(`she said "${"word ".repeat(60)}"`)).toEqual([]);
  });
});

describe("findQuotedText", () => {
  it("finds any plain word in any certain pair of quotes", () => {
    const pairs = fc.constantFrom(["“", "”"], ["«", "»"], ["「", "」"], ["„", "“"], [' "', '"']);
    const word = fc.stringMatching(/^[A-Za-z]{1,20}$/);
    fc.assert(
      fc.property(pairs, word, ([open, close], text) => {
        expect(findQuotedText(`a wall, ${open}${text}${close}`)).toEqual([text]);
      }),
      { seed: 1, numRuns: 100 },
    );
  });

  it("returns at once on prompts made of opening quotes", () => {
    for (const hostile of ['"a ', "“", "'", " 'a", "„", "'a"]) {
      expect(findQuotedText(hostile.repeat(10_000)).length).toBeLessThan(10_000);
    }
  });
});

import { describe, expect, it } from "vitest";
import { type KeptFacts, readFacts, writeFacts } from "../../../functions/router/finished-pictures/kept-facts.ts";

const FACTS: KeptFacts = {
  madeAtMs: 1_000,
  format: "webp",
  width: 512,
  height: 384,
  endpoint: "weur-a",
  place: "weur",
  warnings: ["steps are not taken by this model"],
};

describe("facts beside a kept picture", () => {
  it("are read as they were written, and fit into a header", () => {
    expect(readFacts(writeFacts(FACTS))).toEqual(FACTS);
    expect(writeFacts(FACTS)).toMatch(/^[\x20-\x7e]+$/);
  });

  it.each([
    ["nothing", undefined],
    ["no JSON", "{"],
    ["another thing", '"x"'],
    ["null", "null"],
    ["another schema", writeFacts(FACTS).replace('"schema":1', '"schema":2')],
    ["an unknown format", writeFacts(FACTS).replace("webp", "toString")],
    ["a missing size", writeFacts(FACTS).replace('"width":512,', "")],
    ["a missing time", writeFacts(FACTS).replace('"madeAtMs":1000,', "")],
  ])("are none where %s is read", (_, text) => {
    expect(readFacts(text)).toBeUndefined();
  });
});

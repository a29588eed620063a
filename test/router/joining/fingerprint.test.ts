import { describe, expect, it } from "vitest";
import { fingerprint } from "../../../functions/router/joining/fingerprint.ts";

describe("a fingerprint", () => {
  it("does not depend on the order of members, nor on absent ones", async () => {
    const one = await fingerprint({ a: 1, b: { c: [1, 2], d: undefined } });
    expect(one).toMatch(/^[0-9a-f]{64}$/);
    expect(await fingerprint({ b: { c: [1, 2] }, a: 1 })).toBe(one);
  });

  it.each([
    ["a value", { a: 2 }],
    ["a name", { b: 1 }],
    ["a type", { a: "1" }],
    ["null and absence", { a: 1, b: null }],
    ["a pair in a list", [["a", 1]]],
  ])("tells %s apart", async (_, other) => {
    expect(await fingerprint(other)).not.toBe(await fingerprint({ a: 1 }));
  });

  it("tells bytes apart by what they are", async () => {
    const of = (...bytes: number[]) => fingerprint({ image: Uint8Array.from(bytes) });
    expect(await of(1, 2)).toBe(await of(1, 2));
    expect(await of(1, 2)).not.toBe(await of(2, 1));
  });

  it("keeps the order of lists", async () => {
    expect(await fingerprint([1, 2])).not.toBe(await fingerprint([2, 1]));
  });
});

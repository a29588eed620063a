import { describe, expect, it } from "vitest";
import { murmur3 } from "../../routing/rollout/murmur.ts";

/** Published vectors of MurmurHash3_x86_32 (SMHasher and its ports). */
const GOLDEN: readonly (readonly [string, number, number])[] = [
  ["", 0, 0],
  ["", 1, 0x514e28b7],
  ["", 0xffffffff, 0x81f16f39],
  ["\0\0\0\0", 0, 0x2362f9de],
  ["a", 0x9747b28c, 0x7fa09ea6],
  ["aa", 0x9747b28c, 0x5d211726],
  ["aaa", 0x9747b28c, 0x283e0130],
  ["aaaa", 0x9747b28c, 0x5a97808a],
  ["ab", 0x9747b28c, 0x74875592],
  ["abc", 0x9747b28c, 0xc84a62dd],
  ["abcd", 0x9747b28c, 0xf0478627],
  ["test", 0, 0xba6bd213],
  ["test", 0x9747b28c, 0x704b81dc],
  ["Hello, world!", 0, 0xc0363e43],
  ["Hello, world!", 0x9747b28c, 0x24884cba],
  ["The quick brown fox jumps over the lazy dog", 0, 0x2e4ff723],
  ["The quick brown fox jumps over the lazy dog", 0x9747b28c, 0x2fa826cd],
  ["ππππππππ", 0x9747b28c, 0xd58063c1],
];

describe("murmur3", () => {
  it.each(GOLDEN)("hashes %j with seed %d as published", (text, seed, hash) => {
    expect(murmur3(text, seed)).toBe(hash);
  });

  it("hashes a long text like a short one: by all its bytes", () => {
    const long = "x".repeat(300);
    const hashes = new Set([
      murmur3(long),
      murmur3(`${long.slice(0, -1)}y`),
      murmur3(`y${long.slice(1)}`),
      murmur3("x"),
    ]);
    expect(hashes.size).toBe(4);
  });

  it("does not depend on what was hashed before", () => {
    const alone = murmur3("abc");
    murmur3("a much longer text that fills the buffer");
    expect(murmur3("abc")).toBe(alone);
  });
});

import { describe, expect, it } from "vitest";
import { whileBusy } from "../../infra/cli/while-busy.ts";

/** Fails so often, with these words. */
function aStore(failures: number, words = "KV GET failed: 500 Internal Server Error") {
  let tries = 0;
  const waitsMs: number[] = [];
  const read = async () => {
    tries += 1;
    if (tries <= failures) throw new Error(words);
    return "value";
  };
  const wait = async (ms: number) => waitsMs.push(ms);
  return { ask: () => whileBusy(read, wait), tries: () => tries, waitsMs };
}

describe("a store that another process holds for a moment", () => {
  it("is asked again, after longer and longer waits", async () => {
    const store = aStore(3);
    expect(await store.ask()).toBe("value");
    expect(store.waitsMs).toEqual([50, 100, 200]);
  });

  it("is given up in the end, in its own words", async () => {
    const store = aStore(100);
    await expect(store.ask()).rejects.toThrow("KV GET failed: 500");
    expect(store.tries()).toBe(6);
  });

  it("is not asked again after another failure", async () => {
    const store = aStore(1, "KV PUT failed: 413 Value length exceeds limit");
    await expect(store.ask()).rejects.toThrow("413");
    expect(store.tries()).toBe(1);
  });
});

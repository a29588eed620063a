/** What is remembered of endpoints' pins: answers, never somebody else's look. */
import { describe, expect, it } from "vitest";
import { createPinCache } from "../../functions/router/adapters/pin-cache.ts";

function aCache() {
  let nowMs = 0;
  let looks = 0;
  const cache = createPinCache({ nowMs: () => nowMs });
  return {
    cache,
    looks: () => looks,
    pass: (ms: number) => {
      nowMs += ms;
    },
    look: (answer: string | undefined | Promise<string | undefined>) =>
      cache.look("a", async () => {
        looks += 1;
        return answer;
      }),
  };
}

describe("pin cache", () => {
  it("believes an answer for a minute", async () => {
    const { look, pass, looks } = aCache();
    expect(await look("m@1")).toBe("m@1");
    pass(59_999);
    expect(await look("m@2")).toBe("m@1");
    pass(1);
    expect([await look("m@2"), looks()]).toEqual(["m@2", 2]);
  });

  it("looks again five seconds after a look that brought nothing or failed", async () => {
    const { look, pass } = aCache();
    expect(await look(Promise.reject(new Error("down")))).toBeUndefined();
    pass(4_999);
    expect(await look("m@1")).toBeUndefined();
    pass(1);
    expect(await look("m@1")).toBe("m@1");
  });

  it("lets nobody wait for another request's look, which dies with that request", async () => {
    const { look, looks } = aCache();
    void look(new Promise(() => undefined));
    expect([await look("m@1"), looks()]).toEqual(["m@1", 2]);
  });

  it("forgets, also what a look under way will say", async () => {
    const { cache, look, looks } = aCache();
    const { promise, resolve } = Promise.withResolvers<string>();
    const early = look(promise);
    cache.forget("a");
    resolve("m@1");
    expect(await early).toBe("m@1");
    expect([await look("m@2"), looks()]).toEqual(["m@2", 2]);
  });
});

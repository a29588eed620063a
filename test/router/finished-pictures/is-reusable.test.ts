import { describe, expect, it } from "vitest";
import { isReusable } from "../../../functions/router/finished-pictures/reuse.ts";
import type { Drawing } from "../../../functions/router/make-picture.ts";

interface Parts {
  readonly seed?: number;
  /** Experiments that record the request. */
  readonly recorded?: number;
  readonly cacheControl?: string;
}

function reusable({ seed, recorded, cacheControl }: Parts): boolean {
  const arms = { arm: "baseline", recorded: Array.from({ length: recorded ?? 0 }, () => ({})) };
  return isReusable({
    decided: { ...(seed === undefined ? {} : { seed }), ...(recorded === undefined ? {} : { arms }) },
    context: { cacheControl: cacheControl ?? null },
  } as unknown as Drawing);
}

describe("a picture", () => {
  it.each<[string, Parts, boolean]>([
    ["may be another's where the request has a seed", { seed: 0 }, true],
    ["is its own without a seed", {}, false],
    ["is its own where the caller wants nothing kept", { seed: 1, cacheControl: "no-store" }, false],
    ["may be kept where the caller wants a fresh one", { seed: 1, cacheControl: "no-cache" }, true],
    ["is its own while an experiment records it", { seed: 1, recorded: 1 }, false],
    ["may be another's once the experiments of its route are over", { seed: 1, recorded: 0 }, true],
  ])("%s", (_, parts, expected) => {
    expect(reusable(parts)).toBe(expected);
  });
});

/** The claims of `simulate:tail` and `simulate:saturation` in small: what the policy gains, on loads where it must. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { capacityPerSecond, compiled, type Deciding, runTrial } from "../../infra/simulate/policies/trial.ts";

const catalog = readFileSync(join(import.meta.dirname, "../../infra/simulate/policies/two-pools.yml"), "utf8");

async function trial(load: number, policy: string, deciding: Deciding) {
  const routing = [
    `default_route: "preview"`,
    `routes: [{ match: "preview", model: "SD3.5 Medium", policy: fast-preview }]`,
    `policies: { fast-preview: { ${policy} } }`,
  ].join("\n");
  const snapshot = await compiled(routing, catalog);
  const adjust = <Endpoint>(endpoint: Endpoint) => ({
    ...endpoint,
    stragglers: { share: 0.03, extraMs: [10_000, 20_000] as const },
  });
  const each = load * capacityPerSecond(snapshot, adjust, { place: "weur", model: "sd3.5-medium" });
  return runTrial({ snapshot, deciding, seed: 3, requests: 600, perSecond: { EU: each, NA: each }, adjust });
}

const p99 = ({ latenciesMs }: { readonly latenciesMs: readonly number[] }) =>
  latenciesMs[Math.floor(0.99 * (latenciesMs.length - 1))] ?? Number.NaN;

describe("among stragglers", () => {
  it("the policy cuts the tail and the GPU time of a picture", async () => {
    const on = await trial(0.4, "deadline: 40s, fallback: [sibling-region]", "scheduler");
    const none = await trial(0.4, "deadline: 40s, fallback: [], hedge: none, overlap: false", "blind");
    expect(p99(none)).toBeGreaterThan(10_000);
    expect(p99(on)).toBeLessThan(p99(none) / 3);
    expect(on.gpuSecondsPerPicture).toBeLessThan(none.gpuSecondsPerPicture);
    expect(on.inTime).toBe(1);
  });
});

describe("above capacity", () => {
  it("refusing what would be late keeps pictures coming in time; waiting in queues does not", async () => {
    const predicted = await trial(1.5, "deadline: 8s, fallback: [sibling-region]", "scheduler");
    const waiting = await trial(1.5, "deadline: 8s, fallback: [], hedge: none, overlap: false", "blind");
    expect(predicted.inTime).toBeGreaterThan(waiting.inTime);
  });
});

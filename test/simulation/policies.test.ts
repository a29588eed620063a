/** The claims of `simulate:tail` and `simulate:saturation` in small: what the policy gains, on loads where it must. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { SimulatedEndpoint } from "../../infra/gpu/simulator/endpoint.ts";
import { capacityPerSecond, compiled, type Deciding, runTrial } from "../../infra/simulate/policies/trial.ts";

const catalog = readFileSync(join(import.meta.dirname, "../../infra/simulate/policies/two-pools.yml"), "utf8");

interface Settings {
  readonly stragglers?: number;
  readonly cancels?: boolean;
  readonly requests?: number;
}

async function trial(load: number, policy: string, deciding: Deciding, settings: Settings = {}) {
  const { stragglers = 0.03, cancels = true, requests = 600 } = settings;
  const routing = [
    `default_route: "preview"`,
    `routes: [{ match: "preview", model: "SD3.5 Medium", policy: fast-preview }]`,
    `policies: { fast-preview: { ${policy} } }`,
  ].join("\n");
  const honours = catalog.replaceAll("honours_cancel: true", `honours_cancel: ${cancels}`);
  const snapshot = await compiled(routing, honours);
  const adjust = (endpoint: SimulatedEndpoint): SimulatedEndpoint => ({
    ...endpoint,
    ...(endpoint.timing === undefined ? {} : { timing: { ...endpoint.timing, spread: 0.15 } }),
    ...(stragglers === 0 ? {} : { stragglers: { share: stragglers, extraMs: [10_000, 20_000] } }),
  });
  const each = load * capacityPerSecond(snapshot, adjust, { place: "weur", model: "sd3.5-medium" });
  return runTrial({ snapshot, deciding, seed: 3, requests, perSecond: { EU: each, NA: each }, adjust });
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

describe("hedging", () => {
  const ON = "deadline: 40s, fallback: [sibling-region]";
  const OFF = `${ON}, hedge: none`;

  it("cuts the tail further than timeouts alone, within the budget and at hardly any GPU time", async () => {
    const settings = { requests: 2_500 };
    const on = await trial(0.4, ON, "scheduler", settings);
    const off = await trial(0.4, OFF, "scheduler", settings);
    expect(on.hedged).toBeGreaterThan(0.01);
    expect(p99(on)).toBeLessThan(0.95 * p99(off));
    expect(on.attemptsPerRequest).toBeLessThan(1.1);
    expect(on.gpuSecondsPerPicture).toBeLessThan(1.02 * off.gpuSecondsPerPicture);
  });

  it("does nothing where nothing straggles", async () => {
    const on = await trial(0.4, ON, "scheduler", { stragglers: 0, requests: 2_000 });
    expect(on.hedged).toBe(0);
    // But for what is overdue by the catalogue's guess before anything was measured.
    expect(on.attemptsPerRequest).toBeLessThan(1.002);
  });

  it("does not bring a pool to a stop where cancelled work runs on: slots that stragglers hold are not given again", async () => {
    const deaf = await trial(0.6, ON, "scheduler", { stragglers: 0.01, cancels: false, requests: 2_500 });
    expect(deaf.inTime).toBe(1);
    expect(deaf.latenciesMs[Math.floor(deaf.latenciesMs.length / 2)]).toBeLessThan(2_000);
  });
});

describe("above capacity", () => {
  it("refusing what would be late keeps pictures coming in time; waiting in queues does not", async () => {
    const predicted = await trial(1.5, "deadline: 8s, fallback: [sibling-region]", "scheduler");
    const waiting = await trial(1.5, "deadline: 8s, fallback: [], hedge: none, overlap: false", "blind");
    expect(predicted.inTime).toBeGreaterThan(waiting.inTime);
  });
});

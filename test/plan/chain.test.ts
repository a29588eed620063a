import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { FallbackStep } from "../../routing/config/snapshot.ts";
import { legWords, type PlanParts, planFor, refusalOf } from "../support/plan-ask.ts";
import { aPolicy, type SnapshotOverrides } from "../support/snapshot.ts";

const legs = (parts: PlanParts = {}, overrides: SnapshotOverrides = {}) => planFor(parts, overrides).legs.map(legWords);

/** The chain of one policy with these steps and all the time in the world. */
function chain(fallback: readonly FallbackStep[], overrides: SnapshotOverrides = {}, parts: PlanParts = {}) {
  const policies = { "fast-preview": { deadlineMs: 600_000, fallback }, ...overrides.policies };
  return legs(parts, { ...overrides, policies });
}

const job = (fallback: readonly FallbackStep[]): SnapshotOverrides => ({
  policies: { "fast-preview": aPolicy({ name: "fast-preview", mode: "job", deadlineMs: 600_000, fallback }) },
});

describe("the case study's three tiers", () => {
  it("a preview starts at home and falls to a sibling, a faster variant, what is left, and a stale picture", () => {
    expect(legs()).toEqual([
      "primary sd35-medium@weur",
      "sibling-region sd35-medium@enam (region)",
      "faster-model sd35-medium-turbo@weur (model)",
      "any-region sd35-medium@apac (region)",
      "any-region sd35-medium-turbo@enam (model)",
      "stale sd35-medium@weur (stale)",
    ]);
  });

  it("an export is rendered on the cluster, again there, and else upscaled from the medium model", () => {
    const models = { "upscaler-4x": { kind: "upscale" as const, expected: { p50Ms: 2_000, p95Ms: 3_000 } } };
    expect(legs({ classified: { model: "nano-banana-pro", policy: "quality-render" } }, { models })).toEqual([
      "primary nano-banana-pro@gpu-cluster",
      "same-model nano-banana-pro@gpu-cluster",
      "model sd35-medium@gpu-cluster upscaled (model)",
    ]);
  });

  it("what no route matches starts on the default cluster and may go to the regions", () => {
    const classified = { model: "sd35-medium", policy: "fallback", cluster: "gpu-cluster" };
    expect(legs({ classified })).toEqual([
      "primary sd35-medium@gpu-cluster",
      "any-region sd35-medium@weur (region)",
      "any-region sd35-medium-turbo@weur (model)",
    ]);
  });
});

describe("the primary", () => {
  it("carries the place's endpoints, best first", () => {
    const endpoints = { "weur-big": { concurrency: { kind: "known", slots: 9 } } } as const;
    expect(planFor({}, { endpoints }).legs[0]?.candidates).toEqual(["weur-big", "weur-sd35-medium"]);
  });

  it("is in the first sibling that has the model, undegraded, when home has not", () => {
    expect(chain([{ step: "sibling-region" }], { endpoints: { "weur-sd35-medium": null } })).toEqual([
      "primary sd35-medium@enam",
      "sibling-region sd35-medium@apac (region)",
    ]);
  });

  it("is on a cluster, undegraded, when no region has the model", () => {
    const classified = { model: "nano-banana-pro" };
    expect(chain([{ step: "any-region" }], {}, { classified })).toEqual(["primary nano-banana-pro@gpu-cluster"]);
  });

  it("leaves the default cluster when that has not got the model", () => {
    const classified = { model: "nano-banana", cluster: "gpu-cluster" };
    expect(chain([], {}, { classified })).toEqual(["primary nano-banana@weur"]);
  });

  it("of a job is in a region only when no cluster has the model", () => {
    expect(legs({ classified: { model: "nano-banana" } }, job([]))).toEqual(["primary nano-banana@weur"]);
  });

  it("of a job is on the cluster that serves by default when several have the model", () => {
    const overrides = {
      ...job([{ step: "sibling-region" }]),
      endpoints: { "b-nano-banana-pro": { model: "nano-banana-pro", place: "b-cluster" } },
      places: { "b-cluster": { kind: "cluster" as const } },
      defaultRoute: { kind: "cluster", cluster: "b-cluster" } as const,
    };
    expect(legs({ classified: { model: "nano-banana-pro" } }, overrides)).toEqual([
      "primary nano-banana-pro@b-cluster",
      "sibling-region nano-banana-pro@gpu-cluster (region)",
    ]);
  });

  it("of a request that a cluster serves by default is on that cluster though others have the model", () => {
    const endpoints = { "b-sd35-medium": { place: "b-cluster" } };
    const places = { "b-cluster": { kind: "cluster" as const } };
    expect(chain([], { endpoints, places }, { classified: { cluster: "b-cluster" } })).toEqual([
      "primary sd35-medium@b-cluster",
    ]);
  });

  it("is missing when nothing serves the model, and a fallback serves as degraded", () => {
    const endpoints = { "gpu-cluster-nano-banana-pro": null };
    const classified = { model: "nano-banana-pro" };
    const step = { step: "model", model: "nano-banana", upscale: false } as const;
    expect(chain([step], { endpoints }, { classified })).toEqual(["model nano-banana@weur (model)"]);
  });

  it("is refused when nothing serves any model of the chain", () => {
    const endpoints = { "gpu-cluster-nano-banana-pro": null };
    expect(refusalOf({ classified: { model: "nano-banana-pro" } }, { endpoints })).toEqual({
      code: "not_configured",
      detail: "No endpoint serves Nano Banana PRO.",
    });
  });
});

describe("a step", () => {
  it("same-model is taken inline where another endpoint of the place may do better", () => {
    expect(chain([{ step: "same-model" }])).toEqual(["primary sd35-medium@weur"]);
    expect(chain([{ step: "same-model" }], { endpoints: { "weur-second": {} } })).toEqual([
      "primary sd35-medium@weur",
      "same-model sd35-medium@weur",
    ]);
  });

  it("same-model is taken in a job even with one endpoint, for time heals", () => {
    expect(legs({}, job([{ step: "same-model" }]))).toEqual([
      "primary sd35-medium@gpu-cluster",
      "same-model sd35-medium@gpu-cluster",
    ]);
  });

  it("faster-model is in another region where home has no such endpoint", () => {
    const endpoints = { "weur-sd35-medium-turbo": null };
    expect(chain([{ step: "faster-model" }], { endpoints })).toEqual([
      "primary sd35-medium@weur",
      "faster-model sd35-medium-turbo@enam (model)",
    ]);
  });

  it("faster-model of a model without a faster variant is no leg", () => {
    expect(chain([{ step: "faster-model" }], {}, { classified: { model: "nano-banana" } })).toEqual([
      "primary nano-banana@weur",
    ]);
  });

  it("cluster is the same model there, or the cluster's own where it lacks the model", () => {
    expect(chain([{ step: "cluster" }])).toContain("cluster sd35-medium@gpu-cluster (region)");
    expect(chain([{ step: "cluster" }], {}, { classified: { model: "nano-banana" } })).toContain(
      "cluster nano-banana-pro@gpu-cluster (model)",
    );
  });

  it("any-region takes no place that a former leg takes, and leaves no region to a later one", () => {
    expect(chain([{ step: "sibling-region" }, { step: "any-region" }])).toEqual([
      "primary sd35-medium@weur",
      "sibling-region sd35-medium@enam (region)",
      "any-region sd35-medium@apac (region)",
      "any-region sd35-medium-turbo@weur (model)",
    ]);
    expect(chain([{ step: "any-region" }, { step: "sibling-region" }])).toEqual([
      "primary sd35-medium@weur",
      "any-region sd35-medium@enam (region)",
      "any-region sd35-medium-turbo@weur (model)",
    ]);
  });

  it("that would repeat a former leg is no leg", () => {
    const step = { step: "model", model: "sd35-medium-turbo", upscale: false } as const;
    const endpoints = { "enam-sd35-medium-turbo": null, "apac-sd35-medium-turbo": null };
    expect(chain([{ step: "faster-model" }, step], { endpoints })).toEqual([
      "primary sd35-medium@weur",
      "faster-model sd35-medium-turbo@weur (model)",
    ]);
  });

  it("successor is added for a model that names one, before a stale picture", () => {
    const models = { "sd35-medium": { successor: "nano-banana" } };
    expect(chain([{ step: "stale" }], { models })).toEqual([
      "primary sd35-medium@weur",
      "successor nano-banana@weur (model)",
      "stale sd35-medium@weur (stale)",
    ]);
  });
});

describe("any chain", () => {
  it("never asks one place twice for one model but by same-model, and only marks the primary's work undegraded", () => {
    const steps = fc.array(
      fc.constantFrom<FallbackStep>(
        { step: "same-model" },
        { step: "sibling-region" },
        { step: "faster-model" },
        { step: "any-region" },
        { step: "cluster" },
        { step: "model", model: "nano-banana", upscale: false },
      ),
      { maxLength: 8 },
    );
    const model = fc.constantFrom("sd35-medium", "nano-banana", "nano-banana-pro");
    const home = fc.constantFrom("weur", "enam", "apac");
    fc.assert(
      fc.property(steps, model, home, (fallback, asked, region) => {
        const policies = { "fast-preview": { deadlineMs: 600_000, fallback } };
        const plan = planFor({ classified: { model: asked }, home: region }, { policies });
        const drawn = plan.legs.filter((leg) => leg.kind !== "same-model");
        expect(new Set(drawn.map((leg) => `${leg.model}@${leg.place}`)).size).toBe(drawn.length);
        expect(drawn.filter((leg) => leg.degraded === undefined).map((leg) => leg.kind)).toEqual(["primary"]);
        expect(plan.legs.every((leg) => leg.candidates.length > 0)).toBe(true);
      }),
      { seed: 3, numRuns: 200 },
    );
  });
});

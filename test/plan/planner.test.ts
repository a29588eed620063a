import { describe, expect, it } from "vitest";
import { createPlanner } from "../../routing/plan/planner.ts";
import { createRegions } from "../../routing/region/regions.ts";
import { aPlanAsk, legWords, planFor, refusalOf } from "../support/plan-ask.ts";
import { aModel, aSnapshot } from "../support/snapshot.ts";

const kinds = (legs: readonly { readonly kind: string }[]) => legs.map(({ kind }) => kind);

/** A model like the neutral one but for some of its capabilities. */
const able = (parts: Partial<ReturnType<typeof aModel>["capabilities"]>) => ({
  capabilities: { ...aModel({ id: "any" }).capabilities, ...parts },
});

describe("a leg's times", () => {
  it("are the catalogue's guess for a picture of one megapixel", () => {
    const [primary] = planFor().legs;
    // 1500 · (2200 / 1500)^0.41: the upper quartile of the log-normal with these two quantiles.
    expect(primary).toMatchObject({ kind: "primary", minMs: 1_755, capMs: 7_700 });
  });

  it("grow with the pixels and the steps, but for a fixed part", () => {
    const big = planFor({ picture: { width: 2_048, height: 1_024 } }).legs[0];
    const careful = planFor({ picture: { steps: 56 } }).legs[0];
    expect(big?.minMs).toBe(Math.round(1_755 * 1.9));
    expect(careful?.minMs).toBe(big?.minMs);
  });

  it("do not grow with the pixels where a model draws sizes of its own", () => {
    const models = { "sd35-medium": able({ size: "ratio" }) };
    expect(planFor({ picture: { width: 2_048, height: 2_048 } }, { models }).legs[0]?.minMs).toBe(1_755);
  });

  it("do not grow with steps that the model does not take, or that were asked of another model", () => {
    const models = { "sd35-medium": able({ steps: false }) };
    const legs = planFor({ picture: { steps: 280 } }, { models }).legs;
    expect(legs.find(({ kind }) => kind === "primary")?.minMs).toBe(1_755);
    expect(legs.find(({ kind }) => kind === "faster-model")?.minMs).toBe(606);
  });

  it("are the measured ones where there are some, asked for with place, pixels and steps", () => {
    const asked: unknown[] = [];
    const legs = planFor({
      measured: (of) => {
        asked.push(of);
        return of.place === "weur" && of.model === "sd35-medium"
          ? { q50Ms: 2_000, q75Ms: 2_500, q95Ms: 3_000 }
          : undefined;
      },
    }).legs;
    expect(asked[0]).toEqual({ model: "sd35-medium", place: "weur", pixels: 1_024 * 1_024, steps: 28 });
    expect(legs[0]).toMatchObject({ minMs: 2_500, capMs: 7_700, attemptMs: 3_600 });
    expect(legs[1]).toMatchObject({ minMs: 1_755, capMs: 7_700 });
    expect(legs[1]?.attemptMs).toBeUndefined();
  });

  it("cut a measured attempt off no sooner than at half as much again as its median, and no later than the time there is", () => {
    const tight = planFor({ measured: () => ({ q50Ms: 1_000, q75Ms: 1_050, q95Ms: 1_100 }) }).legs[0];
    const slow = planFor({ measured: () => ({ q50Ms: 5_000, q75Ms: 6_000, q95Ms: 9_000 }) }).legs[0];
    const quick = planFor({ measured: () => ({ q50Ms: 20, q75Ms: 22, q95Ms: 25 }) }).legs[0];
    expect(tight?.attemptMs).toBe(1_500);
    expect(slow?.attemptMs).toBe(7_700);
    expect(quick?.attemptMs).toBe(250);
  });

  it("cap every leg at the policy's attempt timeout where it has one, measured or not", () => {
    const policies = { "fast-preview": { attemptTimeoutMs: 3_000 } };
    const measured = () => ({ q50Ms: 1_000, q75Ms: 1_100, q95Ms: 1_200 });
    expect(planFor({ measured }, { policies }).legs.every((leg) => leg.kind === "stale" || leg.capMs === 3_000)).toBe(
      true,
    );
    expect(planFor({}, { policies }).legs[0]?.capMs).toBe(3_000);
  });

  it("hold the upscaling of what is drawn smaller", () => {
    const upscaler = {
      ...able({ upscaleFactor: 2 }),
      kind: "upscale" as const,
      expected: { p50Ms: 1_000, p95Ms: 1_000 },
    };
    const overrides = {
      models: { "upscaler-2x": upscaler, "sd35-medium": able({ maxPixels: 1_024 * 1_024 }) },
      endpoints: { up: { model: "upscaler-2x", place: "gpu-cluster" } },
    };
    const ask = {
      classified: { model: "nano-banana-pro", policy: "quality-render" },
      picture: { width: 2_048, height: 2_048 },
    };
    const leg = planFor(ask, overrides).legs.find(({ upscale }) => upscale);
    // Drawn at one megapixel, then four megapixels enlarged.
    expect(leg?.minMs).toBe(1_755 + Math.round(1_000 * 3.7));
  });
});

describe("legs that can never be done in time", () => {
  it("are dropped, the faster ones stay", () => {
    const plan = planFor({ deadlineMs: 1_000 });
    expect(plan.legs.map(legWords)).toEqual([
      "faster-model sd35-medium-turbo@weur (model)",
      "any-region sd35-medium-turbo@enam (model)",
      "stale sd35-medium@weur (stale)",
    ]);
  });

  it("are those whose median does not fit; one whose upper quartile does not is kept", () => {
    expect(kinds(planFor({ deadlineMs: 1_500 + 300 }).legs)).toContain("primary");
    expect(kinds(planFor({ deadlineMs: 1_500 + 299 }).legs)).not.toContain("primary");
  });

  it("are those whose median does not fit the policy's attempt timeout", () => {
    const policies = { "fast-preview": { attemptTimeoutMs: 1_499 } };
    expect(kinds(planFor({}, { policies }).legs)).not.toContain("primary");
  });

  it("are judged by what was measured", () => {
    const measured = ({ place }: { place: string }) =>
      place === "weur" ? { q50Ms: 9_000, q75Ms: 9_500, q95Ms: 9_900 } : undefined;
    expect(planFor({ measured }).legs[0]).toMatchObject({ kind: "sibling-region", degraded: "region" });
  });

  it("of any region make room for the next region that can", () => {
    const places = { me: {} };
    const endpoints = { "me-sd35-medium": { place: "me" } };
    const slow = ["weur", "enam", "apac"];
    const measured = ({ place }: { place: string }) =>
      slow.includes(place) ? { q50Ms: 9_000, q75Ms: 9_500, q95Ms: 9_900 } : undefined;
    expect(planFor({ measured }, { places, endpoints }).legs.map(legWords)).toEqual([
      "any-region sd35-medium@me (region)",
      "stale sd35-medium@weur (stale)",
    ]);
  });

  it("are not made up for by more than one region of any", () => {
    const places = { me: {} };
    const endpoints = { "me-sd35-medium": { place: "me" } };
    const legs = planFor({}, { places, endpoints }).legs;
    expect(legs.filter(({ kind, model }) => kind === "any-region" && model === "sd35-medium")).toHaveLength(1);
  });

  it("refuse the request when none is left, though a stale picture might be", () => {
    expect(refusalOf({ deadlineMs: 700 })).toEqual({
      code: "deadline_exceeded",
      detail: "Nothing draws this in 400 ms; the fastest model needs about 500 ms.",
    });
  });
});

describe("a client's deadline", () => {
  it("does not lengthen the policy's", () => {
    expect(planFor({ deadlineMs: 60_000 }).legs[0]?.capMs).toBe(7_700);
  });

  it("shortens the policy's", () => {
    expect(planFor({ deadlineMs: 5_000 }).legs[0]?.capMs).toBe(4_700);
  });

  it.each([0, -1, 8, 399, Number.NaN])("is refused when it is absurd (%d)", (deadlineMs) => {
    expect(refusalOf({ deadlineMs })).toMatchObject({ code: "invalid_request", path: "/deadline_ms" });
  });

  it("is taken from the least that leaves time to draw", () => {
    const models = { "sd35-medium-turbo": { expected: { p50Ms: 90, p95Ms: 95 } } };
    expect(kinds(planFor({ deadlineMs: 400 }, { models }).legs)).toContain("faster-model");
  });
});

describe("what a model cannot draw", () => {
  it.each([
    ["a mask", able({ mask: false }), { hasImage: true, hasMask: true }, "/mask", "SD3.5 Medium takes no mask."],
    ["a picture", able({ image: false }), { hasImage: true }, "/image", "SD3.5 Medium takes no picture."],
    ["a second picture", able({}), { hasImage: true, moreImages: 1 }, "/image", "SD3.5 Medium takes one picture."],
    [
      "a fourth picture",
      able({ maxImages: 3 }),
      { hasImage: true, moreImages: 3 },
      "/image",
      "SD3.5 Medium takes 3 pictures.",
    ],
    ["a format", able({ formats: ["png"] }), { format: "webp" }, "/format", "SD3.5 Medium makes png only."],
    [
      "a size",
      able({ maxPixels: 1_000_000 }),
      { width: 1_600, height: 800 },
      "/width",
      "1600 x 800 is 1280000 pixels; SD3.5 Medium draws at most 1000000.",
    ],
  ] as const)("%s, is refused with the member and the limit", (_what, model, picture, path, detail) => {
    const models = { "sd35-medium": model, "sd35-medium-turbo": model };
    expect(refusalOf({ picture }, { models })).toMatchObject({
      code: "invalid_request",
      path,
      detail,
      cause: { reason: "unsupported" },
    });
  });

  it("draws after as many pictures as it takes", () => {
    const models = { "sd35-medium": able({ maxImages: 3 }) };
    expect(planFor({ picture: { hasImage: true, moreImages: 2 } }, { models }).legs[0]?.kind).toBe("primary");
  });

  it("drops its legs only, where another model of the chain can", () => {
    const models = { "sd35-medium": able({ mask: false }) };
    expect(kinds(planFor({ picture: { hasImage: true, hasMask: true } }, { models }).legs)).toEqual([
      "faster-model",
      "any-region",
      "stale",
    ]);
  });

  it("is nothing in a format when the caller asked for none", () => {
    expect(kinds(planFor({}, { models: { "sd35-medium": able({ formats: [] }) } }).legs)).toContain("primary");
  });

  it("is bounded by the strongest upscaler that stands anywhere", () => {
    const upscaler = (upscaleFactor: number) => ({ ...able({ upscaleFactor }), kind: "upscale" as const });
    const models = {
      "sd35-medium": able({ maxPixels: 1_024 * 1_024 }),
      "upscaler-2x": upscaler(2),
      "upscaler-4x": upscaler(4),
      "upscaler-8x": upscaler(8),
    };
    const endpoints = {
      two: { model: "upscaler-2x", place: "gpu-cluster" },
      four: { model: "upscaler-4x", place: "gpu-cluster" },
    };
    const kindsAt = (side: number) => {
      const classified = { model: "nano-banana-pro", policy: "quality-render" };
      return kinds(planFor({ classified, picture: { width: side, height: side } }, { models, endpoints }).legs);
    };
    expect(kindsAt(4_096)).toContain("model");
  });

  it("is bounded by the upscaled size where the result is upscaled, and by the model's own where nothing upscales", () => {
    const small = able({ maxPixels: 1_024 * 1_024 });
    const models = { "sd35-medium": small, "upscaler-2x": { ...able({ upscaleFactor: 2 }), kind: "upscale" as const } };
    const ask = {
      classified: { model: "nano-banana-pro", policy: "quality-render" },
      picture: { width: 2_048, height: 2_048 },
    };
    const endpoints = { up: { model: "upscaler-2x", place: "gpu-cluster" } };
    expect(kinds(planFor(ask, { models, endpoints }).legs)).toContain("model");
    expect(kinds(planFor(ask, { models }).legs)).not.toContain("model");
  });
});

describe("a planner", () => {
  it("gives the home region and the policy with the legs", () => {
    expect(planFor({ home: "apac" })).toMatchObject({ homeRegion: "apac", policy: { name: "fast-preview" } });
  });

  it("remembers a chain without mixing up requests", () => {
    const snapshot = aSnapshot();
    const plan = createPlanner(snapshot, createRegions(snapshot));
    const first = (parts: Parameters<typeof aPlanAsk>[0]) => {
      const result = plan(aPlanAsk(parts));
      return result.ok ? legWords(result.value.legs[0]!) : result.failure.code;
    };
    const asks = [
      {},
      { home: "apac" },
      { classified: { model: "nano-banana" } },
      { classified: { cluster: "gpu-cluster" } },
      { classified: { policy: "quality-render" } },
    ];
    const wanted = [
      "primary sd35-medium@weur",
      "primary sd35-medium@apac",
      "primary nano-banana@weur",
      "primary sd35-medium@gpu-cluster",
      "primary sd35-medium@gpu-cluster",
    ];
    expect(asks.map(first)).toEqual(wanted);
    expect(asks.map(first)).toEqual(wanted);
  });
});

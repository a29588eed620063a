import { describe, expect, it } from "vitest";
import { createClassifier } from "../../routing/classify/classifier.ts";
import type { RequestFeatures } from "../../routing/classify/classify.ts";
import type { Route } from "../../routing/config/snapshot.ts";
import { someFeatures } from "../support/features.ts";
import { aRoute, aSnapshot, type SnapshotOverrides } from "../support/snapshot.ts";

function classify(features: Partial<RequestFeatures>, overrides: SnapshotOverrides = {}) {
  const result = createClassifier(aSnapshot(overrides))(someFeatures(features));
  if (!result.ok) throw new Error(`refused: ${result.failure.detail}`);
  return result.value;
}

function refuse(features: Partial<RequestFeatures>, overrides: SnapshotOverrides = {}) {
  const result = createClassifier(aSnapshot(overrides))(someFeatures(features));
  if (result.ok) throw new Error(`not refused: ${result.value.reason}`);
  return result.failure;
}

describe("purpose", () => {
  it("is taken as declared", () => {
    expect(classify({ purpose: "draft-art" })).toEqual({
      purpose: "draft-art",
      route: "draft-art",
      model: "nano-banana",
      policy: "draft",
      reason: "declared draft-art; routes[3]",
    });
  });

  it("is not inferred when it is declared", () => {
    expect(classify({ purpose: "preview", exportFlag: true, hasOverlays: true }).route).toBe("preview");
  });

  it.each<[string, Partial<RequestFeatures>, string, string]>([
    ["the export flag", { exportFlag: true }, "high-res-export", "inferred export_flag; infer[0]; routes[2]"],
    ["a large size", { width: 4096, height: 4096 }, "high-res-export", "inferred min_pixels; infer[1]; routes[2]"],
    ["overlays", { hasOverlays: true }, "compositing", "inferred has_text; infer[2]; routes[0]"],
    ["quoted text", { hasQuotedText: true }, "compositing", "inferred has_text; infer[2]; routes[0]"],
    ["automation", { automation: true }, "draft-art", "inferred automation; infer[3]; routes[3]"],
    ["nothing", {}, "preview", "inferred default; infer[4]; routes[1]"],
  ])("is inferred from %s", (_what, features, purpose, reason) => {
    expect(classify(features)).toMatchObject({ purpose, reason });
  });

  it("is inferred by the first rule that holds", () => {
    expect(classify({ exportFlag: true, hasOverlays: true, automation: true }).purpose).toBe("high-res-export");
  });

  it("is a preview when no rule holds", () => {
    expect(classify({}, { infer: [] })).toMatchObject({ purpose: "preview", reason: "inferred default; routes[1]" });
  });

  it("is refused when nothing knows it, with what is known and without what was sent", () => {
    const failure = refuse({ purpose: "preveiw" });
    expect(failure).toMatchObject({ code: "invalid_request", path: "/purpose" });
    expect(failure.detail).toContain("draft-art, preview, compositing, high-res-export");
    expect(failure.detail).not.toContain("preveiw");
  });

  it("is known when only a rule mentions it, and then served by default", () => {
    const infer = [{ id: "infer[0]", when: { hasMask: true }, purpose: "retouch" }];
    expect(classify({ purpose: "retouch" }, { infer })).toMatchObject({
      route: "gpu-cluster",
      reason: "declared retouch; default; gpu-cluster",
    });
  });

  it("is known when it is the owner's own and a route mentions it", () => {
    const routes = [aRoute({ name: "posters", match: { purposes: ["poster"] } })];
    expect(classify({ purpose: "poster" }, { routes }).route).toBe("posters");
  });

  it("names at most twenty purposes in a refusal", () => {
    const routes = Array.from({ length: 30 }, (_, index) => aRoute({ name: `purpose-${index}` }));
    expect(refuse({ purpose: "x" }, { routes }).detail).toContain("and 14 more");
  });
});

describe("routes", () => {
  const narrow = (match: Route["match"]): readonly Route[] => [
    aRoute({ name: "narrow", id: "routes[0]", match }),
    aRoute({ name: "wide", id: "routes[1]", match: {} }),
  ];

  it.each<[string, Route["match"], Partial<RequestFeatures>, Partial<RequestFeatures>]>([
    ["purpose", { purposes: ["preview", "draft-art"] }, { purpose: "draft-art" }, { purpose: "compositing" }],
    ["text", { hasText: true }, { hasQuotedText: true }, {}],
    ["no text", { hasText: false }, {}, { hasOverlays: true }],
    ["automation", { automation: true }, { automation: true }, {}],
    ["the export flag", { exportFlag: true }, { exportFlag: true }, {}],
    ["a picture", { hasImage: true }, { hasImage: true }, {}],
    ["a mask", { hasMask: true }, { hasMask: true }, {}],
    ["at least so many pixels", { minPixels: 100 }, { width: 10, height: 10 }, { width: 9, height: 10 }],
    ["at most so many pixels", { maxPixels: 100 }, { width: 10, height: 10 }, { width: 11, height: 10 }],
    ["at most so many pixels, and none were asked", { maxPixels: 100 }, { width: 1, height: 1 }, {}],
    ["a tenant", { tenants: ["acme"] }, { tenant: "acme" }, { tenant: "other" }],
    ["a country", { countries: ["DE"] }, { country: "DE" }, { country: "FR" }],
    ["a country, and none is known", { countries: ["DE"] }, { country: "DE" }, {}],
    ["two at once", { hasText: true, tenants: ["acme"] }, { hasOverlays: true, tenant: "acme" }, { tenant: "acme" }],
  ])("match by %s", (_what, match, holds, fails) => {
    expect(classify(holds, { routes: narrow(match) }).route).toBe("narrow");
    expect(classify(fails, { routes: narrow(match) }).route).toBe("wide");
  });

  it("win in the order of the file, whatever they are filed under", () => {
    const routes = [
      aRoute({ name: "text", id: "routes[0]", match: { hasText: true } }),
      aRoute({ name: "acme", id: "routes[1]", match: { tenants: ["acme"] } }),
      aRoute({ name: "acme-preview", id: "routes[2]", match: { tenants: ["acme"], purposes: ["preview"] } }),
      aRoute({ name: "preview", id: "routes[3]", match: { purposes: ["preview"] } }),
    ];
    expect(classify({ tenant: "acme", hasOverlays: true }, { routes }).route).toBe("text");
    expect(classify({ tenant: "acme" }, { routes }).route).toBe("acme");
    expect(classify({ tenant: "other" }, { routes }).route).toBe("preview");
    expect(classify({ tenant: "acme" }, { routes: routes.toReversed() }).route).toBe("preview");
    expect(classify({ tenant: "acme" }, { routes: [routes[3], routes[2]].map(present).toReversed() }).route).toBe(
      "acme-preview",
    );
  });

  it("are the same with two thousand of them as one by one", () => {
    const routes = Array.from({ length: 2_000 }, (_, index) =>
      aRoute({
        name: `r${index}`,
        id: `routes[${index}]`,
        match: {
          ...(index % 3 === 0 ? {} : { purposes: [`p${index % 7}`] }),
          ...(index % 2 === 0 ? { tenants: [`t${index % 501}`] } : {}),
          minPixels: 2_000 - index,
        },
      }),
    );
    const decide = createClassifier(aSnapshot({ routes }));
    for (let index = 0; index < 200; index += 1) {
      const features = someFeatures({
        purpose: `p${index % 7}`,
        tenant: `t${(index * 13) % 501}`,
        width: index * 11,
        height: 1,
      });
      const plain = routes.find(
        ({ match }) =>
          (match.purposes?.includes(features.purpose ?? "") ?? true) &&
          (match.tenants?.includes(features.tenant) ?? true) &&
          features.width > 0 &&
          features.width >= (match.minPixels ?? 0),
      );
      const found = decide(features);
      expect(found.ok && found.value.route).toBe(plain?.name ?? "gpu-cluster");
    }
  });
});

describe("the default route", () => {
  it("is a cluster with its default model", () => {
    expect(classify({ purpose: "preview" }, { routes: [] })).toEqual({
      purpose: "preview",
      route: "gpu-cluster",
      cluster: "gpu-cluster",
      model: "nano-banana-pro",
      policy: "fast-preview",
      reason: "declared preview; default; gpu-cluster",
    });
  });

  it.each([
    ["preview", "fast-preview"],
    ["draft-art", "draft"],
    ["high-res-export", "quality-render"],
    ["retouch", "fast-preview"],
  ])("on a cluster serves %s under that purpose's own policy", (purpose, policy) => {
    const infer = [{ id: "infer[0]", when: {}, purpose: "retouch" }];
    expect(classify({ purpose }, { routes: [], infer }).policy).toBe(policy);
  });

  it("is another route", () => {
    const routes = [aRoute({ name: "draft-art", id: "routes[0]", model: "nano-banana" })];
    const defaultRoute = { kind: "route", route: "draft-art" } as const;
    expect(classify({ purpose: "preview" }, { routes, defaultRoute })).toMatchObject({
      route: "draft-art",
      model: "nano-banana",
      reason: "declared preview; default; routes[0]",
    });
  });
});

describe("a model asked for by name", () => {
  it("replaces the model and keeps the route's policy", () => {
    expect(classify({ purpose: "preview", model: "nano-banana-pro" })).toEqual({
      purpose: "preview",
      route: "preview",
      model: "nano-banana-pro",
      policy: "fast-preview",
      reason: "declared preview; routes[1]; model requested",
    });
  });

  it("keeps the default cluster", () => {
    expect(classify({ model: "sd35-medium" }, { routes: [] })).toMatchObject({
      cluster: "gpu-cluster",
      model: "sd35-medium",
    });
  });

  it.each(["nobody", "constructor", "upscaler"])("is refused when it draws nothing (%s)", (model) => {
    const models = { upscaler: { kind: "upscale" as const } };
    expect(refuse({ model }, { models })).toMatchObject({ code: "model_unknown", path: "/model" });
  });
});

describe("reasons", () => {
  it("are short and fit into a header", () => {
    const requests = [{}, { exportFlag: true }, { purpose: "preview", model: "nano-banana" }, { hasOverlays: true }];
    for (const features of requests) {
      expect(classify(features).reason).toMatch(/^[\x20-\x7e]{1,100}$/);
      expect(classify(features, { routes: [] }).reason).toMatch(/^[\x20-\x7e]{1,100}$/);
    }
  });
});

function present<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error("missing");
  return value;
}

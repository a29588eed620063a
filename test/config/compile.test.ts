/** What the compiler makes of files that are sound. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { compile, findModel, type Snapshot } from "../../routing/authoring.ts";
import { TIERS } from "../../routing/config/policy-defaults.ts";
import { ROUTING_DIR, readSource } from "./case-file.ts";

const localCatalog = readSource(join(ROUTING_DIR, "catalog.local.yml")).text;
const validFile = (name: string) => readSource(join(import.meta.dirname, "valid", `${name}.yml`)).text;

async function compiled(texts: { readonly routing: string; readonly catalog?: string }): Promise<Snapshot> {
  const result = await compile({
    routing: { file: "routing.yml", text: texts.routing },
    catalog: { file: "catalog.yml", text: texts.catalog ?? localCatalog },
  });
  if (!result.ok) throw new Error(JSON.stringify(result.problems, null, 2));
  return result.snapshot;
}

const PREVIEW = `default_route: preview\nroutes:\n  - { match: preview, model: SD3.5 Medium }\n`;

describe("the case study's file", () => {
  it("sends each purpose to its model under its tier, and the rest to the cluster", async () => {
    const { routing, catalog } = (await compiled({ routing: validFile("case-study") })).content;
    expect(routing.routes.map(({ name, model, policy }) => [name, model, policy])).toEqual([
      ["preview", "sd3.5-medium", "fast-preview"],
      ["high-res-export", "nano-banana-pro", "quality-render"],
      ["draft-art", "nano-banana", "draft"],
    ]);
    expect(routing.defaultRoute).toEqual({ kind: "cluster", cluster: "gpu-cluster" });
    expect(routing.policies).toEqual(TIERS);
    expect(catalog.places["gpu-cluster"]).toMatchObject({ kind: "cluster", defaultModel: "sd3.5-medium" });
  });

  it("infers only purposes that a route serves", async () => {
    const { infer } = (await compiled({ routing: validFile("case-study") })).content.routing;
    expect(infer.map(({ id, purpose }) => [id, purpose])).toEqual([
      ["infer[0]", "high-res-export"],
      ["infer[1]", "high-res-export"],
      ["infer[2]", "draft-art"],
      ["infer[3]", "preview"],
    ]);
    expect(infer.at(-1)?.when).toEqual({});
  });

  it("finds each model by the names that are printed there and by those of the docker call", async () => {
    const { catalog } = (await compiled({ routing: validFile("case-study") })).content;
    const found = [
      "Nano Banana PRONew",
      "Nano BananaNew",
      "SD3.5_Medium",
      "sd3.5 medium",
      "Ideogram V2A Turbo",
      "constructor",
    ];
    expect(found.map((name) => findModel(catalog, name)?.id)).toEqual([
      "nano-banana-pro",
      "nano-banana",
      "sd3.5-medium",
      "sd3.5-medium",
      "ideogram-v2a-turbo",
      undefined,
    ]);
  });
});

describe("a policy", () => {
  it("reads every key in base units", async () => {
    const { routing } = (await compiled({ routing: validFile("every-key") })).content;
    expect(routing.policies.own).toEqual({
      name: "own",
      mode: "inline",
      priority: "interactive",
      deadlineMs: 20_000,
      attemptTimeoutMs: 5000,
      reserveMs: 250,
      maxAttempts: 6,
      fallback: [
        { step: "same-model" },
        { step: "sibling-region" },
        { step: "faster-model" },
        { step: "any-region" },
        { step: "cluster" },
        { step: "model", model: "sd3.5-medium", upscale: true },
        { step: "model", model: "nano-banana", upscale: false },
        { step: "stale" },
      ],
      overlap: true,
      hedge: { afterQuantile: 0.995, budget: 0.025 },
      extraAttempts: 0.2,
      headBytes: 524_288,
      seed: "derived",
      staleMaxAgeMs: 3_600_000,
      downgrade: {
        enterAt: 0.9,
        enterTicks: 2,
        leaveAt: 0.6,
        leaveTicks: 6,
        tickMs: 2000,
        dwellMs: 60_000,
        keepUpper: 0.01,
      },
      cacheMs: 86_400_000,
      promote: true,
      progressive: { draft: "sd3.5-medium-fast" },
      acceptSecondBill: true,
      sloMs: 4000,
    });
  });

  it("starts from the built-in one of its name, and one of another name from its tier", async () => {
    const { policies } = (await compiled({ routing: validFile("every-key") })).content.routing;
    const { hedge: _none, ...unhedged } = TIERS["fast-preview"];
    expect(policies["fast-preview"]).toEqual(unhedged);
    const { attemptTimeoutMs: _unbounded, ...untimed } = TIERS["quality-render"];
    expect(policies.prints).toEqual({ ...untimed, name: "prints" });
  });

  it("may be written once and merged into others", async () => {
    const { policies } = (await compiled({ routing: validFile("anchors") })).content.routing;
    expect(policies.thrifty).toEqual({ ...policies.patient, name: "thrifty" });
    expect(policies.lavish).toEqual({ ...policies.patient, name: "lavish", maxAttempts: 6 });
  });

  it("takes its objective from its own deadline, and no attempt timeout beyond it", async () => {
    const text = `${PREVIEW}policies:\n  quality-render: { deadline: 1m }\n`;
    const { policies } = (await compiled({ routing: text })).content.routing;
    expect(policies["quality-render"]).toMatchObject({ deadlineMs: 60_000, sloMs: 60_000, attemptTimeoutMs: 60_000 });
  });
});

describe("conditions, rules and canaries", () => {
  it("read every key", async () => {
    const { routing } = (await compiled({ routing: validFile("every-key") })).content;
    expect(routing.defaultRoute).toEqual({ kind: "route", route: "compositing" });
    expect(routing.routes[0]?.match).toEqual({
      purposes: ["preview", "compositing"],
      hasText: true,
      automation: false,
      exportFlag: false,
      hasImage: false,
      hasMask: false,
      minPixels: 65_536,
      maxPixels: 2_000_000,
      tenants: ["acme"],
      countries: ["NO"],
    });
    expect(routing.infer[0]).toMatchObject({
      id: "infer[0]",
      purpose: "high-res-export",
      when: { countries: ["FR", "NO"] },
    });
    expect(routing.canaries.next).toEqual({
      name: "next",
      route: "preview",
      candidate: "sd3.5-medium-next",
      ramp: [0.01, 0.05, 0.15, 0.3],
      stickTo: "tenant",
      salt: "autumn",
      mode: "observe",
      guard: { errors: 2, sloMisses: 1.25 },
      minRequests: 1000,
      minHours: 36,
      shadow: 0.02,
      shadowGpuMsPerDay: 1_800_000,
    });
  });

  it("fall back to the canary's defaults", async () => {
    const text = `${PREVIEW}canaries:\n  next: { route: preview, candidate: SD3.5 Medium next, ramp: [30%] }\n`;
    const { canaries } = (await compiled({ routing: text })).content.routing;
    expect(canaries.next).toMatchObject({
      stickTo: "session",
      salt: "next",
      mode: "enforce",
      guard: { errors: 1.5, sloMisses: 1.5 },
      minRequests: 500,
      minHours: 24,
      shadow: 0,
    });
  });
});

describe("a model", () => {
  it("takes over from the one it is a variant of, but for names and links", async () => {
    const { models } = (await compiled({ routing: PREVIEW })).content.catalog;
    const base = models["sd3.5-medium"]!;
    const { faster: _own, ...rest } = base;
    expect(models["sd3.5-medium-fast"]).toEqual({
      ...rest,
      id: "sd3.5-medium-fast",
      name: "SD3.5 Medium fast",
      parameters: { steps: 10, guidance: 4.5, extra: {} },
      expected: { p50Ms: 600, p95Ms: 800 },
    });
  });

  it("is asked for by its pin where no upstream name is given", async () => {
    const { models } = (await compiled({ routing: PREVIEW })).content.catalog;
    expect(models["sd3.5-medium"]?.upstreamName).toBe(models["sd3.5-medium"]?.pin);
  });
});

describe("the catalogue", () => {
  it("reads every key in base units", async () => {
    const texts = { routing: validFile("small-routing"), catalog: validFile("small-every-catalog-key") };
    const { catalog } = (await compiled(texts)).content;
    const { faster: _faster, successor: _successor, ...inherited } = catalog.models.painter!;
    expect(catalog.models.painter).toEqual({
      id: "painter",
      name: "The Painter",
      kind: "generate",
      dialect: "openai-images",
      pin: "painter@0123456789ab",
      upstreamName: "painter-upstream",
      faster: "painter-fast",
      successor: "painter-two",
      capabilities: {
        size: "ratio",
        sizeMultiple: 8,
        maxPixels: 1_500_000,
        seed: true,
        negativePrompt: true,
        steps: true,
        guidance: true,
        image: true,
        mask: true,
        formats: ["webp", "png", "jpeg"],
      },
      parameters: { steps: 30, guidance: 5, extra: { style_type: "DESIGN", strength: 0.5, tiled: true } },
      price: {
        perImageUsd: 0.01,
        perMegapixelUsd: 0.02,
        perGpuSecondUsd: 0.0006,
        perMillionInputTokensUsd: 0.3,
        perMillionOutputTokensUsd: 30,
      },
      expected: { p50Ms: 1000, p95Ms: 1500 },
    });
    expect(catalog.models["painter-fast"]).toEqual({
      ...inherited,
      id: "painter-fast",
      name: "painter-fast",
      parameters: { steps: 8, guidance: 5, extra: { style_type: "DESIGN", strength: 0.5, tiled: false } },
      expected: { p50Ms: 300, p95Ms: 400 },
    });
    expect(catalog.models.enlarger?.capabilities).toMatchObject({ upscaleFactor: 2, image: true, sizeMultiple: 1 });
    expect(catalog.endpoints).toEqual({
      "weur-a": {
        id: "weur-a",
        model: "painter",
        place: "weur",
        url: "https://a.gpu.example/base",
        dialect: "openai-images",
        flavor: "sglang",
        concurrency: { kind: "known", slots: 4 },
        secret: "A_KEY",
        honoursCancel: true,
        failureDomain: "hall-1",
        pictureHosts: ["cdn.example.com", "*.pictures.example.com"],
      },
      "weur-b": expect.objectContaining({
        concurrency: { kind: "adaptive", initial: 2, max: 8 },
        honoursCancel: false,
        failureDomain: "weur",
        pictureHosts: [],
      }),
      "gpu-a": expect.objectContaining({ place: "gpu" }),
    });
    expect(catalog.places).toEqual({
      weur: {
        kind: "region",
        id: "weur",
        locationHint: "weur",
        colos: ["CDG"],
        countries: ["FR", "NO"],
        continents: ["EU"],
        latitude: -12.5,
        longitude: 180,
        fallback: ["enam"],
      },
      enam: expect.objectContaining({ kind: "region", colos: [], fallback: [] }),
      gpu: { kind: "cluster", id: "gpu", locationHint: "enam", defaultModel: "painter" },
    });
  });

  it("takes another version's own upstream name for a variant with another pin", async () => {
    const { models } = (await compiled({ routing: PREVIEW })).content.catalog;
    expect(models["sd3.5-medium-next"]?.upstreamName).toBe(models["sd3.5-medium-next"]?.pin);
    expect(models["sd3.5-medium-next"]?.pin).not.toBe(models["sd3.5-medium"]?.pin);
  });
});

describe("the version", () => {
  const shuffled = `routes:\n- model: "sd3.5_medium"\n  match: { purpose: preview }\n# a remark\ndefault_route: preview\n`;

  it("does not depend on the order of keys, on comments, spelling or form", async () => {
    const one = await compiled({ routing: PREVIEW });
    const other = await compiled({ routing: shuffled, catalog: reversedSections(localCatalog) });
    expect(other.version).toBe(one.version);
    expect(one.version).toMatch(/^[0-9a-f]{16}$/);
  });

  it("changes with the content", async () => {
    const one = await compiled({ routing: PREVIEW });
    const other = await compiled({ routing: `${PREVIEW}policies:\n  fast-preview: { deadline: 9s }\n` });
    expect(other.version).not.toBe(one.version);
  });
});

/** The file with its top-level sections in the opposite order. */
function reversedSections(text: string): string {
  return text
    .split(/^(?=[a-z]+:)/m)
    .reverse()
    .join("\n");
}

describe("a big configuration", () => {
  it("compiles: 2,000 routes, 200 models, 1,000 endpoints", async () => {
    const { routing, catalog } = (await compiled(bigConfiguration())).content;
    expect(routing.routes).toHaveLength(2000);
    expect(Object.keys(catalog.models)).toHaveLength(200);
    expect(Object.keys(catalog.endpoints)).toHaveLength(1000);
  });
});

function bigConfiguration(): { readonly routing: string; readonly catalog: string } {
  const lines = (count: number, line: (index: number) => string) =>
    Array.from({ length: count }, (_, index) => line(index));
  return {
    routing: [
      "default_route: purpose-0",
      "routes:",
      ...lines(2000, (i) => `  - { match: { purpose: purpose-${i}, tenants: [t${i % 50}] }, model: Model ${i % 200} }`),
    ].join("\n"),
    catalog: [
      "models:",
      ...lines(
        200,
        (i) =>
          `  model-${i}: { name: Model ${i}, dialect: generate, pin: m${i}@1, capabilities: { max_pixels: 2MP }, expected: { p50: 1s, p95: 2s } }`,
      ),
      "endpoints:",
      ...lines(
        1000,
        (i) =>
          `  e-${i}: { model: model-${i % 200}, region: r-${i % 20}, url: "https://e${i}.gpu.example", concurrency: 4 }`,
      ),
      "regions:",
      ...lines(20, (i) => `  r-${i}: { location_hint: weur, latitude: ${i}, longitude: ${i} }`),
    ].join("\n"),
  };
}

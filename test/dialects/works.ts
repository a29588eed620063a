/**
 * One sound piece of work per dialect (and per server or mode where a dialect has several), for the suites that hold for all.
 */
import type { DialectName, Endpoint, Model } from "../../routing/config/snapshot.ts";
import type { Target, Work } from "../../routing/dialects/dialect.ts";
import type { ImageRequest } from "../../routing/image/request.ts";
import { aModel, anEndpoint } from "../support/snapshot-parts.ts";

/** Words that must never turn up in a warning, a failure or a URL. */
export const SECRET_PROMPT = "a purple Wolpertinger juggling xylophones";
export const SECRET_NEGATIVE = "blurred quokkas";
export const SECRET_OVERLAY = "Zanzibar Jazz 1959";
export const KEY = "key-0123456789abcdef";

export interface Scene {
  readonly work: Work;
  readonly target: Target;
}

export function aRequest(parts: Partial<ImageRequest> = {}): ImageRequest {
  return { prompt: SECRET_PROMPT, width: 1024, height: 1024, seed: 4711, text: [], format: "png", ...parts };
}

export interface SceneParts {
  readonly model?: Partial<Model>;
  readonly endpoint?: Partial<Endpoint>;
  readonly request?: Partial<ImageRequest>;
  readonly work?: Partial<Work>;
  readonly key?: string | undefined;
}

/** A scene of that dialect; every part can be changed. */
export function aScene(dialect: DialectName, parts: SceneParts = {}): Scene {
  const base = DEFAULTS[dialect];
  const model = aModel({ id: "the-model", dialect, ...base.model, ...parts.model });
  const endpoint = anEndpoint({ id: "the-endpoint", dialect, secret: "THE_KEY", ...base.endpoint, ...parts.endpoint });
  const key = "key" in parts ? parts.key : KEY;
  return {
    work: {
      model,
      request: aRequest(parts.request),
      timeoutMs: 7_250,
      attemptId: "req-1-2",
      traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      ...parts.work,
    },
    target: { endpoint, ...(key === undefined ? {} : { key }) },
  };
}

const SD35 = "sd3.5-medium@b940f670f0ed";

const DEFAULTS: Readonly<Record<DialectName, { model: Partial<Model>; endpoint: Partial<Endpoint> }>> = {
  generate: { model: { pin: SD35, upstreamName: SD35 }, endpoint: { url: "http://127.0.0.1:9001" } },
  "openai-images": {
    model: { pin: SD35, upstreamName: SD35 },
    endpoint: { url: "http://127.0.0.1:9002/", flavor: "vllm-omni" },
  },
  gemini: {
    model: {
      pin: "gemini-3-pro-image",
      upstreamName: "gemini-3-pro-image",
      price: { perMillionInputTokensUsd: 2, perMillionOutputTokensUsd: 120 },
    },
    endpoint: { url: "https://generativelanguage.googleapis.com" },
  },
  ideogram: {
    model: { pin: "V_2A_TURBO", upstreamName: "V_2A_TURBO", price: { perImageUsd: 0.025 } },
    endpoint: { url: "https://api.ideogram.ai", pictureHosts: ["ideogram.ai"] },
  },
  stability: {
    model: { pin: "sd3.5-medium", upstreamName: "sd3.5-medium", price: { perImageUsd: 0.035 } },
    endpoint: { url: "https://api.stability.ai" },
  },
  "workers-ai": {
    model: {
      pin: "@cf/leonardo/phoenix-1.0",
      upstreamName: "@cf/leonardo/phoenix-1.0",
      price: { perImageUsd: 0.01 },
    },
    endpoint: { url: "https://api.cloudflare.com/client/v4/accounts/acc" },
  },
};

/** What a fixture's `case` asks for. */
export function sceneOfCase(dialect: DialectName, what: Readonly<Record<string, string>> = {}): SceneParts {
  const model = MODELS_OF_CASE[`${dialect} ${what.flavor ?? what.model ?? ""}`];
  return {
    ...(model === undefined ? {} : { model }),
    ...(what.flavor === undefined ? {} : { endpoint: { flavor: what.flavor as NonNullable<Endpoint["flavor"]> } }),
    ...(model?.kind === "upscale" ? { request: { image: ONE_PIXEL } } : {}),
  };
}

/** A real PNG of one pixel. */
export const ONE_PIXEL = {
  format: "png",
  bytes: Uint8Array.from(
    atob("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="),
    (letter) => letter.charCodeAt(0),
  ),
} as const;

const MODELS_OF_CASE: Readonly<Record<string, Partial<Model>>> = {
  "openai-images openai": {
    pin: "gpt-image-2-2026-04-21",
    upstreamName: "gpt-image-2-2026-04-21",
    price: { perMillionInputTokensUsd: 5, perMillionOutputTokensUsd: 30 },
  },
  "stability fast": { kind: "upscale", pin: "fast", upstreamName: "upscale-fast", price: { perImageUsd: 0.02 } },
  "stability creative": {
    kind: "upscale",
    pin: "creative",
    upstreamName: "upscale-creative",
    price: { perImageUsd: 0.6 },
  },
};

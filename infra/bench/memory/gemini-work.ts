/** One piece of work for the gemini dialect, as the router would hand it over. */
import type { Model } from "../../../routing/config/snapshot.ts";
import type { Target, Work } from "../../../routing/dialects/dialect.ts";

const MODEL: Model = {
  id: "bench",
  name: "bench",
  kind: "generate",
  dialect: "gemini",
  pin: "gemini-3-pro-image",
  upstreamName: "gemini-3-pro-image",
  capabilities: {
    sizeMultiple: 1,
    maxPixels: 40_000_000,
    size: "ratio",
    seed: true,
    negativePrompt: false,
    steps: false,
    guidance: false,
    image: true,
    mask: false,
    formats: ["png"],
  },
  parameters: { extra: {} },
  price: { perImageUsd: 0.134 },
  expected: { p50Ms: 10, p95Ms: 50 },
};

export const WORK: Work = {
  request: { prompt: "bench", width: 4096, height: 4096, seed: 1, text: [], format: "png" },
  model: MODEL,
  timeoutMs: 60_000,
  attemptId: "bench-1",
};

export function targetAt(url: string): Target {
  return {
    endpoint: {
      id: "bench-a",
      model: MODEL.id,
      place: "weur",
      url,
      dialect: "gemini",
      concurrency: { kind: "known", slots: 64 },
      honoursCancel: false,
      failureDomain: "weur",
      pictureHosts: [],
    },
  };
}

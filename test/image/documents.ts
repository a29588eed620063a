/** JSON documents with a picture in them, as upstreams send them, and the reference for what must be found in one. */
import type { PictureField } from "../../routing/dialects/dialect.ts";

export const GEMINI: PictureField = {
  paths: [["candidates", "*", "content", "parts", "*", "inlineData", "data"]],
  unless: "thought",
};

export const OPENAI: PictureField = { paths: [["data", "*", "b64_json"]] };

/** The document of providers.md §1.4: thoughts first, then the picture. */
export function geminiDocument(parts: readonly unknown[]): unknown {
  return {
    candidates: [{ index: 0, finishReason: "STOP", content: { role: "model", parts } }],
    usageMetadata: {
      promptTokenCount: 14,
      candidatesTokenCount: 1120,
      totalTokenCount: 1344,
      trafficType: "ON_DEMAND",
    },
    modelVersion: "gemini-3-pro-image",
    responseId: "r-ü✓",
  };
}

export function geminiPart(bytes: Uint8Array, extra: Readonly<Record<string, unknown>> = {}): unknown {
  return { inlineData: { mimeType: "image/png", data: Buffer.from(bytes).toString("base64") }, ...extra };
}

/** The same with the flag before the data. */
export function geminiThought(bytes: Uint8Array): unknown {
  return { thought: true, ...(geminiPart(bytes) as object) };
}

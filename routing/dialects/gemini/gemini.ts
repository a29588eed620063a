/**
 * `gemini`: Google's generateContent, as it serves Nano Banana, Nano Banana PRO and their successors.
 *
 * Source: `@google/genai` 3.1 and ai.google.dev/gemini-api/docs/image-generation (providers.md §1). The base URL is the host (then
 * `/v1beta` is added) or goes down to a publisher (`…/v1beta1/publishers/google`, Vertex express mode with the same key header).
 * Width and height become a ratio and a size class; there are no steps, no guidance, no mask, no negative prompt. `modelVersion` is
 * the only evidence of the pin. Closing the connection stops nothing here: the work is billed.
 */
import type { Model } from "../../config/snapshot.ts";
import type { AttemptFailure, Result } from "../../failure/index.ts";
import { encodeBase64 } from "../../image/base64-encode.ts";
import { MEDIA_TYPES } from "../../image/request.ts";
import type { Size } from "../../image/size.ts";
import { jsonCall, missingSecret, upstreamUrl, workHeaders } from "../call.ts";
import { costOf } from "../cost.ts";
import type { Begun, Call, Dialect, Reading, Reported, ResponseHead, Target, Tokens, Work } from "../dialect.ts";
import { decideOptions, type Options } from "../options.ts";
import { withOverlayText } from "../overlay-text.ts";
import { listAt, numberAt, textAt } from "../read-json.ts";
import { sizeWarnings } from "../size.ts";
import { badResponse, bodyKind, isSuccess, unreadable } from "../success.ts";
import { errorReading } from "../upstream-error.ts";
import { judge, judgeSuccess } from "./judge.ts";
import { chooseGeminiSize, type GeminiSize } from "./sizes.ts";

const TAKES = {
  negativePrompt: false,
  steps: false,
  guidance: false,
  seed: true,
  image: true,
  // "≤14" of the newer models, 3 of 2.5: the catalogue's `max_images` says which (providers.md §1.3).
  maxImages: 14,
  mask: false,
  upscale: false,
} as const;

/** Categories that a `safetyThreshold` in the catalogue sets (providers.md §1.3). */
const HARM_CATEGORIES = ["HARASSMENT", "HATE_SPEECH", "SEXUALLY_EXPLICIT", "DANGEROUS_CONTENT"];

export const gemini: Dialect = { name: "gemini", begin, usualSize: (model, asked) => sizeFor(model, asked).coming };

function begin(work: Work, target: Target): Result<Begun, AttemptFailure> {
  const unset = missingSecret(target);
  if (unset !== undefined) return { ok: false, failure: unset };
  const options = decideOptions(work, TAKES);
  if (!options.ok) return options;
  const { request } = work;
  const size = sizeFor(work.model, request);
  return {
    ok: true,
    value: {
      step: {
        call: callOf({ work, target, size, options: options.value }),
        receive: (head) => receive(head, { work, size, options: options.value }),
      },
      warnings: [...options.value.warnings, ...sizeWarnings(request, size.coming)],
    },
  };
}

function sizeFor(model: Model, asked: Size): GeminiSize {
  const { imageSize } = model.parameters.extra;
  return chooseGeminiSize({
    asked: { width: asked.width, height: asked.height },
    model: modelId(model),
    maxPixels: model.capabilities.maxPixels,
    ...(typeof imageSize === "string" ? { fixedClass: imageSize } : {}),
  });
}

interface Chosen {
  readonly work: Work;
  readonly size: GeminiSize;
  readonly options: Options;
}

function modelId(model: Model): string {
  return model.upstreamName.replace(/^models\//, "");
}

function callOf(chosen: Chosen & { readonly target: Target }): Call {
  const { work, target } = chosen;
  const base = target.endpoint.url;
  const hasVersion = /\/v\d/.test(new URL(base).pathname);
  const path = `${hasVersion ? "" : "/v1beta"}/models/${encodeURIComponent(modelId(work.model))}:generateContent`;
  const headers = {
    accept: "application/json",
    ...workHeaders(work),
    // Whole seconds, as Google's own SDK sends it, so that work is not continued for nobody.
    "x-server-timeout": String(Math.max(1, Math.ceil(work.timeoutMs / 1000))),
    ...(target.key === undefined ? {} : { "x-goog-api-key": target.key }),
  };
  return jsonCall(upstreamUrl(base, path), headers, bodyOf(chosen));
}

function bodyOf(chosen: Chosen): Record<string, unknown> {
  const { work, size, options } = chosen;
  const { request, model } = work;
  const { imageSize: _chosen, personGeneration, thinkingLevel, safetyThreshold, ...others } = model.parameters.extra;
  const references = [...(request.image === undefined ? [] : [request.image]), ...(request.moreImages ?? [])];
  const pictures = references.map(({ format, bytes }) => ({
    inlineData: { mimeType: MEDIA_TYPES[format], data: encodeBase64(bytes) },
  }));
  return {
    contents: [{ role: "user", parts: [{ text: withOverlayText(request.prompt, request.text) }, ...pictures] }],
    generationConfig: {
      ...others,
      responseModalities: ["IMAGE"],
      imageConfig: { aspectRatio: size.ratio, imageSize: size.sizeClass, personGeneration },
      seed: options.takes.seed ? request.seed : undefined,
      thinkingConfig: thinkingLevel === undefined ? undefined : { thinkingLevel },
    },
    safetySettings:
      safetyThreshold === undefined
        ? undefined
        : HARM_CATEGORIES.map((name) => ({ category: `HARM_CATEGORY_${name}`, threshold: safetyThreshold })),
  };
}

function receive(head: ResponseHead, chosen: Chosen): Reading {
  if (!isSuccess(head)) return errorReading(head, chosen.work, judge);
  const kind = bodyKind(head);
  if (kind !== "json") return unreadable(kind);
  return {
    read: "embedded",
    select: {
      paths: [["candidates", "*", "content", "parts", "*", "inlineData", "data"]],
      unless: "thought",
      // A model that thinks may show more than one (providers.md §1.4: the last one counts).
      which: "last",
    },
    settle: (document) => {
      if (typeof document !== "object" || document === null) return { ok: false, failure: badResponse("not_json") };
      const failure = judgeSuccess(document);
      return failure === undefined ? { ok: true, value: reportedOf(document, chosen) } : { ok: false, failure };
    },
  };
}

function reportedOf(document: unknown, chosen: Chosen): Reported {
  const { work, size, options } = chosen;
  const pin = textAt(document, "modelVersion")?.replace(/^models\//, "");
  const inputTokens = numberAt(document, "usageMetadata", "promptTokenCount");
  const outputTokens = pictureTokens(document);
  const costUsd = costOf(work.model, size.coming, {
    ...(inputTokens === undefined ? {} : { inputTokens }),
    ...(outputTokens === undefined ? {} : { outputTokens }),
  });
  const tokens = tokensOf(document);
  return {
    ...(pin === undefined ? {} : { pin }),
    ...(options.takes.seed ? { seed: work.request.seed } : {}),
    ...(costUsd === undefined ? {} : { costUsd }),
    ...(tokens === undefined ? {} : { tokens }),
  };
}

/** `undefined` where the answer has no counts. What the model thought is output, too. */
function tokensOf(document: unknown): Tokens | undefined {
  const count = (name: string) => numberAt(document, "usageMetadata", name);
  const [input, candidates] = [count("promptTokenCount"), count("candidatesTokenCount")];
  if (input === undefined || candidates === undefined) return undefined;
  const split = listAt(document, "usageMetadata", "promptTokensDetails");
  const ofInput = (modality: string) =>
    numberAt(
      split.find((entry) => textAt(entry, "modality") === modality),
      "tokenCount",
    );
  const [inputText, inputImage] = [ofInput("TEXT"), ofInput("IMAGE")];
  return {
    input,
    output: candidates + (count("thoughtsTokenCount") ?? 0),
    ...(inputText === undefined ? {} : { inputText }),
    ...(inputImage === undefined ? {} : { inputImage }),
  };
}

/** Billed by the picture's own tokens (providers.md §1.1); all of the candidate's where the answer does not split them. */
function pictureTokens(document: unknown): number | undefined {
  const split = listAt(document, "usageMetadata", "candidatesTokensDetails");
  const ofPicture = split.find((entry) => textAt(entry, "modality") === "IMAGE");
  return numberAt(ofPicture, "tokenCount") ?? numberAt(document, "usageMetadata", "candidatesTokenCount");
}

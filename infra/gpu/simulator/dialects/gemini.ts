/**
 * Server side of Gemini's generateContent for image models.
 *
 * What makes it hard is all here: blocks come as 200, thinking models send a draft first as a thought part, a wrong key is a 400,
 * and a 429 may mean a minute or a day.
 */
import { z } from "zod";
import { digestOf } from "../chance.ts";
import { drawElsewhere } from "../draw/easel.ts";
import type { PictureFormat } from "../draw/picture.ts";
import { toSheet } from "../draw/sheet.ts";
import type { Exchange, Order, Reply, ServerDialect, Trouble, TroubleKind } from "../exchange.ts";
import { base64, json, MEDIA_TYPES, NOBODY, readJson, troubleOf } from "../reply.ts";
import { asksForFilter, triggeredTrouble } from "../triggers.ts";
import { geminiSize, type Size } from "./gemini-sizes.ts";

const Blob_ = z.object({ mimeType: z.string(), data: z.string() });
const Body = z.object({
  contents: z
    .array(
      z.object({
        role: z.string().optional(),
        parts: z.array(z.looseObject({ text: z.string().optional(), inlineData: Blob_.optional() })).min(1),
      }),
    )
    .min(1),
  generationConfig: z
    .looseObject({
      responseModalities: z.array(z.string()).optional(),
      imageConfig: z.looseObject({ aspectRatio: z.string().optional(), imageSize: z.string().optional() }).optional(),
      seed: z.int().optional(),
    })
    .optional(),
});
type Body = z.infer<typeof Body>;

const MODEL_PATH =
  /^(?:\/v1beta1?|\/v1)?(?:\/projects\/[\w-]+\/locations\/[\w-]+\/publishers\/google)?\/models\/(?<model>[\w.-]+)/;

/** Speaks generateContent, also as a stream of one event. */
export const gemini: ServerDialect = {
  routes: [
    { method: "POST", path: new RegExp(`${MODEL_PATH.source}:generateContent$`), work: true, handle: generateContent },
    { method: "POST", path: new RegExp(`${MODEL_PATH.source}:streamGenerateContent$`), work: true, handle: asStream },
  ],
  keyIn: (headers, query) => headers.get("x-goog-api-key") ?? query.get("key") ?? undefined,
  trouble,
  empty: ({ servedName }) =>
    json(200, {
      candidates: [{ index: 0, finishReason: "NO_IMAGE", content: { role: "model" } }],
      usageMetadata: { promptTokenCount: 8, totalTokenCount: 8 },
      modelVersion: servedName,
    }),
};

const ERRORS: Readonly<Record<TroubleKind, readonly [status: number, word: string]>> = {
  invalid: [400, "INVALID_ARGUMENT"],
  unauthorized: [400, "INVALID_ARGUMENT"],
  refused: [200, ""],
  "model-gone": [404, "NOT_FOUND"],
  "rate-limited": [429, "RESOURCE_EXHAUSTED"],
  "quota-exhausted": [429, "RESOURCE_EXHAUSTED"],
  "server-error": [500, "INTERNAL"],
  unavailable: [503, "UNAVAILABLE"],
  "timed-out": [504, "DEADLINE_EXCEEDED"],
};

function trouble({ kind, message, retryAfterS }: Trouble, { servedName }: { readonly servedName: string }): Reply {
  if (kind === "refused") return promptBlocked(servedName);
  const [code, status] = ERRORS[kind];
  const text = kind === "unauthorized" ? "API key not valid. Please pass a valid API key." : message;
  const details = detailsOf(kind, servedName, retryAfterS ?? 17);
  return json(code, { error: { code, message: text, status, ...(details.length > 0 && { details }) } });
}

function detailsOf(kind: TroubleKind, model: string, retryAfterS: number): readonly object[] {
  if (kind === "unauthorized") {
    return [
      { "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "API_KEY_INVALID", domain: "googleapis.com" },
    ];
  }
  if (kind !== "rate-limited" && kind !== "quota-exhausted") return [];
  const span = kind === "rate-limited" ? "PerMinute" : "PerDay";
  const failure = {
    "@type": "type.googleapis.com/google.rpc.QuotaFailure",
    violations: [
      {
        quotaMetric: "generativelanguage.googleapis.com/generate_requests_per_model",
        quotaId: `GenerateRequests${span}PerProjectPerModel`,
        quotaDimensions: { location: "global", model },
        quotaValue: "10",
      },
    ],
  };
  const help = {
    "@type": "type.googleapis.com/google.rpc.Help",
    links: [{ description: "Learn more", url: "https://ai.google.dev/gemini-api/docs/rate-limits" }],
  };
  if (kind === "quota-exhausted") return [failure, help];
  return [failure, help, { "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: `${retryAfterS}s` }];
}

function promptBlocked(model: string): Reply {
  return json(200, {
    promptFeedback: { blockReason: "PROHIBITED_CONTENT" },
    usageMetadata: { promptTokenCount: 8, totalTokenCount: 8 },
    modelVersion: model,
    responseId: responseId(),
  });
}

async function asStream(exchange: Exchange): Promise<Reply> {
  const reply = await generateContent(exchange);
  if (reply.status !== 200) return { ...reply, body: `[${String(reply.body)}]` };
  return { ...reply, headers: { "content-type": "text/event-stream" }, body: `data: ${String(reply.body)}\r\n\r\n` };
}

async function generateContent(exchange: Exchange): Promise<Reply> {
  const { endpoint } = exchange;
  const asked = exchange.params.model ?? "";
  const parsed = Body.safeParse(readJson(exchange.body));
  if (!parsed.success) return trouble({ kind: "invalid", message: z.prettifyError(parsed.error) }, endpoint);
  if (asked !== endpoint.servedName) {
    const message = `models/${asked} is not found for API version v1beta, or is not supported for generateContent.`;
    return trouble({ kind: "model-gone", message }, endpoint);
  }
  const config = parsed.data.generationConfig;
  const size = geminiSize(asked, config?.imageConfig?.aspectRatio, config?.imageConfig?.imageSize);
  if (typeof size === "string") return trouble({ kind: "invalid", message: size }, endpoint);
  return render(exchange, parsed.data, size);
}

/** Most reference pictures: three of 2.5, fourteen of the newer ones. */
const mostReferences = (model: string): number => (model.includes("2.5-flash") ? 3 : 14);

async function render(exchange: Exchange, body: Body, size: Size): Promise<Reply> {
  const { endpoint } = exchange;
  const parts = body.contents.flatMap((content) => content.parts);
  const prompt = parts.flatMap(({ text }) => text ?? []).join("\n");
  const references = parts.flatMap(({ inlineData }) => inlineData ?? []);
  const model = exchange.params.model ?? "";
  if (references.length > mostReferences(model)) {
    const message = `${model} takes at most ${mostReferences(model)} input images, ${references.length} were given.`;
    return trouble({ kind: "invalid", message }, endpoint);
  }
  const seed = body.generationConfig?.seed ?? exchange.drawSeed();
  const serverTimeoutS = Number(exchange.headers.get("x-server-timeout"));
  const hintMs = Number(exchange.headers.get("x-timeout-ms"));
  const timeoutMs = serverTimeoutS > 0 ? serverTimeoutS * 1000 : hintMs;
  exchange.note({ seed, model, ...(timeoutMs > 0 && { timeoutMs }) });
  const refusal = triggeredTrouble(prompt);
  if (refusal) return trouble(refusal, endpoint);
  const pictures = references.map(({ data }) => Uint8Array.from(Buffer.from(data, "base64")));
  const sheet = await toSheet(pictures).catch(() => undefined);
  if (references.length > 0 && sheet === undefined) {
    return trouble({ kind: "invalid", message: "Unable to process input image." }, endpoint);
  }
  return draw(exchange, body, {
    ...size,
    prompt,
    seed: Math.abs(seed),
    format: "png",
    ...(sheet && { image: { bytes: sheet, keep: 0.45 } }),
    ...(serverTimeoutS > 0 && { timeoutMs: serverTimeoutS * 1000 }),
  });
}

async function draw(exchange: Exchange, body: Body, order: Order): Promise<Reply> {
  const { endpoint } = exchange;
  const drawn = await exchange.render(order);
  if (drawn.outcome !== "drawn") {
    const problem = troubleOf(drawn);
    return problem ? trouble(problem, endpoint) : NOBODY;
  }
  const thinks = endpoint.model === "nano-banana-pro";
  const usage = usageOf(order, endpoint.servedName, thinks);
  const common = { usageMetadata: usage, modelVersion: exchange.reportedPin, responseId: responseId() };
  if (asksForFilter(order.prompt)) {
    const finishMessage =
      "The model output could not be generated. Please edit your prompt and retry. Support code: 15236754.";
    return json(200, {
      candidates: [{ content: { role: "model" }, finishReason: "IMAGE_PROHIBITED_CONTENT", finishMessage, index: 0 }],
      ...common,
    });
  }
  const picture = drawn.pictures[0];
  const modalities = body.generationConfig?.responseModalities ?? ["TEXT", "IMAGE"];
  const parts = [
    ...(thinks ? await thoughts(order) : []),
    ...(modalities.includes("TEXT") ? [{ text: "Here is your picture." }] : []),
    ...(picture
      ? [
          {
            inlineData: inline(picture, order.format),
            ...(thinks && { thoughtSignature: digestOf(order.seed).slice(0, 24) }),
          },
        ]
      : []),
  ];
  return json(200, { candidates: [{ content: { role: "model", parts }, finishReason: "STOP", index: 0 }], ...common });
}

/** A thinking model first shows what it considers: words and a small draft, both marked as thoughts. */
async function thoughts(order: Order): Promise<readonly object[]> {
  const plain = { prompt: order.prompt, seed: order.seed, steps: 1, guidance: 1, text: [] };
  const draft = await drawElsewhere({
    ...plain,
    look: "sketch",
    version: "thought",
    width: 256,
    height: 256,
    format: "png",
  });
  return [
    { thought: true, text: "**Composing the scene**\n\nI start with a small draft of the layout." },
    { thought: true, inlineData: inline(draft, "png") },
  ];
}

function inline(bytes: Uint8Array, format: PictureFormat): z.infer<typeof Blob_> {
  return { mimeType: MEDIA_TYPES[format], data: base64(bytes) };
}

/** Tokens as billed: 1290 a picture for 2.5 Flash Image; 1120 for 1K and 2K, 2000 for 4K otherwise. */
function usageOf(order: Order, model: string, thinks: boolean): object {
  const textTokens = Math.ceil(order.prompt.length / 4);
  const pictureTokens = order.image ? 258 : 0;
  const promptTokens = textTokens + pictureTokens;
  const imageTokens = model.includes("2.5-flash") ? 1290 : order.width * order.height > 6_000_000 ? 2000 : 1120;
  const thoughtTokens = thinks ? 210 : 0;
  return {
    promptTokenCount: promptTokens,
    candidatesTokenCount: imageTokens,
    ...(thinks && { thoughtsTokenCount: thoughtTokens }),
    totalTokenCount: promptTokens + imageTokens + thoughtTokens,
    promptTokensDetails: [
      { modality: "TEXT", tokenCount: textTokens },
      ...(pictureTokens > 0 ? [{ modality: "IMAGE", tokenCount: pictureTokens }] : []),
    ],
    candidatesTokensDetails: [{ modality: "IMAGE", tokenCount: imageTokens }],
    trafficType: "ON_DEMAND",
  };
}

function responseId(): string {
  return crypto.randomUUID().replaceAll("-", "").slice(0, 22);
}

/**
 * Server side of `generate`: the worker of the case study. POST /generate with a prompt; GET /generate draws one fixed picture,
 * so that every answer has the same length (`ab` counts another length as a failure). Upscaling: POST /upscale.
 */
import { z } from "zod";
import { sizeOf } from "../draw/size.ts";
import type { Exchange, Order, Reply, ServerDialect, Trouble, TroubleKind } from "../exchange.ts";
import { FAMILIES } from "../families.ts";
import { base64, bearerIn, json, MEDIA_TYPES, NOBODY, readJson, timeoutHeaderMs, troubleOf } from "../reply.ts";
import { asksForFilter, triggeredTrouble } from "../triggers.ts";

const DEFAULT_PROMPT = "a lighthouse on a cliff above the sea at sunset";
const DEFAULT_SEED = 42;
const MAX_PIXELS = 20_000_000;

const Side = z.int().min(64).max(8192);
const Factor = z.number().min(1).max(8);
const Body = z.object({
  prompt: z.string().min(1).max(32_000),
  model: z.string().nullish(),
  width: Side.nullish(),
  height: Side.nullish(),
  seed: z.int().min(0).max(4_294_967_295).nullish(),
  steps: z.int().min(1).max(200).nullish(),
  guidance: z.number().min(0).max(50).nullish(),
  negative_prompt: z.string().max(32_000).nullish(),
  text: z
    .array(z.union([z.string(), z.looseObject({ content: z.string() })]))
    .max(16)
    .nullish(),
  format: z.enum(["png", "webp", "jpeg"]).nullish(),
  /** Seconds. */
  timeout: z.number().positive().max(3600).nullish(),
  image: z.string().nullish(),
  mask: z.string().nullish(),
  /** Makes a drawing worker upscale `image` instead. */
  upscale: Factor.nullish(),
});
type Body = z.infer<typeof Body>;
const UpscaleBody = Body.omit({ upscale: true }).extend({
  prompt: Body.shape.prompt.default(""),
  image: z.string(),
  factor: Factor.nullish(),
});

const STATUS: Readonly<Record<TroubleKind, { readonly status: number; readonly code: string }>> = {
  invalid: { status: 400, code: "invalid_request" },
  unauthorized: { status: 401, code: "unauthorized" },
  refused: { status: 400, code: "moderation_blocked" },
  "model-gone": { status: 404, code: "model_not_found" },
  "rate-limited": { status: 429, code: "overloaded" },
  "quota-exhausted": { status: 429, code: "quota_exceeded" },
  "server-error": { status: 500, code: "internal_error" },
  unavailable: { status: 503, code: "unavailable" },
  "timed-out": { status: 504, code: "timeout" },
};

/** Speaks the case study's call, and upscaling. */
export const generate: ServerDialect = {
  routes: [
    {
      method: "GET",
      path: /^\/generate$/,
      work: true,
      handle: (exchange) => draw(exchange, { prompt: DEFAULT_PROMPT, seed: DEFAULT_SEED }),
    },
    { method: "POST", path: /^\/generate$/, work: true, handle: generatePath },
    { method: "POST", path: /^\/upscale$/, work: true, handle: upscalePath },
  ],
  keyIn: bearerIn,
  trouble,
  empty: (endpoint) => json(200, { image: "", model: endpoint.servedName, model_version: endpoint.pin }),
};

function trouble({ kind, message, retryAfterS }: Trouble): Reply {
  const { status, code } = STATUS[kind];
  const headers: Record<string, string> = {};
  if (retryAfterS !== undefined) headers["retry-after"] = String(retryAfterS);
  return json(status, { error: { code, message } }, headers);
}

async function generatePath(exchange: Exchange): Promise<Reply> {
  const parsed = Body.safeParse(readJson(exchange.body));
  if (!parsed.success) return trouble({ kind: "invalid", message: z.prettifyError(parsed.error) });
  const body = parsed.data;
  if (exchange.endpoint.model === "upscaler" || body.upscale != null) return upscale(exchange, body, body.upscale);
  return draw(exchange, body);
}

async function upscalePath(exchange: Exchange): Promise<Reply> {
  const parsed = UpscaleBody.safeParse(readJson(exchange.body));
  if (!parsed.success) return trouble({ kind: "invalid", message: z.prettifyError(parsed.error) });
  return upscale(exchange, parsed.data, parsed.data.factor);
}

function draw(exchange: Exchange, body: Body): Promise<Reply> {
  const { width, height } = FAMILIES[exchange.endpoint.model];
  return make(exchange, body, {
    width: body.width ?? width,
    height: body.height ?? height,
    ...(body.image != null && { image: { bytes: Buffer.from(body.image, "base64"), keep: 0.45 } }),
    ...(body.mask != null && { mask: Buffer.from(body.mask, "base64") }),
  });
}

async function upscale(exchange: Exchange, body: Body, asked: number | null | undefined): Promise<Reply> {
  const bytes = Buffer.from(body.image ?? "", "base64");
  const size = await sizeOf(bytes);
  if (!size) return trouble({ kind: "invalid", message: "upscaling needs an image that can be read" });
  const factor = asked ?? exchange.endpoint.upscaleFactor ?? 2;
  return make(exchange, body, {
    width: Math.round(size.width * factor),
    height: Math.round(size.height * factor),
    image: { bytes, keep: 1 },
    upscaled: true,
  });
}

async function make(
  exchange: Exchange,
  body: Body,
  canvas: Pick<Order, "width" | "height" | "image" | "mask" | "upscaled">,
): Promise<Reply> {
  const { endpoint } = exchange;
  const seed = body.seed ?? exchange.drawSeed();
  const format = body.format ?? "png";
  const timeoutMs = timeoutOf(exchange, body);
  exchange.note({
    seed,
    ...(body.model != null && { model: body.model }),
    ...(timeoutMs !== undefined && { timeoutMs }),
  });
  const refusal = triggeredTrouble(body.prompt);
  if (refusal) return trouble(refusal);
  if (canvas.width * canvas.height > MAX_PIXELS)
    return trouble({ kind: "invalid", message: "the picture would be too large" });
  const render = await exchange.render({
    prompt: body.prompt,
    seed,
    format,
    ...canvas,
    ...(body.negative_prompt != null && { negativePrompt: body.negative_prompt }),
    ...(body.steps != null && { steps: body.steps }),
    ...(body.guidance != null && { guidance: body.guidance }),
    ...(body.text != null && { text: body.text.map((line) => (typeof line === "string" ? line : line.content)) }),
    ...(timeoutMs !== undefined && { timeoutMs }),
  });
  if (render.outcome !== "drawn") {
    const problem = troubleOf(render);
    return problem ? trouble(problem) : NOBODY;
  }
  // This worker has a safety check behind the model: a filtered picture is refused, never blurred.
  if (asksForFilter(body.prompt))
    return trouble({ kind: "refused", message: "the picture was withheld by the content filter" });
  const [picture] = render.pictures;
  if (!picture) return trouble({ kind: "server-error", message: "no picture" });
  const version = exchange.reportedPin;
  const headers = {
    "x-model": endpoint.servedName,
    "x-model-version": version,
    "x-seed": String(seed),
    "server-timing": `queue;dur=${render.queueMs.toFixed(1)}, gpu;dur=${render.gpuMs.toFixed(1)}`,
  };
  if (/\bimage\/(\*|png|webp|jpeg)/.test(exchange.headers.get("accept") ?? "")) {
    return { status: 200, headers: { "content-type": MEDIA_TYPES[format], ...headers }, body: picture };
  }
  return json(
    200,
    {
      image: base64(picture),
      model: endpoint.servedName,
      model_version: version,
      seed,
      width: canvas.width,
      height: canvas.height,
      format,
    },
    headers,
  );
}

/** `timeout` in the body (seconds), else `x-timeout-ms`. */
function timeoutOf(exchange: Exchange, body: Body): number | undefined {
  if (body.timeout != null) return body.timeout * 1000;
  return timeoutHeaderMs(exchange);
}

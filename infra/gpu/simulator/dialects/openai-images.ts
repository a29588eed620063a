/**
 * Server side of `openai-images` as our own GPU servers speak it: vLLM-Omni and SGLang Diffusion.
 *
 * True to the wire, traps included: vLLM labels every file `image/png` and zips several, refuses `url`, never says the seed, and has two
 * shapes of errors; SGLang answers with a relative URL by default and draws with seed 1024 when none is named.
 */
import { z } from "zod";
import type { Flavor, SimulatedEndpoint } from "../endpoint.ts";
import type { Exchange, Reply, ServerDialect, Trouble } from "../exchange.ts";
import { FAMILIES } from "../families.ts";
import { base64, json, MEDIA_TYPES, NOBODY, readJson, troubleOf } from "../reply.ts";
import { triggeredTrouble } from "../triggers.ts";
import { storedZip } from "./zip.ts";

const MAX_PIXELS = 20_000_000;
/** SGLang's older builds draw every request without a seed with this one. */
const SGLANG_SEED = 1024;

const Body = z.object({
  prompt: z.string(),
  model: z.string().nullish(),
  n: z.int().min(1).max(10).nullish(),
  size: z.string().nullish(),
  width: z.int().min(16).nullish(),
  height: z.int().min(16).nullish(),
  response_format: z.string().nullish(),
  output_format: z.enum(["png", "jpeg", "webp"]).nullish(),
  negative_prompt: z.string().nullish(),
  num_inference_steps: z.int().min(1).max(200).nullish(),
  guidance_scale: z.number().min(0).max(20).nullish(),
  seed: z.int().nullish(),
});
type Body = z.infer<typeof Body>;

export const openaiImages: ServerDialect = {
  routes: [
    { method: "POST", path: /^\/v1\/images\/generations$/, work: true, handle: generations },
    { method: "GET", path: /^\/v1\/images\/(?<id>[\w-]+)\/content$/, work: false, handle: content },
  ],
  trouble,
  empty: () => json(200, { created: epochSeconds(), data: [] }),
};

const STATUS: Readonly<Record<Trouble["kind"], number>> = {
  invalid: 400,
  unauthorized: 401,
  refused: 400,
  "model-gone": 404,
  "rate-limited": 429,
  "quota-exhausted": 429,
  "server-error": 500,
  unavailable: 503,
  "timed-out": 504,
};

/** vLLM's engine errors carry `error`, everything FastAPI raises carries `detail`; SGLang only knows `detail`. */
function trouble({ kind, message, retryAfterS }: Trouble, endpoint: SimulatedEndpoint): Reply {
  const status = STATUS[kind];
  const headers: Record<string, string> = retryAfterS === undefined ? {} : { "retry-after": String(retryAfterS) };
  const fromEngine = status >= 500 || kind === "model-gone" || kind === "unauthorized";
  if (flavorOf(endpoint) !== "vllm-omni" || !fromEngine) return json(status, { detail: message }, headers);
  const type = { 401: "AuthenticationError", 404: "NotFoundError" }[status] ?? "InternalServerError";
  return json(status, { error: { message, type, param: null, code: status } }, headers);
}

async function generations(exchange: Exchange): Promise<Reply> {
  const { endpoint } = exchange;
  const flavor = flavorOf(endpoint);
  const parsed = Body.safeParse(readJson(exchange.body));
  if (!parsed.success) return unprocessable(parsed.error);
  const body = parsed.data;
  const responseFormat = body.response_format ?? (flavor === "sglang" ? "url" : "b64_json");
  const allowed = flavor === "sglang" ? ["url", "b64_json"] : ["b64_json", "file"];
  if (!allowed.includes(responseFormat)) {
    return json(422, {
      detail: [
        {
          type: "enum",
          loc: ["body", "response_format"],
          msg: `Input should be ${allowed.map((word) => `'${word}'`).join(" or ")}`,
          input: responseFormat,
        },
      ],
    });
  }
  if (flavor === "vllm-omni" && body.model != null && body.model !== endpoint.servedName) {
    return json(400, {
      detail: `Model mismatch: request specifies '${body.model}' but server is running '${endpoint.servedName}'.`,
    });
  }
  const size = sizeAsked(body, endpoint);
  if (!size) return json(400, { detail: `Invalid size format: '${body.size}'. Expected format: 'WIDTHxHEIGHT'` });
  if (size.width * size.height > MAX_PIXELS)
    return json(400, { detail: "Requested image size is above this server's limit" });
  return render(exchange, body, { ...size, responseFormat });
}

async function render(
  exchange: Exchange,
  body: Body,
  asked: { readonly width: number; readonly height: number; readonly responseFormat: string },
): Promise<Reply> {
  const { endpoint } = exchange;
  const format = body.output_format ?? "png";
  const seed = body.seed ?? (flavorOf(endpoint) === "sglang" ? SGLANG_SEED : exchange.drawSeed());
  const timeoutMs = Number(exchange.headers.get("x-timeout-ms"));
  exchange.note({ seed, ...(body.model != null && { model: body.model }), ...(timeoutMs > 0 && { timeoutMs }) });
  const refusal = triggeredTrouble(body.prompt);
  // These servers have no content filter: a prompt that others refuse is drawn.
  if (refusal && refusal.kind !== "refused") return trouble(refusal, endpoint);
  const drawn = await exchange.render({
    prompt: body.prompt,
    seed: Math.abs(seed) % 4_294_967_296,
    format,
    width: asked.width,
    height: asked.height,
    pictures: body.n ?? 1,
    ...(body.negative_prompt != null && { negativePrompt: body.negative_prompt }),
    ...(body.num_inference_steps != null && { steps: body.num_inference_steps }),
    ...(body.guidance_scale != null && { guidance: body.guidance_scale }),
  });
  if (drawn.outcome !== "drawn") {
    const problem = troubleOf(drawn);
    return problem ? trouble(problem, endpoint) : NOBODY;
  }
  if (asked.responseFormat === "file") return asFile(drawn.pictures, format);
  const size = `${asked.width}x${asked.height}`;
  if (flavorOf(endpoint) === "sglang") {
    const ids = drawn.pictures.map((bytes) => exchange.host({ bytes, mediaType: MEDIA_TYPES[format] }));
    return json(200, {
      id: ids[0] ?? "",
      created: epochSeconds(),
      data: drawn.pictures.map((bytes, index) => ({
        b64_json: asked.responseFormat === "b64_json" ? base64(bytes) : null,
        url: asked.responseFormat === "url" ? `/v1/images/${ids[index]}/content` : null,
        revised_prompt: null,
        file_path: null,
        resize: null,
      })),
      peak_memory_mb: 20_610,
      inference_time_s: drawn.gpuMs / 1000,
    });
  }
  return json(200, {
    created: epochSeconds(),
    data: drawn.pictures.map((bytes) => ({ b64_json: base64(bytes), url: null, revised_prompt: null })),
    output_format: format,
    size,
    metrics: { stage_durations: { diffusion: drawn.gpuMs / 1000 }, peak_memory_mb: 20_610 },
  });
}

function asFile(pictures: readonly Uint8Array<ArrayBuffer>[], format: string): Reply {
  const [first] = pictures;
  if (first && pictures.length === 1) {
    const headers = { "content-type": "image/png", "content-disposition": `attachment; filename="image.${format}"` };
    return { status: 200, headers, body: first };
  }
  const headers = { "content-type": "application/zip", "content-disposition": 'attachment; filename="images.zip"' };
  return {
    status: 200,
    headers,
    body: storedZip(pictures.map((bytes, index) => ({ name: `image_${index}.${format}`, bytes }))),
  };
}

function content(exchange: Exchange): Reply {
  const hosted = exchange.fetchHosted(exchange.params.id ?? "");
  if (!hosted) return json(404, { detail: "Image not found" });
  return { status: 200, headers: { "content-type": hosted.mediaType }, body: hosted.bytes };
}

function unprocessable(error: z.ZodError): Reply {
  const detail = error.issues.map(({ code, path, message }) => ({
    type: code,
    loc: ["body", ...path],
    msg: message,
    input: null,
  }));
  return json(422, { detail });
}

function sizeAsked(
  body: Body,
  endpoint: SimulatedEndpoint,
): { readonly width: number; readonly height: number } | undefined {
  const { width, height } = FAMILIES[endpoint.model];
  if (flavorOf(endpoint) === "sglang" && body.width != null && body.height != null) {
    return { width: body.width, height: body.height };
  }
  if (body.size == null || (flavorOf(endpoint) === "sglang" && body.size === "auto")) return { width, height };
  const found = /^(\d{1,5})x(\d{1,5})$/.exec(body.size);
  const size = { width: Number(found?.[1] ?? 0), height: Number(found?.[2] ?? 0) };
  return size.width > 0 && size.height > 0 ? size : undefined;
}

export function flavorOf(endpoint: SimulatedEndpoint): Flavor {
  return endpoint.flavor ?? "vllm-omni";
}

export function epochSeconds(): number {
  return Math.floor(Date.now() / 1000);
}

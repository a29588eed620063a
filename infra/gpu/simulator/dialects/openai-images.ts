/**
 * Server side of `openai-images` as our own GPU servers speak it: vLLM-Omni and SGLang Diffusion.
 *
 * True to the wire, traps included: vLLM labels every file `image/png` and zips several, refuses `url`, never says the seed, and has two
 * shapes of errors; SGLang answers with a relative URL by default and draws with seed 1024 when none is named. Neither filters content.
 */
import type { z } from "zod";
import { sizeOf } from "../draw/size.ts";
import type { SimulatedEndpoint } from "../endpoint.ts";
import type { Exchange, Order, Reply, ServerDialect, Trouble } from "../exchange.ts";
import { FAMILIES } from "../families.ts";
import { base64, bearerIn, epochSeconds, json, MEDIA_TYPES, NOBODY, timeoutHeaderMs, troubleOf } from "../reply.ts";
import { triggeredTrouble } from "../triggers.ts";
import { type Fields, type Parsed, parseFormFields, parseJsonFields, parseSize } from "./openai-fields.ts";
import { storedZip } from "./zip.ts";

const MAX_PIXELS = 20_000_000;
/** SGLang's older builds draw every request without a seed with this one. */
const SGLANG_SEED = 1024;
/** Weights and activations of SD3.5 Medium at 1024 × 1024, as vLLM-Omni's documentation gives them. */
const PEAK_MEMORY_MB = 20_582;

/** Speaks as vLLM-Omni or SGLang, by the endpoint's flavor. */
export const openaiImages: ServerDialect = {
  routes: [
    {
      method: "POST",
      path: /^\/v1\/images\/generations$/,
      work: true,
      handle: (exchange) => make(exchange, parseJsonFields(exchange)),
    },
    { method: "POST", path: /^\/v1\/images\/edits$/, work: true, handle: edits },
    { method: "GET", path: /^\/v1\/images\/(?<id>[\w-]+)\/content$/, work: false, handle: content },
  ],
  keyIn: bearerIn,
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
  if (isSglang(endpoint) || !fromEngine) return json(status, { detail: message }, headers);
  const type = { 401: "AuthenticationError", 404: "NotFoundError" }[status] ?? "InternalServerError";
  return json(status, { error: { message, type, param: null, code: status } }, headers);
}

async function edits(exchange: Exchange): Promise<Reply> {
  const parsed = await parseFormFields(exchange, isSglang(exchange.endpoint) ? "mask" : "mask_image");
  if (!parsed.image) return missing("image");
  return make(exchange, parsed);
}

async function make(exchange: Exchange, parsed: Parsed): Promise<Reply> {
  const { endpoint } = exchange;
  if (!parsed.fields.success) return unprocessable(parsed.fields.error);
  const fields = parsed.fields.data;
  const delivery = fields.response_format ?? (isSglang(endpoint) ? "url" : "b64_json");
  const allowed = deliveries(endpoint, parsed.image !== undefined);
  if (!allowed.includes(delivery)) return wrongWord("response_format", delivery, allowed);
  // The wrong-pin fault serves another version under another name, which is what this check is for.
  const servedName = exchange.reportedPin === endpoint.pin ? endpoint.servedName : exchange.reportedPin;
  if (!isSglang(endpoint) && fields.model != null && fields.model !== servedName) {
    const message = `Model mismatch: request specifies '${fields.model}' but server is running '${servedName}'.`;
    return json(400, { detail: message });
  }
  const size = await sizeAsked(parsed, fields, endpoint);
  if (!size) return json(400, { detail: `Invalid size format: '${fields.size}'. Expected format: 'WIDTHxHEIGHT'` });
  if (size.width * size.height > MAX_PIXELS) {
    return json(400, { detail: "Requested image size is above this server's limit" });
  }
  return render(exchange, fields, { ...size, delivery, ...filesOf(parsed) });
}

function deliveries(endpoint: SimulatedEndpoint, isEdit: boolean): readonly string[] {
  if (isSglang(endpoint)) return ["url", "b64_json"];
  return isEdit ? ["b64_json"] : ["b64_json", "file"];
}

function filesOf({ image, mask }: Parsed): Pick<Order, "image" | "mask"> {
  return { ...(image && { image: { bytes: image, keep: 0.45 } }), ...(mask && { mask }) };
}

type Asked = Pick<Order, "width" | "height" | "image" | "mask"> & { readonly delivery: string };

async function render(exchange: Exchange, fields: Fields, { delivery, ...canvas }: Asked): Promise<Reply> {
  const { endpoint } = exchange;
  const format = fields.output_format ?? "png";
  const seed = fields.seed ?? (isSglang(endpoint) ? SGLANG_SEED : exchange.drawSeed());
  const timeoutMs = timeoutHeaderMs(exchange);
  exchange.note({ seed, ...(fields.model != null && { model: fields.model }), ...(timeoutMs && { timeoutMs }) });
  const refusal = triggeredTrouble(fields.prompt);
  if (refusal && refusal.kind !== "refused") return trouble(refusal, endpoint);
  const drawn = await exchange.render({
    ...canvas,
    prompt: fields.prompt,
    seed: Math.abs(seed) % 4_294_967_296,
    format,
    pictures: fields.n ?? 1,
    ...(fields.negative_prompt != null && { negativePrompt: fields.negative_prompt }),
    ...(fields.num_inference_steps != null && { steps: fields.num_inference_steps }),
    ...(fields.guidance_scale != null && { guidance: fields.guidance_scale }),
  });
  if (drawn.outcome !== "drawn") {
    const problem = troubleOf(drawn);
    return problem ? trouble(problem, endpoint) : NOBODY;
  }
  const { pictures } = drawn;
  const seconds = drawn.gpuMs / 1000;
  if (delivery === "file") return asFile(pictures, format);
  if (!isSglang(endpoint)) {
    return json(200, {
      created: epochSeconds(),
      data: pictures.map((bytes) => ({ b64_json: base64(bytes), url: null, revised_prompt: null })),
      output_format: format,
      size: `${canvas.width}x${canvas.height}`,
      metrics: { stage_durations: { diffusion: seconds }, peak_memory_mb: PEAK_MEMORY_MB },
    });
  }
  const ids = pictures.map((bytes) => exchange.host({ bytes, mediaType: MEDIA_TYPES[format] }));
  return json(200, {
    id: ids[0] ?? "",
    created: epochSeconds(),
    data: pictures.map((bytes, index) => ({
      b64_json: delivery === "b64_json" ? base64(bytes) : null,
      url: delivery === "url" ? `/v1/images/${ids[index]}/content` : null,
      revised_prompt: null,
      file_path: null,
      resize: null,
    })),
    peak_memory_mb: PEAK_MEMORY_MB,
    inference_time_s: seconds,
  });
}

function asFile(pictures: readonly Uint8Array<ArrayBuffer>[], format: string): Reply {
  const [first] = pictures;
  if (first && pictures.length === 1) {
    const disposition = `attachment; filename="image.${format}"`;
    return { status: 200, headers: { "content-type": "image/png", "content-disposition": disposition }, body: first };
  }
  const body = storedZip(pictures.map((bytes, index) => ({ name: `image_${index}.${format}`, bytes })));
  const disposition = 'attachment; filename="images.zip"';
  return { status: 200, headers: { "content-type": "application/zip", "content-disposition": disposition }, body };
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

function missing(field: string): Reply {
  return json(422, { detail: [{ type: "missing", loc: ["body", field], msg: "Field required", input: null }] });
}

function wrongWord(field: string, input: string, allowed: readonly string[]): Reply {
  const msg = `Input should be ${allowed.map((word) => `'${word}'`).join(" or ")}`;
  return json(422, { detail: [{ type: "enum", loc: ["body", field], msg, input }] });
}

async function sizeAsked(
  { image }: Parsed,
  fields: Fields,
  endpoint: SimulatedEndpoint,
): Promise<{ readonly width: number; readonly height: number } | undefined> {
  if (isSglang(endpoint) && fields.width != null && fields.height != null) {
    return { width: fields.width, height: fields.height };
  }
  if (fields.size != null && fields.size !== "auto") return parseSize(fields.size);
  const { width, height } = FAMILIES[endpoint.model];
  return (image && (await sizeOf(image))) ?? { width, height };
}

function isSglang(endpoint: SimulatedEndpoint): boolean {
  return endpoint.flavor === "sglang";
}

/**
 * Server side of Stability's v2beta: generate/sd3, and upscale fast, conservative and creative (asynchronous).
 *
 * Multipart in; raw bytes out with `finish-reason` and `seed`, or JSON when asked. A filtered picture is a 200 with a blurred picture.
 */
import { z } from "zod";
import type { PictureFormat } from "../draw/picture.ts";
import { sizeOf } from "../draw/size.ts";
import type { Exchange, Order, Render, Reply, ServerDialect, Trouble, TroubleKind } from "../exchange.ts";
import { base64, bearerIn, fileOf, json, MEDIA_TYPES, NOBODY, readForm, timeoutHeaderMs, troubleOf } from "../reply.ts";
import { asksForFilter, triggeredTrouble } from "../triggers.ts";

const MAX_BODY_BYTES = 10 * 1024 * 1024;
const MAX_SEED = 4_294_967_294;
/** Largest input of creative upscaling, px, and the size class of what comes back. */
const CREATIVE_INPUT_PIXELS = 1_048_576;
const FOUR_MEGAPIXELS = 4_000_000;

const SIZES: Readonly<Record<string, readonly [width: number, height: number]>> = {
  "1:1": [1024, 1024],
  "16:9": [1344, 768],
  "21:9": [1536, 640],
  "2:3": [832, 1216],
  "3:2": [1216, 832],
  "4:5": [896, 1088],
  "5:4": [1088, 896],
  "9:16": [768, 1344],
  "9:21": [640, 1536],
};

const Format = z.enum(["png", "jpeg", "webp"]).default("png");
const Seed = z.coerce.number().pipe(z.int().min(0).max(MAX_SEED)).default(0);
const Prompt = z.string().min(1).max(10_000);

const Sd3 = z.object({
  prompt: Prompt,
  model: z.enum(["sd3.5-large", "sd3.5-large-turbo", "sd3.5-medium", "sd3.5-flash"]).default("sd3.5-large"),
  mode: z.enum(["text-to-image", "image-to-image"]).default("text-to-image"),
  aspect_ratio: z.enum(Object.keys(SIZES)).optional(),
  strength: z.coerce.number().min(0).max(1).optional(),
  seed: Seed,
  output_format: Format,
  negative_prompt: z.string().max(10_000).optional(),
  cfg_scale: z.coerce.number().min(1).max(10).optional(),
});
const Fast = z.object({ output_format: Format, seed: Seed, prompt: z.string().default("") });
const Refining = z.object({
  prompt: Prompt,
  negative_prompt: z.string().optional(),
  seed: Seed,
  output_format: Format,
  creativity: z.coerce.number().min(0).max(0.5).default(0.3),
});

/** Speaks sd3 and the three upscalers. */
export const stability: ServerDialect = {
  routes: [
    { method: "POST", path: /^\/v2beta\/stable-image\/generate\/sd3$/, work: true, handle: sd3 },
    { method: "POST", path: /^\/v2beta\/stable-image\/upscale\/fast$/, work: true, handle: fast },
    { method: "POST", path: /^\/v2beta\/stable-image\/upscale\/conservative$/, work: true, handle: conservative },
    { method: "POST", path: /^\/v2beta\/stable-image\/upscale\/creative$/, work: true, handle: creative },
    {
      method: "GET",
      path: /^\/v2beta\/stable-image\/upscale\/creative\/result\/(?<id>\w+)$/,
      work: false,
      handle: creativeResult,
    },
  ],
  keyIn: bearerIn,
  trouble,
  empty: () => json(200, { finish_reason: "SUCCESS", seed: 0 }, { "content-type": "application/json; type=image/png" }),
};

const ERRORS: Readonly<Record<TroubleKind, readonly [status: number, name: string]>> = {
  invalid: [400, "bad_request"],
  unauthorized: [401, "unauthorized"],
  refused: [403, "content_moderation"],
  "model-gone": [404, "not_found"],
  "rate-limited": [429, "rate_limit_exceeded"],
  "quota-exhausted": [402, "payment_required"],
  "server-error": [500, "internal_error"],
  unavailable: [503, "service_unavailable"],
  "timed-out": [504, "gateway_timeout"],
};

function trouble({ kind, message }: Trouble): Reply {
  const [status, name] = ERRORS[kind];
  const blocked =
    "Your request was flagged by our content moderation system, as a result your request was denied and you were not charged.";
  return failure(status, name, kind === "refused" ? blocked : message);
}

function failure(status: number, name: string, message: string): Reply {
  return json(status, { id: requestId(), name, errors: [message] });
}

const requestId = (): string => crypto.randomUUID().replaceAll("-", "");

interface Sheet<T> {
  readonly fields: T;
  readonly image: Uint8Array<ArrayBuffer> | undefined;
}

/** The checked form, or the refusal that it earns. */
async function read<S extends z.ZodType>(
  exchange: Exchange,
  schema: S,
): Promise<Sheet<z.output<S>> | { readonly refusal: Reply }> {
  if (exchange.body.length > MAX_BODY_BYTES)
    return { refusal: failure(413, "payload_too_large", "the request exceeds 10 MiB") };
  const form = await readForm(exchange);
  if (!form) return { refusal: failure(400, "bad_request", "content-type: must be multipart/form-data") };
  const plain = Object.fromEntries([...form].filter(([, value]) => typeof value === "string"));
  const parsed = schema.safeParse(plain);
  if (!parsed.success) return { refusal: failure(400, "bad_request", z.prettifyError(parsed.error)) };
  return { fields: parsed.data, image: await fileOf(form, "image") };
}

async function sd3(exchange: Exchange): Promise<Reply> {
  const sheet = await read(exchange, Sd3);
  if ("refusal" in sheet) return sheet.refusal;
  const { fields, image } = sheet;
  const fromImage = fields.mode === "image-to-image";
  if (fromImage && (!image || fields.strength === undefined)) {
    return failure(400, "bad_request", "image-to-image needs image and strength");
  }
  if (!fromImage && (image || fields.strength !== undefined)) {
    return failure(400, "bad_request", "image and strength are only for mode image-to-image");
  }
  const own = fromImage && image ? await sizeOf(image) : undefined;
  if (fromImage && !own) return failure(400, "bad_request", "image: could not be read");
  const [width, height] = own ? [own.width, own.height] : (SIZES[fields.aspect_ratio ?? "1:1"] ?? [1024, 1024]);
  exchange.note({ model: fields.model });
  return now(exchange, {
    prompt: fields.prompt,
    seed: fields.seed,
    width,
    height,
    format: fields.output_format,
    ...(fields.negative_prompt !== undefined && { negativePrompt: fields.negative_prompt }),
    ...(fields.cfg_scale !== undefined && { guidance: fields.cfg_scale }),
    ...(image && fromImage && { image: { bytes: image, keep: 1 - (fields.strength ?? 0.5) } }),
  });
}

async function fast(exchange: Exchange): Promise<Reply> {
  const sheet = await read(exchange, Fast);
  if ("refusal" in sheet) return sheet.refusal;
  const { fields, image } = sheet;
  const size = image && (await sizeOf(image));
  if (!image || !size) return failure(400, "bad_request", "image: required, and must be a picture");
  if (size.width * size.height > CREATIVE_INPUT_PIXELS)
    return failure(400, "bad_request", "image: above 1,048,576 pixels");
  return now(exchange, enlarged(fields, image, { width: size.width * 4, height: size.height * 4 }));
}

async function conservative(exchange: Exchange): Promise<Reply> {
  const sheet = await read(exchange, Refining);
  if ("refusal" in sheet) return sheet.refusal;
  const order = await toFourMegapixels(sheet, 9_437_184);
  return "refusal" in order ? order.refusal : now(exchange, order);
}

async function creative(exchange: Exchange): Promise<Reply> {
  const sheet = await read(exchange, Refining);
  if ("refusal" in sheet) return sheet.refusal;
  const order = await toFourMegapixels(sheet, CREATIVE_INPUT_PIXELS);
  if ("refusal" in order) return order.refusal;
  const settled = settle(exchange, order);
  return "refusal" in settled ? settled.refusal : json(200, { id: exchange.startLater(settled) });
}

function creativeResult(exchange: Exchange): Reply {
  const id = exchange.params.id ?? "";
  const later = exchange.pollLater(id);
  if (!later) return failure(404, "not_found", "id: no such generation");
  if (!later.render) return json(202, { id, status: "in-progress" });
  return finished(exchange, later.order, later.render);
}

async function toFourMegapixels(
  { fields, image }: Sheet<z.output<typeof Refining>>,
  maxInputPixels: number,
): Promise<Order | { readonly refusal: Reply }> {
  const size = image && (await sizeOf(image));
  if (!image || !size) return { refusal: failure(400, "bad_request", "image: required, and must be a picture") };
  const pixels = size.width * size.height;
  if (pixels > maxInputPixels) return { refusal: failure(400, "bad_request", `image: above ${maxInputPixels} pixels`) };
  const factor = Math.sqrt(FOUR_MEGAPIXELS / pixels);
  return enlarged(fields, image, { width: Math.round(size.width * factor), height: Math.round(size.height * factor) });
}

function enlarged(
  fields: { readonly prompt: string; readonly seed: number; readonly output_format: PictureFormat },
  image: Uint8Array<ArrayBuffer>,
  size: { readonly width: number; readonly height: number },
): Order {
  return {
    prompt: fields.prompt,
    seed: fields.seed,
    format: fields.output_format,
    ...size,
    image: { bytes: image, keep: 1 },
    upscaled: true,
  };
}

/** A seed of 0 means a random one; refusals come before any work. */
function settle(exchange: Exchange, order: Order): Order | { readonly refusal: Reply } {
  const refusal = triggeredTrouble(order.prompt);
  if (refusal) return { refusal: trouble(refusal) };
  const seed = order.seed === 0 ? exchange.drawSeed() : order.seed;
  const timeoutMs = timeoutHeaderMs(exchange);
  exchange.note({ seed, ...(timeoutMs && { timeoutMs }) });
  return { ...order, seed, filtered: asksForFilter(order.prompt) };
}

async function now(exchange: Exchange, order: Order): Promise<Reply> {
  const settled = settle(exchange, order);
  return "refusal" in settled ? settled.refusal : finished(exchange, settled, await exchange.render(settled));
}

function finished(exchange: Exchange, { format, seed, filtered }: Order, render: Render): Reply {
  if (render.outcome !== "drawn") {
    const problem = troubleOf(render);
    return problem ? trouble(problem) : NOBODY;
  }
  const [picture] = render.pictures;
  if (!picture) return trouble({ kind: "server-error", message: "no picture" });
  const reason = filtered ? "CONTENT_FILTERED" : "SUCCESS";
  const accept = exchange.headers.get("accept") ?? "image/*";
  if (accept.includes("application/json")) {
    const headers = { "content-type": `application/json; type=${MEDIA_TYPES[format]}` };
    return json(200, { image: base64(picture), finish_reason: reason, seed }, headers);
  }
  const headers = {
    "content-type": MEDIA_TYPES[format],
    "finish-reason": reason,
    seed: String(seed),
    "x-request-id": requestId(),
  };
  return { status: 200, headers, body: picture };
}

/**
 * Server side of Ideogram: legacy /generate and /upscale, and v3.
 *
 * Pictures come as temporary URLs of this very server (`?exp=…&sig=…`); an unsafe one is a 200 with an empty URL; more than ten
 * requests in flight are a 429 (the endpoint's queue cap).
 */
import { createHmac, randomBytes } from "node:crypto";
import { z } from "zod";
import { sizeOf } from "../draw/size.ts";
import type { Exchange, Order, Reply, ServerDialect, Trouble, TroubleKind } from "../exchange.ts";
import {
  epochSeconds,
  fieldOf,
  fileOf,
  json,
  MEDIA_TYPES,
  NOBODY,
  readForm,
  readJson,
  timeoutHeaderMs,
  troubleOf,
} from "../reply.ts";
import { asksForFilter, triggeredTrouble } from "../triggers.ts";

const LIFETIME_S = 3600;
const signingKey = randomBytes(32);

/** About one megapixel a ratio. */
const SIZES: Readonly<Record<string, readonly [width: number, height: number]>> = {
  "1:1": [1024, 1024],
  "10:16": [800, 1280],
  "16:10": [1280, 800],
  "9:16": [736, 1312],
  "16:9": [1312, 736],
  "3:2": [1248, 832],
  "2:3": [832, 1248],
  "4:3": [1152, 864],
  "3:4": [864, 1152],
  "4:5": [896, 1120],
  "5:4": [1120, 896],
  "1:2": [704, 1408],
  "2:1": [1408, 704],
  "1:3": [512, 1536],
  "3:1": [1536, 512],
};

const MODELS = ["V_1", "V_1_TURBO", "V_2", "V_2_TURBO", "V_2A", "V_2A_TURBO", "V_3", "AUTO"] as const;
const LEGACY_RATIOS = ["1_1", "10_16", "16_10", "9_16", "16_9", "3_2", "2_3", "4_3", "3_4", "1_3", "3_1"];
const Seed = z.int().min(0).max(2_147_483_647);
const Switch = z.enum(["AUTO", "ON", "OFF"]);

const Legacy = z.object({
  image_request: z.object({
    prompt: z.string().min(1),
    model: z.enum(MODELS).default("V_2"),
    aspect_ratio: z.enum(LEGACY_RATIOS.map((ratio) => `ASPECT_${ratio}`)).optional(),
    resolution: z
      .string()
      .regex(/^RESOLUTION_\d+_\d+$/)
      .optional(),
    magic_prompt_option: Switch.default("AUTO"),
    style_type: z.string().optional(),
    negative_prompt: z.string().optional(),
    num_images: z.int().min(1).max(8).default(1),
    seed: Seed.optional(),
  }),
});

const V3 = z.object({
  prompt: z.string().min(1),
  seed: z.coerce.number().pipe(Seed).optional(),
  resolution: z
    .string()
    .regex(/^\d+x\d+$/)
    .optional(),
  aspect_ratio: z.enum(Object.keys(SIZES).map((ratio) => ratio.replace(":", "x"))).optional(),
  rendering_speed: z.enum(["FLASH", "TURBO", "BALANCED", "DEFAULT", "QUALITY"]).default("DEFAULT"),
  magic_prompt: Switch.default("AUTO"),
  negative_prompt: z.string().optional(),
  num_images: z.coerce.number().pipe(z.int().min(1).max(8)).default(1),
  style_type: z.enum(["AUTO", "GENERAL", "REALISTIC", "DESIGN", "CUSTOM", "FICTION", "STYLIZED"]).default("GENERAL"),
});

/** Speaks legacy generate and upscale, v3, and serves the temporary URLs. */
export const ideogram: ServerDialect = {
  routes: [
    { method: "POST", path: /^\/generate$/, work: true, handle: legacyGenerate },
    { method: "POST", path: /^\/upscale$/, work: true, handle: legacyUpscale },
    { method: "POST", path: /^\/v1\/ideogram-v3\/generate$/, work: true, handle: v3Generate },
    {
      method: "GET",
      path: /^\/api\/images\/ephemeral\/(?<id>[\w-]+)\.(?:png|jpeg|webp)$/,
      work: false,
      open: true,
      handle: ephemeral,
    },
  ],
  keyIn: (headers) => headers.get("api-key") ?? undefined,
  trouble,
  empty: () => json(200, { created: new Date().toISOString(), data: [] }),
};

const STATUS: Readonly<Record<TroubleKind, number>> = {
  invalid: 400,
  unauthorized: 401,
  refused: 422,
  "model-gone": 404,
  "rate-limited": 429,
  "quota-exhausted": 402,
  "server-error": 500,
  unavailable: 503,
  "timed-out": 504,
};

/** One string under `error`, and no dependable Retry-After. */
function trouble({ kind, message }: Trouble): Reply {
  const blocked = "Prompt provided failed safety check due to the inclusion of prohibited content.";
  return json(STATUS[kind], { error: kind === "refused" ? blocked : message });
}

async function legacyGenerate(exchange: Exchange): Promise<Reply> {
  const parsed = Legacy.safeParse(readJson(exchange.body));
  if (!parsed.success) return trouble({ kind: "invalid", message: z.prettifyError(parsed.error) });
  const asked = parsed.data.image_request;
  const is2A = asked.model.startsWith("V_2A");
  if (asked.negative_prompt !== undefined && is2A) {
    return trouble({ kind: "invalid", message: `negative_prompt is not supported by ${asked.model}` });
  }
  if (asked.resolution !== undefined && (asked.aspect_ratio !== undefined || is2A)) {
    return trouble({ kind: "invalid", message: "resolution is only for model version 2.0 and excludes aspect_ratio" });
  }
  const [width, height] = asked.resolution
    ? pixels(asked.resolution.slice("RESOLUTION_".length), "_")
    : sized((asked.aspect_ratio ?? "ASPECT_1_1").slice("ASPECT_".length).replace("_", ":"));
  return make(exchange, {
    model: asked.model,
    style: asked.style_type ?? "AUTO",
    rewrites: asked.magic_prompt_option === "ON",
    order: orderOf(exchange, asked, [width, height]),
  });
}

async function v3Generate(exchange: Exchange): Promise<Reply> {
  const form = await readForm(exchange);
  const plain = form
    ? Object.fromEntries([...form].filter(([, value]) => typeof value === "string"))
    : readJson(exchange.body);
  const parsed = V3.safeParse(plain);
  if (!parsed.success) return trouble({ kind: "invalid", message: z.prettifyError(parsed.error) });
  const asked = parsed.data;
  if (asked.resolution !== undefined && asked.aspect_ratio !== undefined) {
    return trouble({ kind: "invalid", message: "resolution and aspect_ratio exclude each other" });
  }
  const [width, height] = asked.resolution
    ? pixels(asked.resolution, "x")
    : sized((asked.aspect_ratio ?? "1x1").replace("x", ":"));
  return make(exchange, {
    model: "V_3",
    style: asked.style_type,
    rewrites: asked.magic_prompt === "ON",
    order: orderOf(exchange, asked, [width, height]),
  });
}

interface AskedOrder {
  readonly prompt: string;
  readonly num_images: number;
  readonly seed?: number | undefined;
  readonly negative_prompt?: string | undefined;
}

function orderOf(
  exchange: Exchange,
  { prompt, seed = exchange.drawSeed(), num_images: pictures, negative_prompt }: AskedOrder,
  [width, height]: readonly [number, number],
): Order {
  return {
    ...{ prompt, seed, width, height, format: "png", pictures },
    ...(negative_prompt !== undefined && { negativePrompt: negative_prompt }),
  };
}

async function legacyUpscale(exchange: Exchange): Promise<Reply> {
  const form = await readForm(exchange);
  const bytes = form && (await fileOf(form, "image_file"));
  const size = bytes && (await sizeOf(bytes));
  if (!form || !bytes || !size) return trouble({ kind: "invalid", message: "image_file must be a picture" });
  const request = readJson(new TextEncoder().encode(fieldOf(form, "image_request") ?? "{}"));
  const fields = z.object({ prompt: z.string().default(""), seed: Seed.optional() }).safeParse(request);
  if (!fields.success) return trouble({ kind: "invalid", message: z.prettifyError(fields.error) });
  const { prompt, seed = exchange.drawSeed() } = fields.data;
  const [width, height] = [size.width * 2, size.height * 2];
  const order: Order = { prompt, seed, width, height, format: "png", image: { bytes, keep: 1 }, upscaled: true };
  return make(exchange, { model: "UPSCALE", style: "AUTO", rewrites: false, order });
}

interface Asked {
  readonly model: string;
  readonly style: string;
  /** Magic prompt: what is drawn and told is not what was asked. */
  readonly rewrites: boolean;
  readonly order: Order;
}

async function make(exchange: Exchange, { model, style, rewrites, order }: Asked): Promise<Reply> {
  const timeoutMs = timeoutHeaderMs(exchange);
  exchange.note({ seed: order.seed, model, ...(timeoutMs && { timeoutMs }) });
  const refusal = triggeredTrouble(order.prompt);
  if (refusal) return trouble(refusal);
  const prompt = rewrites ? `${order.prompt}, rich detail, dramatic light` : order.prompt;
  const drawn = await exchange.render({ ...order, prompt });
  if (drawn.outcome !== "drawn") {
    const problem = troubleOf(drawn);
    return problem ? trouble(problem) : NOBODY;
  }
  const safe = !asksForFilter(order.prompt);
  return json(200, {
    created: new Date().toISOString(),
    data: drawn.pictures.map((bytes, index) => ({
      url: safe ? temporaryUrl(exchange, exchange.host({ bytes, mediaType: MEDIA_TYPES.png })) : "",
      prompt,
      resolution: `${order.width}x${order.height}`,
      seed: order.seed + index,
      style_type: style,
      is_image_safe: safe,
    })),
  });
}

function temporaryUrl({ baseUrl }: Exchange, id: string): string {
  const exp = epochSeconds() + LIFETIME_S;
  return `${baseUrl}/api/images/ephemeral/${id}.png?exp=${exp}&sig=${signature(id, exp)}`;
}

function signature(id: string, exp: number): string {
  return createHmac("sha256", signingKey).update(`${id}.${exp}`).digest("hex");
}

function ephemeral(exchange: Exchange): Reply {
  const id = exchange.params.id ?? "";
  const exp = Number(exchange.query.get("exp"));
  const isSigned = exchange.query.get("sig") === signature(id, exp);
  const hosted = isSigned && exp >= epochSeconds() ? exchange.fetchHosted(id) : undefined;
  if (!hosted) return { status: 403, headers: { "content-type": "text/plain" }, body: "Access denied" };
  return { status: 200, headers: { "content-type": hosted.mediaType }, body: hosted.bytes };
}

function sized(ratio: string): readonly [number, number] {
  return SIZES[ratio] ?? [1024, 1024];
}

function pixels(text: string, separator: string): readonly [number, number] {
  const [width = 1024, height = 1024] = text.split(separator).map(Number);
  return [Math.min(2048, Math.max(64, width)), Math.min(2048, Math.max(64, height))];
}

/**
 * Server side of OpenAI's own Images API (GPT image models): generations as JSON, edits as multipart, always base64.
 */
import type { SimulatedEndpoint } from "../endpoint.ts";
import type { Exchange, Order, Reply, ServerDialect, Trouble, TroubleKind } from "../exchange.ts";
import { base64, bearerIn, epochSeconds, json, NOBODY, timeoutHeaderMs, troubleOf } from "../reply.ts";
import { asksForFilter, triggeredTrouble } from "../triggers.ts";
import { type Fields, type Parsed, parseFormFields, parseJsonFields, parseSize } from "./openai-fields.ts";

/** Tokens of a 1024 × 1024 picture by quality; other sizes in proportion. Made up, in the range that OpenAI bills. */
const TOKENS: Readonly<Record<string, number>> = { low: 272, medium: 1056, high: 4160, auto: 1056 };
/** Largest picture, px (`3840x2160`), and the grid of sizes. */
const MAX_PIXELS = 3840 * 2160;
const GRID = 16;

/** Speaks as OpenAI. */
export const openai: ServerDialect = {
  routes: [
    {
      method: "POST",
      path: /^\/v1\/images\/generations$/,
      work: true,
      handle: (exchange) => make(exchange, parseJsonFields(exchange)),
    },
    { method: "POST", path: /^\/v1\/images\/edits$/, work: true, handle: edits },
  ],
  keyIn: bearerIn,
  trouble,
  empty: () => json(200, { created: epochSeconds(), data: [] }),
};

const ERRORS: Readonly<
  Record<TroubleKind, { readonly status: number; readonly type: string; readonly code: string | null }>
> = {
  invalid: { status: 400, type: "invalid_request_error", code: "invalid_value" },
  unauthorized: { status: 401, type: "invalid_request_error", code: "invalid_api_key" },
  refused: { status: 400, type: "image_generation_user_error", code: "moderation_blocked" },
  "model-gone": { status: 404, type: "invalid_request_error", code: "model_not_found" },
  "rate-limited": { status: 429, type: "requests", code: "rate_limit_exceeded" },
  "quota-exhausted": { status: 429, type: "insufficient_quota", code: "insufficient_quota" },
  "server-error": { status: 500, type: "server_error", code: null },
  unavailable: { status: 503, type: "server_error", code: "service_unavailable" },
  "timed-out": { status: 504, type: "server_error", code: "timeout" },
};

function trouble(
  { kind, message, retryAfterS }: Trouble,
  _endpoint?: SimulatedEndpoint,
  param: string | null = null,
): Reply {
  const { status, type, code } = ERRORS[kind];
  const blocked = kind === "refused";
  const text = blocked
    ? `Your request was rejected by the safety system. ${message}. safety_violations=[violence].`
    : message;
  const headers: Record<string, string> = retryAfterS === undefined ? {} : { "retry-after": String(retryAfterS) };
  return json(status, { error: { message: text, type, param, code } }, headers);
}

async function edits(exchange: Exchange): Promise<Reply> {
  const parsed = await parseFormFields(exchange, "mask");
  if (!parsed.image)
    return trouble({ kind: "invalid", message: "Missing required parameter: 'image'." }, undefined, "image");
  return make(exchange, parsed);
}

async function make(exchange: Exchange, parsed: Parsed): Promise<Reply> {
  if (!parsed.fields.success) {
    const [issue] = parsed.fields.error.issues;
    return trouble(
      { kind: "invalid", message: issue?.message ?? "Invalid body." },
      undefined,
      issue?.path.join(".") ?? null,
    );
  }
  const fields = parsed.fields.data;
  if (fields.response_format != null) {
    const message = "Unknown parameter: 'response_format'.";
    return trouble({ kind: "invalid", message }, undefined, "response_format");
  }
  if (fields.model != null && fields.model !== exchange.endpoint.servedName) {
    return trouble({ kind: "model-gone", message: `The model '${fields.model}' does not exist.` });
  }
  const size = sizeAsked(fields);
  if (!size) return trouble({ kind: "invalid", message: `Invalid size '${fields.size}'.` }, undefined, "size");
  return render(exchange, fields, {
    ...size,
    ...(parsed.image && { image: { bytes: parsed.image, keep: 0.45 } }),
    ...(parsed.mask && { mask: parsed.mask }),
  });
}

async function render(
  exchange: Exchange,
  fields: Fields,
  canvas: Pick<Order, "width" | "height" | "image" | "mask">,
): Promise<Reply> {
  const format = fields.output_format ?? "png";
  const timeoutMs = timeoutHeaderMs(exchange);
  const seed = exchange.drawSeed();
  exchange.note({ seed, ...(fields.model != null && { model: fields.model }), ...(timeoutMs && { timeoutMs }) });
  const refusal = triggeredTrouble(fields.prompt);
  if (refusal) return trouble(refusal);
  const drawn = await exchange.render({ ...canvas, prompt: fields.prompt, seed, format, pictures: fields.n ?? 1 });
  if (drawn.outcome !== "drawn") {
    const problem = troubleOf(drawn);
    return problem ? trouble(problem) : NOBODY;
  }
  if (asksForFilter(fields.prompt)) return trouble({ kind: "refused", message: "The picture was withheld" });
  const quality = fields.quality ?? "auto";
  const perPicture = Math.round(((TOKENS[quality] ?? 1056) * canvas.width * canvas.height) / 1024 ** 2);
  const textTokens = Math.ceil(fields.prompt.length / 4);
  const imageTokens = canvas.image ? 340 : 0;
  const output = perPicture * drawn.pictures.length;
  return json(
    200,
    {
      created: epochSeconds(),
      data: drawn.pictures.map((bytes) => ({ b64_json: base64(bytes) })),
      background: fields.background === "transparent" ? "transparent" : "opaque",
      output_format: format,
      quality: quality === "auto" ? "medium" : quality,
      size: `${canvas.width}x${canvas.height}`,
      usage: {
        input_tokens: textTokens + imageTokens,
        output_tokens: output,
        total_tokens: textTokens + imageTokens + output,
        input_tokens_details: { text_tokens: textTokens, image_tokens: imageTokens },
      },
    },
    { "openai-processing-ms": String(Math.round(drawn.gpuMs)) },
  );
}

function sizeAsked({ size }: Fields): { readonly width: number; readonly height: number } | undefined {
  if (size == null || size === "auto") return { width: 1024, height: 1024 };
  const asked = parseSize(size);
  if (!asked) return undefined;
  const { width, height } = asked;
  const ratio = width / height;
  const fits =
    width % GRID === 0 && height % GRID === 0 && ratio >= 1 / 3 && ratio <= 3 && width * height <= MAX_PIXELS;
  return fits ? asked : undefined;
}

/**
 * Server side of Workers AI's REST API: `POST …/ai/run/@cf/…`, as the router calls it where an endpoint has a URL in place of the binding.
 *
 * Models differ in what they take and give: FLUX.2 wants a form and answers base64 in an envelope, the classic ones take JSON and answer
 * bytes. Failures are numbers in that envelope. There is no version to report.
 */
import { z } from "zod";
import { toSheet } from "../draw/sheet.ts";
import type { Exchange, Order, Reply, ServerDialect, Trouble, TroubleKind } from "../exchange.ts";
import { FAMILIES } from "../families.ts";
import {
  base64,
  bearerIn,
  json,
  MEDIA_TYPES,
  NOBODY,
  readForm,
  readJson,
  timeoutHeaderMs,
  troubleOf,
} from "../reply.ts";
import { triggeredTrouble } from "../triggers.ts";

const side = z.coerce.number().pipe(z.int().min(64).max(2048));

const Fields = z.object({
  prompt: z.string().min(1).max(2048),
  negative_prompt: z.string().optional(),
  width: side.optional(),
  height: side.optional(),
  seed: z.coerce.number().pipe(z.int()).optional(),
  steps: z.coerce.number().pipe(z.int().min(1).max(50)).optional(),
  num_steps: z.int().min(1).max(50).optional(),
  guidance: z.number().optional(),
  image_b64: z.string().optional(),
  mask: z.array(z.int().min(0).max(255)).optional(),
});

/** Speaks the REST API. */
export const workersAi: ServerDialect = {
  routes: [{ method: "POST", path: /^\/ai\/run\/(?<model>@(?:cf|hf)\/[\w.-]+\/[\w.-]+)$/, work: true, handle: run }],
  keyIn: bearerIn,
  trouble,
  empty: () => enveloped({}),
};

/** Status and code (developers.cloudflare.com/workers-ai/platform/errors). */
const ERRORS: Readonly<Record<TroubleKind, readonly [status: number, code: number]>> = {
  invalid: [400, 5006],
  unauthorized: [401, 10_000],
  refused: [400, 3030],
  "model-gone": [400, 5007],
  "rate-limited": [429, 3040],
  "quota-exhausted": [429, 3036],
  "server-error": [500, 3043],
  unavailable: [503, 3043],
  "timed-out": [408, 3007],
};

function trouble({ kind, message }: Trouble): Reply {
  const [status, code] = ERRORS[kind];
  return json(status, { result: null, success: false, errors: [{ code, message }], messages: [] });
}

function enveloped(result: object): Reply {
  return json(200, { result, success: true, errors: [], messages: [] });
}

async function run(exchange: Exchange): Promise<Reply> {
  const { endpoint } = exchange;
  const model = exchange.params.model ?? "";
  if (model !== endpoint.servedName) return trouble({ kind: "model-gone", message: `No such model ${model}` });
  const isFlux2 = model.includes("/flux-2-");
  const form = isFlux2 ? await readForm(exchange) : undefined;
  if (isFlux2 && form === undefined) return trouble({ kind: "invalid", message: "a multipart form is needed" });
  const plain = form
    ? Object.fromEntries([...form].filter(([, value]) => typeof value === "string"))
    : readJson(exchange.body);
  const parsed = Fields.safeParse(plain);
  if (!parsed.success) return trouble({ kind: "invalid", message: z.prettifyError(parsed.error) });
  const asked = parsed.data;
  const refusal = triggeredTrouble(asked.prompt);
  if (refusal) return trouble(refusal);
  const reference = form
    ? await sheetOf(form)
    : asked.image_b64 && Uint8Array.from(Buffer.from(asked.image_b64, "base64"));
  const { width, height } = FAMILIES[endpoint.model];
  const steps = asked.steps ?? asked.num_steps;
  const seed = Math.abs(asked.seed ?? exchange.drawSeed());
  const timeoutMs = timeoutHeaderMs(exchange);
  exchange.note({ seed, model, ...(timeoutMs && { timeoutMs }) });
  return draw(exchange, isFlux2, {
    prompt: asked.prompt,
    seed,
    width: asked.width ?? width,
    height: asked.height ?? height,
    format: isFlux2 ? "jpeg" : "png",
    ...(steps !== undefined && { steps }),
    ...(asked.guidance !== undefined && { guidance: asked.guidance }),
    ...(asked.negative_prompt !== undefined && { negativePrompt: asked.negative_prompt }),
    ...(reference && { image: { bytes: reference, keep: 0.45 } }),
    ...(asked.mask && { mask: Uint8Array.from(asked.mask) }),
  });
}

/** FLUX.2's reference pictures: `input_image_0` to `input_image_3`. */
async function sheetOf(form: FormData): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const files = [0, 1, 2, 3].map((at) => form.get(`input_image_${at}`)).filter((value) => value instanceof Blob);
  const pictures = await Promise.all(files.map(async (file) => new Uint8Array(await file.arrayBuffer())));
  return toSheet(pictures).catch(() => pictures[0]);
}

async function draw(exchange: Exchange, inEnvelope: boolean, order: Order): Promise<Reply> {
  const render = await exchange.render(order);
  if (render.outcome !== "drawn") {
    const problem = troubleOf(render);
    return problem ? trouble(problem) : NOBODY;
  }
  const [picture] = render.pictures;
  if (!picture) return trouble({ kind: "server-error", message: "no picture" });
  if (inEnvelope) return enveloped({ image: base64(picture) });
  return { status: 200, headers: { "content-type": MEDIA_TYPES[order.format] }, body: picture };
}

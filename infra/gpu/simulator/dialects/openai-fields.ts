/** Fields of the OpenAI-shaped image calls, from JSON or from a multipart form. */
import { z } from "zod";
import { toSheet } from "../draw/sheet.ts";
import type { Exchange } from "../exchange.ts";
import { fileOf, readForm, readJson } from "../reply.ts";

/** What the three servers take between them; unknown fields are ignored, as pydantic models do. */
/** Fields of a request, checked. */
export const Fields = z.object({
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
  quality: z.string().nullish(),
  background: z.string().nullish(),
  stream: z.boolean().nullish(),
});
export type Fields = z.infer<typeof Fields>;

const NUMBERS = new Set(["n", "width", "height", "num_inference_steps", "guidance_scale", "seed"]);

/** Fields (or what is wrong with them) and files of a request. */
export interface Parsed {
  readonly fields: z.ZodSafeParseResult<Fields>;
  readonly image?: Uint8Array<ArrayBuffer>;
  readonly mask?: Uint8Array<ArrayBuffer>;
}

/** The fields of a JSON body. */
export function parseJsonFields(exchange: Exchange): Parsed {
  return { fields: Fields.safeParse(readJson(exchange.body)) };
}

/** An edit: fields and files of a form. `image` and `image[]` are one; several pictures become one sheet. */
export async function parseFormFields(exchange: Exchange, maskField: string): Promise<Parsed> {
  const form = await readForm(exchange);
  if (!form) return { fields: Fields.safeParse(undefined) };
  const plain: Record<string, unknown> = {};
  for (const [name, value] of form) {
    if (typeof value !== "string") continue;
    const isNumber = NUMBERS.has(name) && value.trim() !== "" && Number.isFinite(Number(value));
    plain[name] = isNumber ? Number(value) : name === "stream" ? value === "true" : value;
  }
  const files = [...form.getAll("image"), ...form.getAll("image[]")].filter((value) => value instanceof Blob);
  const pictures = await Promise.all(files.map(async (file) => new Uint8Array(await file.arrayBuffer())));
  const image = await toSheet(pictures).catch(() => pictures[0]);
  const mask = await fileOf(form, maskField);
  return { fields: Fields.safeParse(plain), ...(image && { image }), ...(mask && { mask }) };
}

/** `WIDTHxHEIGHT` in px; `undefined` for anything else. */
export function parseSize(text: string): { readonly width: number; readonly height: number } | undefined {
  const found = /^(\d{1,5})x(\d{1,5})$/.exec(text);
  const size = { width: Number(found?.[1] ?? 0), height: Number(found?.[2] ?? 0) };
  return size.width > 0 && size.height > 0 ? size : undefined;
}

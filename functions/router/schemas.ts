/**
 * The shapes of HTTP bodies, checked once at the door; `/openapi.json` is generated from the same schemas.
 *
 * Bounds are the router's own: a prompt longer than any provider takes, a picture larger than any GPU draws, never get past here.
 */
import * as z from "zod/mini";
import en from "zod/v4/locales/en.js";

/** Longest prompt, characters (the longest of the providers': OpenAI's 32,000). */
export const MAX_PROMPT_CHARS = 32_000;

/** Largest side, px (Gemini's 8:1 at 4K draws 12,288). */
export const MAX_SIDE_PX = 12_288;

/** Largest seed that every provider takes: 2^31 − 1. */
export const MAX_SEED = 2_147_483_647;

z.config(en());

const prompt = z.string().check(z.minLength(1), z.maxLength(MAX_PROMPT_CHARS));
const side = z.int().check(z.gte(16), z.lte(MAX_SIDE_PX));
const seed = z.int().check(z.gte(0), z.lte(MAX_SEED));
const word = z.string().check(z.minLength(1), z.maxLength(100));
const steps = z.int().check(z.gte(1), z.lte(200));
const guidance = z.number().check(z.gte(0), z.lte(30));
const count = z.int().check(z.gte(1), z.lte(10));
const format = z.enum(["png", "webp", "jpeg"]);
/** An hour at most. */
const deadlineMs = z.int().check(z.gte(1), z.lte(3_600_000));

/** Members that mean the same in every call that has them. */
export const members = { prompt, seed, word, steps, guidance, count, format, deadlineMs } as const;

/** A picture inside JSON: base64, or a data URL. */
const inlinePicture = z.string().check(z.minLength(1));

/** `POST /v1/generate`. */
export const generateBody = z.strictObject({
  prompt,
  purpose: z.optional(word),
  model: z.optional(word),
  negative_prompt: z.optional(z.string().check(z.maxLength(MAX_PROMPT_CHARS))),
  width: z.optional(side),
  height: z.optional(side),
  seed: z.optional(seed),
  steps: z.optional(steps),
  guidance: z.optional(guidance),
  text: z.optional(
    z.array(z.strictObject({ content: z.string().check(z.minLength(1), z.maxLength(500)) })).check(z.maxLength(20)),
  ),
  image: z.optional(z.union([inlinePicture, z.array(inlinePicture).check(z.minLength(1), z.maxLength(16))])),
  mask: z.optional(inlinePicture),
  format: z.optional(format),
  n: z.optional(count),
  session: z.optional(word),
  layer: z.optional(word),
  deadline_ms: z.optional(deadlineMs),
  export: z.optional(z.boolean()),
  upscale: z.optional(z.boolean()),
});

export type GenerateBody = z.infer<typeof generateBody>;

/** `POST /v1/exports`: the same, and whom to tell. */
export const exportBody = z.extend(generateBody, {
  callback_url: z.optional(z.string().check(z.minLength(1), z.maxLength(2_000))),
});

export type ExportBody = z.infer<typeof exportBody>;

/** `POST /generate`: the case study's call. Seconds, as its `timeout=8.0`. */
export const caseStudyBody = z.object({
  prompt,
  model: z.optional(word),
  timeout: z.optional(z.number().check(z.positive(), z.lte(3_600))),
  width: z.optional(side),
  height: z.optional(side),
  seed: z.optional(seed),
});

export type CaseStudyBody = z.infer<typeof caseStudyBody>;

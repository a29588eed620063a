/**
 * The bodies of the OpenAI-shaped calls. Unknown members are let through: clients send what newer APIs know, and are told in
 * `galley-warning` what had no effect. `null` counts as absent everywhere (providers.md §4.2: SDKs send it).
 */
import * as z from "zod/mini";
import { MAX_PROMPT_CHARS, members } from "../schemas.ts";

/** `auto` or `1024x768`. Bounds are checked with the side's name in words.ts' answers, so only the form is checked here. */
const size = z.string().check(z.regex(/^(?:auto|\d{1,5}x\d{1,5})$/));

/** Members with an effect; Galley's own stand beside OpenAI's, for clients that pass unknown options through. */
const known = {
  prompt: members.prompt,
  model: z.nullish(members.word),
  n: z.nullish(members.count),
  size: z.nullish(size),
  response_format: z.nullish(z.enum(["b64_json", "url"])),
  output_format: z.nullish(members.format),
  stream: z.nullish(z.boolean()),
  partial_images: z.nullish(z.int().check(z.gte(0), z.lte(3))),
  seed: z.nullish(members.seed),
  negative_prompt: z.nullish(z.string().check(z.maxLength(MAX_PROMPT_CHARS))),
  steps: z.nullish(members.steps),
  guidance: z.nullish(members.guidance),
  purpose: z.nullish(members.word),
  session: z.nullish(members.word),
  layer: z.nullish(members.word),
  deadline_ms: z.nullish(members.deadlineMs),
};

/** `POST /v1/images/generations`, and the fields of `POST /v1/images/edits`. */
export const imagesBody = z.looseObject(known);

export type ImagesBody = z.infer<typeof imagesBody>;

/** Names of the members that have an effect. */
export const KNOWN_MEMBERS: ReadonlySet<string> = new Set(Object.keys(known));

/** Checks one member alone, for forms that are read part by part; unknown ones pass. */
export const knownMember = (name: string) =>
  Object.hasOwn(known, name) ? known[name as keyof typeof known] : undefined;

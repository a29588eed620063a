/**
 * The shape of `catalog.yml`: models, endpoints, regions, clusters; entry by entry, so that one bad entry hides no other problem.
 */
import { z } from "zod";
import { block, choose, count, flag, id, modelName, oneOrMore, quantity, text, word } from "./fields.ts";

const DIALECTS = ["generate", "openai-images", "gemini", "ideogram", "stability", "workers-ai"] as const;

/** Durable Object location hints (platform.md B.3). */
const LOCATION_HINTS = [
  "wnam",
  "enam",
  "sam",
  "weur",
  "eeur",
  "apac",
  "apac-ne",
  "apac-se",
  "oc",
  "afr",
  "me",
] as const;

const CONTINENTS = ["AF", "AN", "AS", "EU", "NA", "OC", "SA"] as const;

const TAKES = ["seed", "negative_prompt", "steps", "guidance", "image", "mask"] as const;

/** Words that name whatever is newest: a pin of that kind pins nothing. */
const MOVING = /(?:^|[:@/_-])(?:latest|main|master|stable|head|nightly|default|auto)$/i;

const PIN_WORDS = "the exact version that the endpoint reports, 1 to 200 printable characters without spaces";

const pin = text(/^[\x21-\x7e]{1,200}$/, PIN_WORDS).check((context) => {
  if (!MOVING.test(context.value)) return;
  const hint = "a tag that moves pins nothing: name the revision, digest or dated model id";
  context.issues.push({ code: "custom", input: context.value, message: PIN_WORDS, params: { hint } });
});

const SECRET_WORDS = "the name of a Worker secret: capitals, digits and `_`";

/** A name, never the key itself; what is found is not repeated in the problem, because it may be one. */
const secret = z.unknown().transform((raw, context) => {
  if (typeof raw === "string" && /^[A-Z][A-Z0-9_]{0,63}$/.test(raw)) return raw;
  const hint = "write a name like `GEMINI_API_KEY`; if this is the key itself, take it out of the file and change it";
  context.issues.push({ code: "custom", input: raw, message: SECRET_WORDS, params: { hint, secret: true } });
  return z.NEVER;
});

const URL_WORDS = "an https URL, or http to a loopback address, without user, query or fragment";

const url = z.unknown().transform((raw, context) => {
  const fault = typeof raw === "string" ? urlFault(raw) : "write it like `https://gpu.example.com`";
  if (fault === undefined) return String(raw).replace(/\/+$/, "");
  // A user part or a query may carry a key.
  const hidden = typeof raw === "string" && /[@?]/.test(raw);
  context.issues.push({ code: "custom", input: raw, message: URL_WORDS, params: { hint: fault, secret: hidden } });
  return z.NEVER;
});

/** What an endpoint of the `workers-ai` dialect writes as its URL: the runtime's own binding serves it. */
export const AI_BINDING_URL = "binding:AI";

function urlFault(raw: string): string | undefined {
  if (raw === AI_BINDING_URL) return undefined;
  if (!URL.canParse(raw)) return "write it like `https://gpu.example.com`";
  const parsed = new URL(raw);
  if (parsed.username !== "" || parsed.password !== "") return "put the key into a secret and name it under `secret`";
  if (parsed.search !== "" || parsed.hash !== "") return "leave out what follows `?` or `#`";
  if (parsed.protocol === "https:" || (parsed.protocol === "http:" && isLoopback(parsed.hostname))) return undefined;
  return parsed.protocol === "http:" ? "use https: prompts and keys travel here" : "use https";
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "[::1]" || /^127(?:\.\d{1,3}){3}$/.test(host);
}

const SLOTS_WORDS = "a number of slots, or `{ start: 4, max: 10 }` where the upstream does not tell how many it has";
const slots = count(1, 10_000).transform((value) => ({ kind: "known" as const, slots: value }));
const adaptive = block({ start: count(1, 10_000), max: count(1, 10_000) }).transform(({ start, max }) => ({
  kind: "adaptive" as const,
  initial: start,
  max,
}));
type Concurrency = z.output<typeof slots> | z.output<typeof adaptive>;

const concurrency = choose<Concurrency>((raw) => {
  if (typeof raw === "object" && raw !== null) return adaptive;
  return typeof raw === "number" ? slots : z.never({ error: SLOTS_WORDS });
});

const host = text(
  /^(?:(?:\*\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)+|localhost)(?::\d{1,5})?$/,
  "a host name, like `cdn.example.com` or `*.example.com`",
);

export const modelSchema = block({
  name: modelName.optional(),
  aliases: z.array(modelName, { error: "a list of names" }).optional(),
  variant_of: modelName.optional(),
  kind: word(["generate", "upscale"]).optional(),
  dialect: word(DIALECTS).optional(),
  pin: pin.optional(),
  upstream: text(/^[\x21-\x7e]{1,200}$/, "the model's name at the upstream").optional(),
  faster: modelName.optional(),
  successor: modelName.optional(),
  capabilities: block({
    size: word(["exact", "ratio"]).optional(),
    size_multiple: quantity("pixels").optional(),
    max_pixels: quantity("pixels").optional(),
    takes: z.array(word(TAKES), { error: "a list of what the model takes" }).optional(),
    max_images: count(1, 16).optional(),
    formats: z
      .array(word(["png", "webp", "jpeg"]), { error: "a list of formats" })
      .min(1)
      .optional(),
    upscale_factor: quantity("factor").optional(),
  }).optional(),
  parameters: block({
    steps: count(1, 500).optional(),
    guidance: z.number({ error: "a number from 0 to 50" }).min(0).max(50).optional(),
    extra: z
      .record(
        z.string(),
        z.union([z.string(), z.number(), z.boolean()], { error: "a plain value: text, number, true or false" }),
        { error: "a block of plain values" },
      )
      .optional(),
  }).optional(),
  price: block({
    image: quantity("money").optional(),
    megapixel: quantity("money").optional(),
    gpu_second: quantity("money").optional(),
    million_input_tokens: quantity("money").optional(),
    million_output_tokens: quantity("money").optional(),
  }).optional(),
  expected: block({ p50: quantity("duration"), p95: quantity("duration") }).optional(),
});

export const endpointSchema = block({
  model: modelName,
  region: id.optional(),
  cluster: id.optional(),
  url,
  pin: pin.optional(),
  dialect: word(DIALECTS).optional(),
  flavor: word(["vllm-omni", "sglang", "openai"]).optional(),
  concurrency,
  secret: secret.optional(),
  honours_cancel: flag.optional(),
  failure_domain: id.optional(),
  picture_hosts: z.array(host, { error: "a list of host names" }).optional(),
});

export const regionSchema = block({
  location_hint: word(LOCATION_HINTS),
  colos: z.array(text(/^[A-Z]{3}$/, "three capitals, like `CDG`"), { error: "a list of data centres" }).optional(),
  countries: z.array(text(/^[A-Z]{2}$/, "two capitals, like `FR`"), { error: "a list of countries" }).optional(),
  continents: z.array(word(CONTINENTS), { error: "a list of continents" }).optional(),
  latitude: z.number({ error: "degrees from -90 to 90" }).min(-90).max(90).optional(),
  longitude: z.number({ error: "degrees from -180 to 180" }).min(-180).max(180).optional(),
  fallback: oneOrMore(id, "a list of regions").optional(),
});

export const clusterSchema = block({ location_hint: word(LOCATION_HINTS), default_model: modelName });

const section = (what: string) => z.record(z.string(), z.unknown(), { error: `a block of ${what}` });

/** The file's own level; entries are parsed one by one with the schemas above. */
export const catalogFileSchema = block({
  models: section("models by id"),
  endpoints: section("endpoints by id"),
  regions: section("regions by id"),
  clusters: section("clusters by id").optional(),
});

export type RawModel = z.output<typeof modelSchema>;
export type RawEndpoint = z.output<typeof endpointSchema>;

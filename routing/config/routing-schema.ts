/**
 * The shape of `model-routing.yml`: routes, rules of inference, policies, canaries; entry by entry, so that one bad entry hides no
 * other problem.
 */
import { z } from "zod";
import { block, count, flag, id, modelName, oneOrMore, orNone, quantity, text, word } from "./fields.ts";

/** The conditions of a rule of inference: everything but the purpose, which is what such a rule finds out. */
const signals = {
  has_text: flag.optional(),
  automation: flag.optional(),
  export: flag.optional(),
  has_image: flag.optional(),
  has_mask: flag.optional(),
  min_pixels: quantity("pixels").optional(),
  max_pixels: quantity("pixels").optional(),
  tenants: oneOrMore(text(/^[\x21-\x7e]{1,100}$/, "the id of a tenant"), "a tenant or a list of tenants").optional(),
  countries: oneOrMore(text(/^[A-Z]{2}$/, "two capitals, like `FR`"), "a country or a list of countries").optional(),
};

const matchSchema = z.preprocess(
  (raw) => (typeof raw === "string" ? { purpose: raw } : raw),
  block({ purpose: oneOrMore(id, "a purpose or a list of purposes").optional(), ...signals }, "a purpose, or "),
);

export const routeSchema = block({
  match: matchSchema,
  name: id.optional(),
  model: modelName,
  policy: id.optional(),
});

export const inferSchema = block({ when: block(signals).optional(), purpose: id });

const FALLBACK_WORDS =
  "a list of steps: `sibling-region`, `faster-model`, `same-model`, `any-region`, `cluster`, `stale`, or a model's name, with or without `+ upscale`";

export const policySchema = block({
  tier: word(["fast-preview", "quality-render", "draft"]).optional(),
  mode: word(["inline", "job"]).optional(),
  priority: word(["interactive", "automation", "export"]).optional(),
  deadline: quantity("duration").optional(),
  attempt_timeout: orNone(quantity("duration")).optional(),
  reserve: quantity("duration").optional(),
  attempts: count(1, 10).optional(),
  fallback: z
    .array(z.string({ error: FALLBACK_WORDS }), { error: FALLBACK_WORDS })
    .max(10)
    .optional(),
  overlap: flag.optional(),
  hedge: orNone(block({ after: quantity("quantile"), budget: quantity("share") })).optional(),
  extra_attempts: quantity("share").optional(),
  head: quantity("bytes").optional(),
  seed: word(["random", "derived"]).optional(),
  stale_max_age: quantity("duration").optional(),
  downgrade: block({
    enter_at: quantity("level").optional(),
    enter_ticks: count(1, 1000).optional(),
    leave_at: quantity("level").optional(),
    leave_ticks: count(1, 1000).optional(),
    tick: quantity("duration").optional(),
    dwell: quantity("duration").optional(),
    keep_upper: quantity("share").optional(),
  }).optional(),
  cache: orNone(quantity("duration")).optional(),
  promote: flag.optional(),
  progressive: orNone(block({ draft: modelName })).optional(),
  accept_second_bill: flag.optional(),
  slo: orNone(quantity("duration")).optional(),
});

export const canarySchema = block({
  route: id,
  candidate: modelName,
  ramp: z.array(quantity("share"), { error: "a list of shares, like `[1%, 5%, 15%, 30%]`" }).min(1).max(20),
  stick_to: word(["tenant", "session", "request"]).optional(),
  salt: text(/^[\x21-\x7e]{1,64}$/, "1 to 64 printable characters without spaces").optional(),
  mode: word(["observe", "enforce"]).optional(),
  guard: block({ errors: quantity("factor").optional(), slo_misses: quantity("factor").optional() }).optional(),
  min_requests: count(1, 10_000_000).optional(),
  min_duration: quantity("duration").optional(),
  shadow: quantity("share").optional(),
  shadow_gpu_time: quantity("duration").optional(),
});

const list = (what: string) => z.array(z.unknown(), { error: `a list of ${what}` });
const section = (what: string) => z.record(z.string(), z.unknown(), { error: `a block of ${what}` });

/** The file's own level; entries are parsed one by one with the schemas above. */
export const routingFileSchema = block({
  default_route: id,
  routes: list("routes"),
  infer: list("rules").optional(),
  policies: section("policies by name").optional(),
  canaries: section("canaries by name").optional(),
});

export type RawPolicy = z.output<typeof policySchema>;
export type RawCanary = z.output<typeof canarySchema>;
export type RawCondition = z.output<typeof matchSchema>;

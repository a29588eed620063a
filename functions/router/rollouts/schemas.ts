/**
 * The body of `POST /v1/canaries/{name}`, apart from what obeys it, so that the API's description is made from it.
 */
import * as z from "zod/mini";

const words = z.string().check(z.maxLength(500));

/** `POST /v1/canaries/{name}`. */
export const commandBody = z.strictObject({
  command: z.enum(["start", "pause", "resume", "widen", "promote", "abort"]),
  person: z.optional(z.string().check(z.maxLength(100))),
  note: z.optional(words),
  /** For `start`, where it differs from the routing file: the share to begin with (0: shadows alone)… */
  at: z.optional(z.number().check(z.gte(0), z.lte(1))),
  mode: z.optional(z.enum(["observe", "enforce"])),
  min_requests: z.optional(z.int().check(z.gte(1))),
  min_hours: z.optional(z.number().check(z.gte(0))),
  /** …the share of previews that is copied to the candidate, and the GPU time that this may take a day… */
  shadow: z.optional(z.number().check(z.gte(0), z.lte(1))),
  shadow_gpu_ms: z.optional(z.int().check(z.gte(0))),
  /** …and how long nothing counts after it. */
  warmup_ms: z.optional(z.int().check(z.gte(0))),
});

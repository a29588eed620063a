/**
 * The last picture of each session and layer, for the `stale` leg: kept where the policy has one, shown when nothing else can serve.
 *
 * State: R2 under `stale/<hash of tenant, session and layer>`, the newest over the former; a lifecycle rule of the bucket empties it
 * (wrangler.toml). Kept is what the client was shown, but for stale pictures, which would never grow old. Fails open: what cannot be written, or
 * is longer than the bound, leaves the former one in its place.
 */
import { MEDIA_TYPES, type StaleAsk, type StalePicture, sha256Hex } from "../../../routing/index.ts";
import type { Drawing, Drawn } from "../make-picture.ts";
import { supersedeKeyOf } from "../supersede-key.ts";
import { parseDirectives } from "./directives.ts";
import { readFacts, writeFacts } from "./kept-facts.ts";

const PREFIX = "stale/";

/** Largest picture that is kept, bytes: it is held whole when it is shown. A megapixel in PNG is about 2 MB. */
export const MAX_LAST_BYTES = 4 * 1024 * 1024;

/** Is the picture of this request to be kept for its session? */
export function wantsLast(drawing: Drawing): boolean {
  if (drawing.ask.session === undefined) return false;
  const hasStale = drawing.decided.plan.policy.fallback.some(({ step }) => step === "stale");
  return hasStale && parseDirectives(drawing.context.cacheControl).mayKeep;
}

/** Keeps what was drawn, behind the answer. Does nothing, and costs nothing, without a session or a `stale` step. */
export function keepLast(drawing: Drawing, { result }: Drawn): void {
  const supersedeKey = supersedeKeyOf(drawing);
  if (supersedeKey === undefined || !wantsLast(drawing) || !result.ok || result.degraded?.what === "stale") return;
  const { picture, endpoint, leg, warnings } = result;
  const { format, width, height, bytes } = picture;
  // One that streams on its way to the client is larger than the policy's `head`.
  if (bytes === undefined || bytes.byteLength > MAX_LAST_BYTES) return;
  const facts = { madeAtMs: Date.now(), format, width, height, endpoint, place: leg.place, warnings };
  const { env, admitted, background } = drawing.context;
  const keeping = keyOf({ tenant: admitted.tenant, supersedeKey }).then((key) =>
    env.IMAGES.put(key, bytes, {
      httpMetadata: { contentType: MEDIA_TYPES[format] },
      customMetadata: { facts: writeFacts(facts) },
    }),
  );
  background(keeping.catch(() => undefined));
}

/** The core's `stale` port. Rejects where the bucket cannot be read, which means the same as none. */
export async function findLast(bucket: R2Bucket, ask: StaleAsk): Promise<StalePicture | undefined> {
  const stored = await bucket.get(await keyOf(ask));
  const facts = readFacts(stored?.customMetadata?.["facts"]);
  if (stored === null || facts === undefined) return undefined;
  const { format, width, height, madeAtMs } = facts;
  const ageMs = Math.max(0, Date.now() - madeAtMs);
  if (ageMs > ask.maxAgeMs || stored.size > MAX_LAST_BYTES) {
    await stored.body.cancel();
    return undefined;
  }
  return { bytes: new Uint8Array(await stored.arrayBuffer()), format, width, height, ageMs };
}

async function keyOf({ tenant, supersedeKey }: Pick<StaleAsk, "tenant" | "supersedeKey">): Promise<string> {
  const text = new TextEncoder().encode(JSON.stringify([tenant, supersedeKey]));
  return PREFIX + (await sha256Hex(text));
}

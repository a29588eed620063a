/**
 * The secrets that sign webhooks: `GALLEY_WEBHOOK_SECRETS`, space-separated `whsec_…`, the newest first. Fails closed: deployed without
 * one, no callback is taken. Local development has a published one, so that receivers can be tried.
 */
import { type Env, isLocal } from "../router/environment.ts";

/** "galley local development only" in base64. Signs nothing on a deployed router. */
const LOCAL_SECRET = "whsec_Z2FsbGV5IGxvY2FsIGRldmVsb3BtZW50IG9ubHk=";

/** The list; empty: webhooks are off. */
export function webhookSecrets(env: Env): readonly string[] {
  const set = (env.GALLEY_WEBHOOK_SECRETS ?? "")
    .split(/\s+/)
    .filter((secret) => /^whsec_[A-Za-z0-9+/]+=*$/.test(secret));
  return set.length > 0 || !isLocal(env) ? set : [LOCAL_SECRET];
}

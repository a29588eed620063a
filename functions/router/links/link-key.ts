/**
 * The key that links are signed with: the Worker secret `GALLEY_LINK_KEY`. Loopback development makes one up, good for as long as the
 * isolate lives. Fails closed: a deployed Worker without the secret signs and opens nothing.
 */
import { type Env, isLocal } from "../environment.ts";

let madeUp: string | undefined;

/** The key, or `undefined` where links are not configured. */
export function linkKey(env: Env): string | undefined {
  if (env.GALLEY_LINK_KEY !== undefined && env.GALLEY_LINK_KEY !== "") return env.GALLEY_LINK_KEY;
  if (!isLocal(env)) return undefined;
  madeUp ??= crypto.getRandomValues(new Uint8Array(32)).toHex();
  return madeUp;
}

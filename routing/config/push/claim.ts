/**
 * Keeps two pushes apart over a store without compare-and-set.
 *
 * Each push writes a claim before it looks. Whoever sees an earlier claim gives way; whoever sees only later ones waits until those are gone,
 * because their owners may have looked before. Of two that overlap exactly one goes on, and it sees what the other did. Sound where
 * reads see writes at once (this machine; in Cloudflare one place of the network), best effort across the network for a minute.
 * A claim whose owner died ends by itself.
 */
import { CONFIG_CLAIM_PREFIX } from "../kv-keys.ts";
import type { PushStore } from "./put-in-force.ts";

/** A claim's life, s: KV's least, and longer than any push takes. */
const CLAIM_SECONDS = 60;

/** How long a push waits for later claims to go, ms, and how often it looks. */
const WAIT = { mostMs: 30_000, eachMs: 300 } as const;

export interface Claimant {
  readonly author: string;
  readonly nowMs: number;
  /** Random hex, so that two claims of one millisecond differ. */
  readonly mark: string;
  wait(ms: number): Promise<unknown>;
}

export type Claimed =
  | { readonly ok: true; release(): Promise<void> }
  /** Somebody else's push is at work, or the store failed. */
  | { readonly ok: false; readonly why: "busy" }
  | { readonly ok: false; readonly why: "store"; readonly reason: string };

/** Claims the right to push. Throws what the store throws when it cannot be read; the claim then ends by itself. */
export async function claimPush(store: PushStore, claimant: Claimant): Promise<Claimed> {
  const mine = `${CONFIG_CLAIM_PREFIX}${String(claimant.nowMs).padStart(13, "0")}-${claimant.mark}`;
  const fault = await store.put(mine, claimant.author, { ttlSeconds: CLAIM_SECONDS });
  if (fault !== undefined) return { ok: false, why: "store", reason: fault };
  const release = async () => {
    await store.remove(mine);
  };
  for (let waitedMs = 0; waitedMs <= WAIT.mostMs; waitedMs += WAIT.eachMs) {
    const others = (await store.list(CONFIG_CLAIM_PREFIX)).map(({ name }) => name).filter((name) => name !== mine);
    if (others.length === 0) return { ok: true, release };
    if (others.some((name) => name < mine)) break;
    await claimant.wait(WAIT.eachMs);
  }
  await release();
  return { ok: false, why: "busy" };
}

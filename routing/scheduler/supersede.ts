/**
 * The newest request of one session and layer wins: which request that is, per tenant and key.
 *
 * "Newest" is by the time the request began, not by arrival, because a fallback of the older one may arrive after the newer one.
 * Exports neither supersede nor are superseded. Bounded: the keys that were used longest ago are forgotten.
 */
import type { Claim } from "./contract.ts";

/** Most keys remembered. */
export const MAX_KEYS = 2_048;

export interface Newest {
  readonly requestId: string;
  readonly startedAtMs: number;
}

/** A tenant's key, so that tenants cannot supersede each other; `undefined` where the ask takes no part. */
export function scopedKey(ask: Pick<Claim, "tenant" | "supersedeKey" | "priority">): string | undefined {
  return ask.supersedeKey === undefined || ask.priority === "export"
    ? undefined
    : JSON.stringify([ask.tenant, ask.supersedeKey]);
}

/** Is this ask of the newest request of its key? If it is newer than the one known, it becomes that. */
export function claimNewest(known: Map<string, Newest>, key: string, ask: Claim, nowMs: number): boolean {
  const former = known.get(key);
  if (former !== undefined && former.requestId !== ask.requestId) {
    // Without a start time only a first attempt can be taken for new.
    const startedAtMs = ask.startedAtMs ?? (ask.kind === "first" ? nowMs : Number.NEGATIVE_INFINITY);
    if (startedAtMs < former.startedAtMs) return false;
  }
  const startedAtMs = former?.requestId === ask.requestId ? former.startedAtMs : (ask.startedAtMs ?? nowMs);
  known.delete(key);
  known.set(key, { requestId: ask.requestId, startedAtMs });
  if (known.size > MAX_KEYS) known.delete(known.keys().next().value!);
  return true;
}

/**
 * Slots lent to isolates ahead of need, so that a preview pays no round trip while there is slack.
 *
 * A lent slot counts as taken, so capacity is never promised twice; therefore little is lent, for a short time, and nothing near
 * saturation, where only one-by-one reservation on fresh state keeps isolates from herding (control.md §4).
 */
import type { EndpointId, ModelId } from "../config/snapshot.ts";

/** An attempt may be begun on a credit for so long, ms. */
export const CREDIT_MS = 5_000;
/** Most idle slots that one isolate holds of one model: what a busy isolate runs at once. In small pools the share below binds first. */
export const CREDIT_MAX_SLOTS = 8;
/** This share of a model's slots stays free after lending. */
export const CREDIT_RESERVE_SHARE = 0.5;
/** After its end a credit's unheard-of slots stay taken for this many p95s: an attempt may just have been begun. */
export const CREDIT_HOLD_P95S = 2;

export interface CreditRecord {
  readonly id: string;
  readonly isolateId: string;
  readonly model: ModelId;
  readonly endpoint: EndpointId;
  /** Lent slots on which nothing is known to run. */
  readonly idle: number;
  readonly expiresAtMs: number;
  /** The idle slots count as taken until then, epoch ms. */
  readonly holdUntilMs: number;
}

/** Slots of a model's `total` that lending leaves free. */
export function keptFree(total: number): number {
  return Math.ceil(CREDIT_RESERVE_SHARE * total);
}

/** How many slots may be lent now. */
export function lendable(pool: {
  /** Free slots of healthy endpoints of the model, and all of their slots. */
  readonly free: number;
  readonly total: number;
  readonly waiting: number;
  /** Slots that this isolate already holds of the model. */
  readonly held: number;
  readonly asked: number;
}): number {
  if (pool.waiting > 0) return 0;
  const spare = pool.free - keptFree(pool.total);
  return Math.max(0, Math.min(spare, CREDIT_MAX_SLOTS - pool.held, pool.asked));
}

/** Idle lent slots of an endpoint, each with the time when it counts as free again, epoch ms. */
export function idleUntil(credits: ReadonlyMap<string, CreditRecord>, endpoint: EndpointId): number[] {
  const until: number[] = [];
  for (const credit of credits.values())
    if (credit.endpoint === endpoint) for (let slot = 0; slot < credit.idle; slot += 1) until.push(credit.holdUntilMs);
  return until;
}

/** Moves `change` slots between idle and in use; a credit that is gone or used up is left alone. Says whether it was moved. */
export function moveIdle(credits: Map<string, CreditRecord>, id: string | undefined, change: number): boolean {
  const credit = id === undefined ? undefined : credits.get(id);
  if (credit === undefined || credit.idle + change < 0) return false;
  credits.set(credit.id, { ...credit, idle: credit.idle + change });
  return true;
}

/** Forgets credits whose hold is over. */
export function sweepCredits(credits: Map<string, CreditRecord>, nowMs: number): void {
  for (const credit of credits.values()) if (credit.holdUntilMs <= nowMs) credits.delete(credit.id);
}

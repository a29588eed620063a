/**
 * How many attempts an endpoint may run at once.
 *
 * Our own GPUs: known (replicas × batch), set and never estimated. Third parties: additive increase, multiplicative decrease, driven by
 * their 429/503 and never by latency, which mixes sizes (control.md §3). Pure; kept in the region's scheduler.
 */
import type { Endpoint } from "../config/snapshot.ts";

/** What a throttle does to the limit, and how many successes raise it by one (control.md §3). */
export const THROTTLE_FACTOR = 0.8;
export const SUCCESSES_PER_SLOT = 10;

export type Slots =
  | { readonly kind: "known"; readonly slots: number }
  | {
      readonly kind: "adaptive";
      /** 1…`max`; fractions count once they make a whole slot. */
      readonly limit: number;
      readonly max: number;
      readonly successes: number;
      /** Attempts granted before this do not lower the limit again, epoch ms. */
      readonly loweredAtMs: number;
    };

/** Slots as the catalogue states them. A new statement about a third party keeps what was learned under it. */
export function slotsOf(concurrency: Endpoint["concurrency"], learned?: Slots): Slots {
  if (concurrency.kind === "known") return { kind: "known", slots: Math.max(1, concurrency.slots) };
  const max = Math.max(1, concurrency.max);
  const limit = learned?.kind === "adaptive" ? learned.limit : concurrency.initial;
  const former = learned?.kind === "adaptive" ? learned : { successes: 0, loweredAtMs: 0 };
  return { ...former, kind: "adaptive", limit: Math.min(max, Math.max(1, limit)), max };
}

/** Attempts that may run at once, at least 1. */
export function slotCount(slots: Slots): number {
  return slots.kind === "known" ? slots.slots : Math.max(1, Math.floor(slots.limit + 1e-9));
}

/** One success: every tenth adds a slot. */
export function recordSuccess(slots: Slots): Slots {
  if (slots.kind === "known") return slots;
  const successes = slots.successes + 1;
  if (successes < SUCCESSES_PER_SLOT) return { ...slots, successes };
  return { ...slots, successes: 0, limit: Math.min(slots.max, slots.limit + 1) };
}

/** One 429/503. All attempts that were under way when the limit fell say the same thing, so it is heard once. */
export function recordThrottle(slots: Slots, at: { readonly nowMs: number; readonly grantedAtMs: number }): Slots {
  if (slots.kind === "known" || at.grantedAtMs < slots.loweredAtMs) return slots;
  return { ...slots, limit: Math.max(1, slots.limit * THROTTLE_FACTOR), successes: 0, loweredAtMs: at.nowMs };
}

/**
 * Deliveries of a job's webhook: when the next try is due, and what the receiver's answer means. Standard Webhooks 1.0.
 *
 * Pure. One delivery has one id over all its tries, so that a receiver can tell a repeat; `redeliver` opens it again under the same id.
 */

/** Waits before each try, ms: at once, 5 s, 5 min, 30 min, 2, 5, 10, 14, 20, 24 h (Standard Webhooks, "retry schedule"). */
const WAITS_MS = [0, 5_000, 300_000, 1_800_000, ...[2, 5, 10, 14, 20, 24].map((hours) => hours * 3_600_000)] as const;

/** Up to a fifth more by chance, so that many deliveries to one receiver do not come at once. */
const JITTER = 0.2;

export interface Delivery {
  /** `webhook-id`. */
  readonly id: string;
  readonly url: string;
  /** The body as it is signed and sent, the same on every try. */
  readonly body: string;
  readonly state: "due" | "delivered" | "given-up";
  /** Epoch ms. */
  readonly dueAtMs: number;
  readonly tries: readonly DeliveryTry[];
  /** Tries before the schedule was last begun. */
  readonly triesBefore: number;
}

export interface DeliveryTry {
  readonly atMs: number;
  /** HTTP status; absent where none came. */
  readonly status?: number;
  /** Why none came: `timed_out`, `unreachable`, `refused_address`. */
  readonly problem?: string;
  readonly elapsedMs: number;
}

/** A delivery that is due at once. */
export function openDelivery(parts: Pick<Delivery, "id" | "url" | "body">, nowMs: number): Delivery {
  return { ...parts, state: "due", dueAtMs: nowMs, tries: [], triesBefore: 0 };
}

/** After a try: 2xx ends it, 410 says that nobody wants it any more, anything else is tried again by the schedule. */
export function recordTry(delivery: Delivery, tried: DeliveryTry, random: number): Delivery {
  const tries = [...delivery.tries, tried];
  const { status, problem } = tried;
  if (status !== undefined && status >= 200 && status < 300) return { ...delivery, tries, state: "delivered" };
  const waitMs = WAITS_MS[tries.length - delivery.triesBefore];
  if (status === 410 || problem === "refused_address" || waitMs === undefined) {
    return { ...delivery, tries, state: "given-up" };
  }
  return { ...delivery, tries, dueAtMs: tried.atMs + tried.elapsedMs + waitMs * (1 + random * JITTER) };
}

/** Asked for by hand: due now, with the schedule from its start. */
export function redeliver(delivery: Delivery, nowMs: number): Delivery {
  return { ...delivery, state: "due", dueAtMs: nowMs, triesBefore: delivery.tries.length };
}

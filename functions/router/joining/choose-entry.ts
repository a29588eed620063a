/**
 * Which of the works that are known of an equal request a new request goes on with, as a decision over plain data.
 *
 * A client that says it retries (`x-stainless-retry-count`) takes the place of one earlier call of its own, so each work is taken by
 * one retry of each count: two equal calls side by side stay two. A client that says nothing takes over only what has lost its client,
 * or hears a failure again that no retry can help: equal requests without a seed are otherwise meant to be different pictures.
 */

/** How a work ended: a value to hand over, nothing that could be handed over, or a failure that a retry may or cannot help. */
export type WorkEnd = "made" | "unshareable" | "failed_for_now" | "failed_for_good";

/** What is known of one work. */
export interface WorkFacts {
  /** `undefined` while it runs. */
  readonly end: WorkEnd | undefined;
  readonly waiters: number;
  /** The highest retry count that took this work over; 0 for none. */
  readonly takenBy: number;
}

export type Choice<Facts> =
  /** Wait for its value, or take it. */
  | { readonly choose: "join"; readonly entry: Facts }
  /** Start new work; `retryOf` is the failed one that it stands for, whose place is taken now. */
  | { readonly choose: "start"; readonly retryOf?: Facts };

/** Chooses among the works of one fingerprint, oldest first. `retryCount` is 0 for a client that does not say that it retries. */
export function chooseEntry<Facts extends WorkFacts>(entries: readonly Facts[], retryCount: number): Choice<Facts> {
  const hopeless = entries.find(({ end }) => end === "failed_for_good");
  if (hopeless !== undefined) return { choose: "join", entry: hopeless };
  const orphan = entries.find(({ end, waiters }) => end === undefined && waiters === 0);
  if (retryCount === 0) return orphan === undefined ? { choose: "start" } : { choose: "join", entry: orphan };

  const free = entries.filter(({ takenBy }) => takenBy < retryCount);
  const failed = free.find(({ end }) => end === "failed_for_now");
  if (failed !== undefined) return { choose: "start", retryOf: failed };
  const entry = orphan ?? free.find(({ end }) => end === undefined) ?? free.find(({ end }) => end === "made");
  return entry === undefined ? { choose: "start" } : { choose: "join", entry };
}

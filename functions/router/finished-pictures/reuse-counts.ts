/** Counts pictures that were found, joined and missed, with the scheduler of the place that would have drawn them. */
import { schedulerPortsFor } from "../adapters/ports.ts";
import { countSoon } from "../adapters/region-schedulers/counting.ts";
import type { Drawing } from "../make-picture.ts";

/** What became of a request that might have been served by another's picture. */
export type Reuse = "hit" | "joined" | "miss";

/** Counts one, behind the answer. */
export function noteReuse({ decided, context }: Drawing, reuse: Reuse): void {
  const place = decided.plan.legs[0]?.place;
  if (place !== undefined) countSoon(schedulerPortsFor(context), place, `cache-${reuse}`);
}

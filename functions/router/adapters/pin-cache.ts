/**
 * What endpoints said lately that they serve. State: isolate memory, one entry an endpoint; answers only, never a look under way.
 *
 * A look that worked is believed for a minute; one that failed is tried again after five seconds, so that an endpoint whose pin was
 * fixed comes back by itself. Requests that come while nothing is known look each for itself: a look is the I/O of the request that makes
 * it, and dies with it, and whoever waited for that would wait in vain. Fails open: no answer means `unverified`, not wrong.
 */
import type { Clock, EndpointId } from "../../../routing/index.ts";

/** How long an answer is believed, ms: version drift is a deploy, which takes minutes. */
const BELIEVED_MS = 60_000;

/** How soon a look that brought nothing is repeated, ms. */
const RETRY_MS = 5_000;

interface Seen {
  readonly pin: string | undefined;
  readonly staleAtMs: number;
}

/** The core's pins port. */
export function createPinCache(clock: Pick<Clock, "nowMs">) {
  const seen = new Map<EndpointId, Seen>();
  let forgotten = 0;
  return {
    async look(endpoint: EndpointId, load: () => Promise<string | undefined>): Promise<string | undefined> {
      const known = seen.get(endpoint);
      if (known !== undefined && clock.nowMs() < known.staleAtMs) return known.pin;
      const forgottenBefore = forgotten;
      const pin = await load().catch(() => undefined);
      // What was seen before somebody forgot it is as old as what was forgotten.
      if (forgotten === forgottenBefore) {
        seen.set(endpoint, { pin, staleAtMs: clock.nowMs() + (pin === undefined ? RETRY_MS : BELIEVED_MS) });
      }
      return pin;
    },
    /** What was known of this endpoint is old: it was wrong, or has been put right. */
    forget(endpoint: EndpointId): void {
      forgotten += 1;
      seen.delete(endpoint);
    },
  };
}

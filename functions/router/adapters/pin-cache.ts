/**
 * What endpoints said lately that they serve. State: isolate memory, one entry an endpoint.
 *
 * A look that worked is believed for a minute; one that failed is tried again after five seconds, so that an endpoint whose pin was
 * fixed comes back by itself. Fails open: no answer means `unverified`, not wrong.
 */
import type { Clock, EndpointId } from "../../../routing/index.ts";

/** How long an answer is believed, ms: version drift is a deploy, which takes minutes. */
const BELIEVED_MS = 60_000;

/** How soon a look that brought nothing is repeated, ms. */
const RETRY_MS = 5_000;

interface Look {
  readonly answer: Promise<string | undefined>;
  staleAtMs: number;
}

/** The core's pins port. */
export function createPinCache(clock: Pick<Clock, "nowMs">) {
  const looks = new Map<EndpointId, Look>();
  return {
    look(endpoint: EndpointId, load: () => Promise<string | undefined>): Promise<string | undefined> {
      const known = looks.get(endpoint);
      if (known !== undefined && clock.nowMs() < known.staleAtMs) return known.answer;
      const look: Look = { answer: load().catch(() => undefined), staleAtMs: clock.nowMs() + RETRY_MS };
      looks.set(endpoint, look);
      void look.answer.then((pin) => {
        if (pin !== undefined) look.staleAtMs = clock.nowMs() + BELIEVED_MS;
      });
      return look.answer;
    },
    /** What was known of this endpoint is old: it was wrong, or has been put right. */
    forget(endpoint: EndpointId): void {
      looks.delete(endpoint);
    },
  };
}

/** The platform's clock behind the core's port. In a deployed Worker time only advances with I/O, which is where the core looks at it. */
import type { Clock } from "../../../routing/index.ts";

export const platformClock: Clock = {
  nowMs: () => Date.now(),
  timer(ms, ring) {
    const timer = setTimeout(ring, ms);
    return () => clearTimeout(timer);
  },
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const timer = setTimeout(done, ms);
      signal?.addEventListener("abort", done, { once: true });
      function done() {
        clearTimeout(timer);
        signal?.removeEventListener("abort", done);
        resolve();
      }
    }),
};

/**
 * Work that runs once and that several requests of this isolate may wait for, counted.
 *
 * State: isolate memory. The work belongs to the request that started it: its I/O is that request's, kept alive by `background`, and
 * is stopped there, once nobody has waited for `graceMs`. The value crosses requests, so it must be plain data: a stream, or anything
 * else that the platform ties to a request, can be read by the request that started the work alone. Who has left is told nothing any
 * more: its request may be gone, and the platform drops what is sent there with a warning.
 * Fails safe: a waiter that is cut off without notice only keeps the work from being stopped early.
 */
import type { CancelCause, Clock } from "../../../routing/index.ts";

/** What a waiter gets that left before the value was there. */
export const LEFT = Symbol("left");

export interface SharedWork<Value> {
  /** Waits for the value; `LEFT` when `signal` aborts first. Counts as a waiter until then. */
  wait(signal: AbortSignal): Promise<Value | typeof LEFT>;
  /** How many wait now. */
  waiters(): number;
  /** The value, for one who only looks on: does not count as a waiter. */
  outcome(): Promise<Value>;
}

export interface ShareOptions<Value> {
  /** Does the work. `signal` aborts with `client_gone` when nobody waits for it any more. */
  start(signal: AbortSignal): Promise<Value>;
  readonly clock: Clock;
  /** How long work without a waiter goes on, ms. */
  readonly graceMs: number;
  background(work: Promise<unknown>): void;
}

/** Starts the work. The caller waits for it like everybody else. */
export function shareWork<Value>({ start, clock, graceMs, background }: ShareOptions<Value>): SharedWork<Value> {
  const stop = new AbortController();
  const settled = new AbortController();
  let isSettled = false;
  const waiting = new Set<PromiseWithResolvers<Value | typeof LEFT>>();
  let emptiedAtMs = clock.nowMs();
  let emptied = Promise.withResolvers<void>();

  const value = start(stop.signal);
  const end = (tell: (waiter: PromiseWithResolvers<Value | typeof LEFT>) => void): void => {
    isSettled = true;
    settled.abort();
    emptied.resolve();
    for (const waiter of waiting) tell(waiter);
    waiting.clear();
  };
  value.then(
    (made) => end(({ resolve }) => resolve(made)),
    (error: unknown) => end(({ reject }) => reject(error)),
  );
  background(value.catch(() => undefined));
  background(stopWhenAbandoned());

  /** Runs in the request that started the work, whoever the last waiter was: only there may its I/O be called off. */
  async function stopWhenAbandoned(): Promise<void> {
    while (!isSettled) {
      await emptied.promise;
      emptied = Promise.withResolvers<void>();
      while (waiting.size === 0 && !isSettled) {
        const leftMs = emptiedAtMs + graceMs - clock.nowMs();
        if (leftMs <= 0) return stop.abort("client_gone" satisfies CancelCause);
        await clock.sleep(leftMs, settled.signal);
      }
    }
  }

  return {
    waiters: () => waiting.size,
    outcome: () => value,
    async wait(signal) {
      if (isSettled) return signal.aborted ? LEFT : value;
      const waiter = Promise.withResolvers<Value | typeof LEFT>();
      const onAbort = () => waiter.resolve(LEFT);
      if (signal.aborted) onAbort();
      signal.addEventListener("abort", onAbort, { once: true });
      waiting.add(waiter);
      try {
        return await waiter.promise;
      } finally {
        signal.removeEventListener("abort", onAbort);
        waiting.delete(waiter);
        if (waiting.size === 0 && !isSettled) {
          emptiedAtMs = clock.nowMs();
          emptied.resolve();
        }
      }
    },
  };
}

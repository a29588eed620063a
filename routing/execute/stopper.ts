/**
 * The way in which one attempt can be stopped, and the promise that nothing it waits for outlives that.
 *
 * The first reason wins. The upstream sees an abort with the typed cause; whatever a port still yields afterwards is handed to `late`
 * and thrown away there. State lives in the attempt.
 */
import type { AttemptFailure, CancelCause } from "../failure/index.ts";

/** Yielded instead of a value when the attempt was stopped meanwhile. */
export const STOPPED = Symbol("stopped");

export interface Stopper {
  /** Aborts with a `CancelCause` as its reason. */
  readonly signal: AbortSignal;
  /** Why it was stopped; `undefined` while it may run. */
  failure(): AttemptFailure | undefined;
  stop(failure: AttemptFailure): void;
  /** What `work` yields, or STOPPED at once when the attempt is stopped. `late` gets what came too late. */
  race<Value>(work: Promise<Value>, late?: (value: Value) => void): Promise<Value | typeof STOPPED>;
}

/** A stopper that nobody has pulled yet. */
export function createStopper(): Stopper {
  const controller = new AbortController();
  const { promise: stopped, resolve } = Promise.withResolvers<typeof STOPPED>();
  let failure: AttemptFailure | undefined;

  return {
    signal: controller.signal,
    failure: () => failure,
    stop(why) {
      if (failure !== undefined) return;
      failure = why;
      resolve(STOPPED);
      controller.abort(abortCause(why));
    },
    async race(work, late) {
      const first = failure === undefined ? await Promise.race([work, stopped]) : STOPPED;
      if (first !== STOPPED && failure === undefined) return first;
      // What comes after a stop is of no use, and neither is how it fails.
      void work.then(late, ignore);
      return STOPPED;
    },
  };
}

const ignore = (): void => undefined;

/** What the upstream's abort signal carries: a slice of the deadline that ran out is the deadline's doing. */
function abortCause(failure: AttemptFailure): CancelCause {
  return failure.reason === "cancelled" ? failure.cause : "deadline";
}

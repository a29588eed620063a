/**
 * A response body that can be taken back: every read is raced against the attempt's stopper, and in the streaming phase the time spent
 * waiting for the upstream is limited.
 *
 * Only waiting for the upstream counts: a client that takes its picture slowly is not the endpoint's fault and is not cut off. One
 * alarm watches over all reads; setting one for each cost a quarter of the work on a picture of 25 MB.
 */
import type { AttemptFailure } from "../failure/index.ts";
import type { ByteSource, Piece } from "../image/byte-source.ts";
import type { RequestClock } from "./request-clock.ts";
import { STOPPED, type Stopper } from "./stopper.ts";

export interface GuardedSource extends ByteSource {
  /** From now on all waits together may last `patienceMs`; then the attempt is stopped with `outOfPatience`. */
  limitWaits(patienceMs: number, outOfPatience: AttemptFailure): void;
}

/** Guards `source`; after a stop it yields the stopper's failure and the upstream sees its connection close. */
export function guardSource(source: ByteSource, stopper: Stopper, clock: RequestClock): GuardedSource {
  let waitedMs = 0;
  /** When the read that is under way began, epoch ms. */
  let waitingSinceMs: number | undefined;

  function waitedSoFarMs(): number {
    return waitedMs + (waitingSinceMs === undefined ? 0 : clock.nowMs() - waitingSinceMs);
  }

  /** Looks when patience could be over at the soonest, and again until it is. */
  function watch(untilWaitedMs: number, outOfPatience: AttemptFailure): void {
    const leftMs = untilWaitedMs - waitedSoFarMs();
    if (leftMs <= 0) stopper.stop(outOfPatience);
    else clock.alarm(clock.nowMs() + leftMs, () => watch(untilWaitedMs, outOfPatience));
  }

  return {
    fillsBuffers: source.fillsBuffers,
    cancel: (reason) => source.cancel(reason),
    limitWaits(patienceMs, outOfPatience) {
      watch(waitedMs + patienceMs, outOfPatience);
    },
    async next(spare): Promise<Piece> {
      waitingSinceMs = clock.nowMs();
      const piece = await stopper.race(source.next(spare));
      waitedMs = waitedSoFarMs();
      waitingSinceMs = undefined;
      if (piece !== STOPPED) return piece;
      void source.cancel();
      return { kind: "failed", failure: stopper.failure() ?? { reason: "cancelled", cause: "revoked" } };
    },
  };
}

/**
 * A response body that can be taken back: every read is raced against the attempt's stopper, and in the streaming phase the time spent
 * waiting for the upstream is limited.
 *
 * Only waiting for the upstream counts: a client that takes its picture slowly is not the endpoint's fault and is not cut off.
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
  let limit: { leftMs: number; readonly outOfPatience: AttemptFailure } | undefined;

  async function nextOrStop(spare: ArrayBuffer | undefined): Promise<Piece> {
    const piece = await stopper.race(source.next(spare));
    if (piece !== STOPPED) return piece;
    void source.cancel();
    return { kind: "failed", failure: stopper.failure() ?? { reason: "cancelled", cause: "revoked" } };
  }

  return {
    fillsBuffers: source.fillsBuffers,
    cancel: (reason) => source.cancel(reason),
    limitWaits(patienceMs, outOfPatience) {
      limit = { leftMs: patienceMs, outOfPatience };
    },
    async next(spare) {
      if (limit === undefined) return nextOrStop(spare);
      const { outOfPatience } = limit;
      const fromMs = clock.nowMs();
      const takeBack = clock.alarm(fromMs + limit.leftMs, () => stopper.stop(outOfPatience));
      const piece = await nextOrStop(spare);
      takeBack();
      limit.leftMs -= clock.nowMs() - fromMs;
      return piece;
    },
  };
}

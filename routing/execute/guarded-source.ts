/**
 * A response body that can be taken back: every read is raced against the attempt's stopper, and in the streaming phase the time spent
 * waiting for the upstream is limited.
 *
 * Only waiting for the upstream counts: a client that takes its picture slowly is not the endpoint's fault and is not cut off. One
 * alarm watches over all reads; setting one for each cost a quarter of the work on a picture of 25 MB. Where the platform pipes by
 * itself, waits cannot be told apart, and a pace that no client needs to undercut bounds the whole instead.
 */
import type { AttemptFailure } from "../failure/index.ts";
import type { ByteSource, Piece, PipeEnd } from "../image/byte-source.ts";
import type { RequestClock } from "./request-clock.ts";
import { STOPPED, type Stopper } from "./stopper.ts";

/** Slowest pace at which a piped picture is still being delivered, bytes a second: 512 kbit/s. Below it, it counts as stalled. */
const SLOWEST_PIPE_BYTES_PER_SECOND = 64 * 1024;

/** What even a small rest is given, ms. */
const PIPE_GRACE_MS = 10_000;

export interface GuardedSource extends ByteSource {
  /** From now on all waits together may last `patienceMs`; then the attempt is stopped with `outOfPatience`. */
  limitWaits(patienceMs: number, outOfPatience: AttemptFailure): void;
}

/**
 * Guards `source`, of which `lengthBytes` are expected where known; after a stop it yields the stopper's failure and the upstream sees
 * its connection close.
 */
export function guardSource(
  source: ByteSource,
  { stopper, clock, lengthBytes }: { stopper: Stopper; clock: RequestClock; lengthBytes?: number | undefined },
): GuardedSource {
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

  const { pipeRest } = source;

  /** A stop aborts the call, which breaks the body and with it the pipe. */
  async function pipeInTime(
    pipe: NonNullable<ByteSource["pipeRest"]>,
    writable: WritableStream<Uint8Array<ArrayBuffer>>,
    bytes: number,
  ): Promise<PipeEnd> {
    const timeoutMs = PIPE_GRACE_MS + Math.ceil((bytes / SLOWEST_PIPE_BYTES_PER_SECOND) * 1_000);
    const stop = () => stopper.stop({ reason: "timed_out", timeoutMs, phase: "body" });
    const takeBack = clock.alarm(clock.nowMs() + timeoutMs, stop);
    const end = await pipe(writable);
    takeBack();
    return end;
  }

  return {
    ...(pipeRest === undefined || lengthBytes === undefined
      ? {}
      : {
          pipeRest: (writable: WritableStream<Uint8Array<ArrayBuffer>>) => pipeInTime(pipeRest, writable, lengthBytes),
        }),
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

/**
 * Virtual time: nothing waits, the next thing that is due happens at once. The same calls in the same order give the same run.
 *
 * Between two events every promise is settled, so that code with `await` in it behaves as if it were infinitely fast. Wall clocks read
 * this time with an offset of their own, which may jump as a correction by NTP does; what sleeps is not moved by that.
 */
import type { Clock } from "../../../routing/index.ts";

/** Where wall clocks begin, epoch ms. */
const EPOCH_MS = 1_700_000_000_000;

export interface VirtualTime {
  /** ms since the start; no jump changes it. */
  passedMs(): number;
  /** Calls `ring` once after `ms`; the returned function takes that back. */
  after(ms: number, ring: () => void): () => void;
  /** Lets time pass until nothing is due any more, or until `untilMs` (since the start). */
  run(untilMs?: number): Promise<void>;
}

/** A clock that may be wrong. */
export interface WallClock extends Clock {
  jump(ms: number): void;
}

interface Entry {
  readonly atMs: number;
  readonly order: number;
  ring: (() => void) | undefined;
}

const isBefore = (one: Entry, other: Entry): boolean =>
  one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);

/** Starts at 0. */
export function createVirtualTime(): VirtualTime {
  const heap: Entry[] = [];
  let passedMs = 0;
  let order = 0;

  function push(entry: Entry): void {
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(entry, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = entry;
  }

  function pop(): Entry | undefined {
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1;
      if (!isBefore(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return first;
  }

  return {
    passedMs: () => passedMs,
    after(ms, ring) {
      order += 1;
      const entry: Entry = { atMs: passedMs + Math.max(0, ms), order, ring };
      push(entry);
      return () => {
        entry.ring = undefined;
      };
    },
    async run(untilMs = Number.POSITIVE_INFINITY) {
      await settle();
      for (let next = heap[0]; next !== undefined && next.atMs <= untilMs; next = heap[0]) {
        pop();
        const { ring } = next;
        if (ring === undefined) continue;
        passedMs = next.atMs;
        ring();
        await settle();
      }
      if (Number.isFinite(untilMs)) passedMs = Math.max(passedMs, untilMs);
    },
  };
}

/** A wall clock over virtual time. */
export function createWallClock(time: VirtualTime): WallClock {
  let offsetMs = EPOCH_MS;
  return {
    nowMs: () => time.passedMs() + offsetMs,
    jump(ms) {
      offsetMs += ms;
    },
    sleep(ms, signal) {
      if (signal?.aborted) return Promise.resolve();
      return new Promise((resolve) => {
        const stop = time.after(ms, () => {
          signal?.removeEventListener("abort", onAbort);
          resolve();
        });
        const onAbort = (): void => {
          stop();
          resolve();
        };
        signal?.addEventListener("abort", onAbort, { once: true });
      });
    },
    timer: (ms, ring) => time.after(ms, ring),
  };
}

/** One turn of the event loop: promises and microtasks run to their end before it. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/**
 * A clock that stands still until a test moves it.
 *
 * `advance` wakes sleepers one by one in the order of their times and lets everything that they set off settle before the next, so a
 * run is the same every time. `jump` moves the wall clock alone, as a correction by NTP does: sleepers sleep on.
 */
import type { Clock } from "../../routing/execute/ports.ts";

export interface FakeClock extends Clock {
  /** Lets `ms` pass. */
  advance(ms: number): Promise<void>;
  /** Moves what `nowMs` says by `ms`, back or forth, without time passing. */
  jump(ms: number): void;
  /** Passes time until `work` is done, but no more than `limitMs`; then throws. */
  runUntil<Value>(work: Promise<Value>, limitMs?: number): Promise<Value>;
  /** Time passed since the start, ms; no jump changes it. */
  passedMs(): number;
  /** Sleepers that sleep now. */
  sleeping(): number;
}

interface Sleeper {
  readonly wakeAtMs: number;
  readonly order: number;
  readonly wake: () => void;
}

/** Starts at `startAtMs`. */
export function createFakeClock(startAtMs = 1_000_000): FakeClock {
  const sleepers = new Set<Sleeper>();
  let passedMs = 0;
  let wallMs = startAtMs;
  let order = 0;

  function earliest(untilMs: number): Sleeper | undefined {
    let first: Sleeper | undefined;
    for (const sleeper of sleepers) {
      if (sleeper.wakeAtMs > untilMs) continue;
      const isSooner = first === undefined || sleeper.wakeAtMs < first.wakeAtMs;
      if (isSooner || (sleeper.wakeAtMs === first?.wakeAtMs && sleeper.order < first.order)) first = sleeper;
    }
    return first;
  }

  function passTo(ms: number): void {
    wallMs += ms - passedMs;
    passedMs = ms;
  }

  async function advance(ms: number): Promise<void> {
    const untilMs = passedMs + ms;
    await settle();
    for (let next = earliest(untilMs); next !== undefined; next = earliest(untilMs)) {
      passTo(Math.max(passedMs, next.wakeAtMs));
      sleepers.delete(next);
      next.wake();
      await settle();
    }
    passTo(untilMs);
  }

  return {
    advance,
    nowMs: () => wallMs,
    jump(ms) {
      wallMs += ms;
    },
    passedMs: () => passedMs,
    sleeping: () => sleepers.size,
    sleep(ms, signal) {
      if (signal?.aborted) return Promise.resolve();
      return new Promise((resolve) => {
        order += 1;
        const sleeper: Sleeper = { wakeAtMs: passedMs + Math.max(0, ms), order, wake: resolve };
        sleepers.add(sleeper);
        signal?.addEventListener(
          "abort",
          () => {
            sleepers.delete(sleeper);
            resolve();
          },
          { once: true },
        );
      });
    },
    timer(ms, ring) {
      order += 1;
      const sleeper: Sleeper = { wakeAtMs: passedMs + Math.max(0, ms), order, wake: ring };
      sleepers.add(sleeper);
      return () => {
        sleepers.delete(sleeper);
      };
    },
    async runUntil(work, limitMs = 3_600_000) {
      let isDone = false;
      const mark = (): void => {
        isDone = true;
      };
      work.then(mark, mark);
      const untilMs = passedMs + limitMs;
      await settle();
      while (!isDone) {
        const next = earliest(untilMs);
        if (next === undefined) throw new Error(`nothing happens any more within ${limitMs} ms`);
        await advance(Math.max(0, next.wakeAtMs - passedMs));
      }
      return work;
    },
  };
}

/** Lets everything run that needs no time: promises, and the turns of the event loop that streams take. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

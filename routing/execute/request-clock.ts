/**
 * One request's sense of time: a clock that never goes back, and alarms on it.
 *
 * A wall clock may jump. Back: ours goes on from where it was, and a sleep that ended sets it right. Forth: the time counts as passed
 * and the request ends typed. The sleep until the end, begun with the request, holds the deadline whatever the wall clock does.
 * Its state lives in the request; `close` ends its timers.
 */
import type { Clock } from "./ports.ts";

export interface RequestClock {
  /** Epoch ms; never less than what it said before. */
  nowMs(): number;
  /** Calls `ring` once when `atMs` is reached. The returned function takes the alarm back. */
  alarm(atMs: number, ring: () => void): () => void;
  /** Takes back every alarm and ends the timers. */
  close(): void;
}

interface Alarm {
  readonly atMs: number;
  readonly ring: () => void;
  readonly sleeper: AbortController;
}

/** Starts a request's clock over the world's. No time of the request is later than `endAtMs`. */
export function createRequestClock(clock: Clock, endAtMs: number): RequestClock {
  const alarms = new Set<Alarm>();
  let latestMs = clock.nowMs();
  /** What the wall clock was set back by, ms. */
  let aheadMs = 0;

  function nowMs(): number {
    const readMs = clock.nowMs();
    if (readMs + aheadMs < latestMs) aheadMs = latestMs - readMs;
    latestMs = readMs + aheadMs;
    return latestMs;
  }

  /** Whoever wakes brings the news of the time to all. */
  function wakeAt(alarm: Alarm): void {
    if (!alarms.has(alarm)) return;
    latestMs = Math.max(latestMs, alarm.atMs);
    const dueByMs = nowMs();
    const due = [...alarms].filter(({ atMs }) => atMs <= dueByMs).sort((a, b) => a.atMs - b.atMs);
    for (const one of due) if (takeBack(one)) one.ring();
  }

  function takeBack(alarm: Alarm): boolean {
    const wasSet = alarms.delete(alarm);
    if (wasSet) alarm.sleeper.abort();
    return wasSet;
  }

  function alarm(atMs: number, ring: () => void): () => void {
    const one: Alarm = { atMs, ring, sleeper: new AbortController() };
    alarms.add(one);
    void clock.sleep(Math.max(0, atMs - nowMs()), one.sleeper.signal).then(() => wakeAt(one));
    return () => {
      takeBack(one);
    };
  }

  alarm(endAtMs, () => undefined);

  return {
    nowMs,
    alarm,
    close() {
      for (const one of alarms) takeBack(one);
    },
  };
}

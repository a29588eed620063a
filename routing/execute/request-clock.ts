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
  stopTimer: () => void;
}

/** Starts a request's clock over the world's. `endAtMs`: the latest time at which the request is answered. */
export function createRequestClock(clock: Clock, endAtMs: number): RequestClock {
  const startTimer = clock.timer?.bind(clock) ?? timerBySleep(clock);
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
  function wakeAt(atMs: number): void {
    latestMs = Math.max(latestMs, atMs);
    const dueByMs = nowMs();
    const due = [...alarms].filter((alarm) => alarm.atMs <= dueByMs).sort((a, b) => a.atMs - b.atMs);
    for (const alarm of due) if (takeBack(alarm)) alarm.ring();
  }

  function takeBack(alarm: Alarm): boolean {
    if (!alarms.delete(alarm)) return false;
    alarm.stopTimer();
    return true;
  }

  function alarm(atMs: number, ring: () => void): () => void {
    const one: Alarm = { atMs, ring, stopTimer: nothing };
    // An alarm at the very end rings with the end's own timer: most attempts need no second one.
    const needsTimer = atMs !== endAtMs || !alarms.has(end);
    if (needsTimer) one.stopTimer = startTimer(Math.max(0, atMs - nowMs()), () => wakeAt(atMs));
    alarms.add(one);
    return () => {
      takeBack(one);
    };
  }

  const end: Alarm = { atMs: endAtMs, ring: nothing, stopTimer: nothing };
  end.stopTimer = startTimer(Math.max(0, endAtMs - latestMs), () => wakeAt(endAtMs));
  alarms.add(end);

  return {
    nowMs,
    alarm,
    close() {
      for (const one of alarms) takeBack(one);
    },
  };
}

function nothing(): void {}

function timerBySleep(clock: Clock): NonNullable<Clock["timer"]> {
  return (ms, ring) => {
    const sleeper = new AbortController();
    void clock.sleep(ms, sleeper.signal).then(() => {
      if (!sleeper.signal.aborted) ring();
    });
    // Without a reason the platform would build a DOMException with its stack, at the price of all the rest.
    return () => sleeper.abort("taken back");
  };
}

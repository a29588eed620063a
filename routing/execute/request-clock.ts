/**
 * One request's sense of time: a clock that never goes back, and alarms on it that share one sleeping timer.
 *
 * A wall clock may jump. Back: ours stands still until a sleep has really passed, so no deadline moves away. Forward: the deadline
 * is taken as passed and the request ends typed. Its state lives in the request; `close` ends its timer.
 */
import type { Clock } from "./ports.ts";

export interface RequestClock {
  /** Epoch ms; never less than what it said before. */
  nowMs(): number;
  /** Calls `ring` once when `atMs` is reached. The returned function takes the alarm back. */
  alarm(atMs: number, ring: () => void): () => void;
  /** Takes back every alarm and ends the timer. */
  close(): void;
}

interface Alarm {
  readonly atMs: number;
  readonly ring: () => void;
}

interface Sleeper {
  readonly untilMs: number;
  readonly controller: AbortController;
}

/** Starts a request's clock over the world's. */
export function createRequestClock(clock: Clock): RequestClock {
  const alarms = new Set<Alarm>();
  let latestMs = clock.nowMs();
  let sleeper: Sleeper | undefined;

  function nowMs(): number {
    latestMs = Math.max(latestMs, clock.nowMs());
    return latestMs;
  }

  /** Keeps exactly one timer, on the earliest alarm. A timer that is early for what is left does no harm: it looks and sleeps on. */
  function arm(): void {
    let untilMs = Number.POSITIVE_INFINITY;
    for (const alarm of alarms) untilMs = Math.min(untilMs, alarm.atMs);
    if (untilMs === Number.POSITIVE_INFINITY || (sleeper !== undefined && sleeper.untilMs <= untilMs)) return;
    sleeper?.controller.abort();
    const mine: Sleeper = { untilMs, controller: new AbortController() };
    sleeper = mine;
    void clock.sleep(Math.max(0, untilMs - nowMs()), mine.controller.signal).then(() => {
      if (sleeper !== mine) return;
      sleeper = undefined;
      latestMs = Math.max(latestMs, untilMs);
      ringDue();
      arm();
    });
  }

  function ringDue(): void {
    const dueByMs = nowMs();
    const due = [...alarms].filter((alarm) => alarm.atMs <= dueByMs).sort((a, b) => a.atMs - b.atMs);
    for (const alarm of due) if (alarms.delete(alarm)) alarm.ring();
  }

  return {
    nowMs,
    alarm(atMs, ring) {
      const alarm: Alarm = { atMs, ring };
      alarms.add(alarm);
      arm();
      return () => {
        alarms.delete(alarm);
      };
    },
    close() {
      alarms.clear();
      const last = sleeper;
      sleeper = undefined;
      last?.controller.abort();
    },
  };
}

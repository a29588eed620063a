/**
 * RegionSchedulers without a platform: the real host over a map for storage and the tests' clock, behind a line that can be slow or dead.
 */
import type { KeyValueStorage } from "../../functions/region/checkpoint-store.ts";
import type { RegionCall, RegionObject } from "../../functions/region/region-protocol.ts";
import { createSchedulerHost, type SchedulerHost } from "../../functions/region/scheduler-host.ts";
import type { StartTimer } from "../../functions/region/waiting-room.ts";
import type { FakeClock } from "./fake-clock.ts";

/** Timers on a clock that tests move. */
export function timersOn(clock: FakeClock): StartTimer {
  return (ms, ring) => {
    const stopped = new AbortController();
    void clock.sleep(ms, stopped.signal).then(() => {
      if (!stopped.signal.aborted) ring();
    });
    return () => stopped.abort();
  };
}

export interface StoredHost {
  readonly host: SchedulerHost;
  readonly stored: Map<string, unknown>;
  /** When it asked to be saved, as spans from the moment it asked, ms. */
  readonly saves: readonly number[];
}

/** A host over `stored`, which is what its former life wrote. */
export async function aHost(
  clock: FakeClock,
  stored: Map<string, unknown> = new Map(),
  random: () => number = () => 0.5,
): Promise<StoredHost> {
  const saves: number[] = [];
  const storage: KeyValueStorage = {
    get: async (key) => stored.get(key),
    async put(entries) {
      for (const [key, value] of Object.entries(entries)) stored.set(key, structuredClone(value));
    },
  };
  const host = createSchedulerHost({
    nowMs: clock.nowMs,
    random,
    startTimer: timersOn(clock),
    storage,
    saveIn: (ms) => void saves.push(ms),
  });
  await host.restore();
  return { host, stored, saves };
}

/** One place's object on a line. */
export interface LinedObject extends StoredHost {
  /** Each answer takes so long, ms. */
  answersAfterMs: number;
  isDown: boolean;
  /** Every `call` that came in. */
  readonly calls: readonly RegionCall[];
  readonly line: RegionObject;
}

/** A host behind a line; what crosses it is cloned, as the platform does. */
export async function aLinedObject(clock: FakeClock): Promise<LinedObject> {
  const { host, stored, saves } = await aHost(clock);
  const calls: RegionCall[] = [];
  const cross = async <Answer>(answer: () => Answer | Promise<Answer>): Promise<Answer> => {
    if (object.isDown) throw new Error("the object is down");
    const answered = answer();
    if (object.answersAfterMs > 0) await clock.sleep(object.answersAfterMs);
    return structuredClone(await answered);
  };
  const object: LinedObject = {
    host,
    stored,
    saves,
    calls,
    answersAfterMs: 0,
    isDown: false,
    line: {
      configure: (place, snapshot, pushedAtMs) => cross(() => host.configure(place, snapshot, pushedAtMs)),
      call: (call) =>
        cross(() => {
          calls.push(structuredClone(call));
          return host.call(structuredClone(call));
        }),
      granted: (ticket, untilMs) => cross(() => host.granted(ticket, untilMs)),
      watchRequest: (requestId, untilMs) => cross(() => host.watchRequest(requestId, untilMs)),
      watch: (leaseId, untilMs, report) => cross(() => host.watch(leaseId, untilMs, report)),
    },
  };
  return object;
}

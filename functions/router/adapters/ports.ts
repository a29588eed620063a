/**
 * The core's ports as this isolate brings them: platform clock and chance, fetch, the scheduler, secrets by name, pins looked at lately.
 */
import { createSimpleScheduler, type ExecutePorts, type Scheduler, type Snapshot } from "../../../routing/index.ts";
import { type Env, secretOf } from "../environment.ts";
import { platformClock } from "./clock.ts";
import { createPinCache } from "./pin-cache.ts";
import { fetchUpstream } from "./upstream.ts";

const pins = createPinCache(platformClock);

/** One scheduler a snapshot: its in-flight counts are the isolate's own. */
const schedulers = new WeakMap<Snapshot, Scheduler>();

function schedulerOf(snapshot: Snapshot): Scheduler {
  let scheduler = schedulers.get(snapshot);
  if (scheduler === undefined) {
    scheduler = createSimpleScheduler(snapshot.content.catalog, platformClock, Math.random);
    schedulers.set(snapshot, scheduler);
  }
  return scheduler;
}

/** Ports for one request. */
export function portsFor(env: Env, snapshot: Snapshot, background: (work: Promise<unknown>) => void): ExecutePorts {
  return {
    clock: platformClock,
    random: Math.random,
    upstream: fetchUpstream,
    scheduler: schedulerOf(snapshot),
    secret: (name) => secretOf(env, name),
    background,
    pins,
  };
}

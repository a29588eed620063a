/**
 * The core's ports as this isolate brings them: platform clock and chance, fetch, the places' schedulers, secrets by name, pins looked at lately.
 *
 * State: isolate memory, which holds plain data only; stubs and timers belong to the request that made them.
 */
import type { ExecutePorts } from "../../../routing/index.ts";
import { type Env, secretOf } from "../environment.ts";
import { findLast } from "../finished-pictures/last-picture.ts";
import { platformClock } from "./clock.ts";
import type { ServedConfig } from "./config-store.ts";
import { createPinCache } from "./pin-cache.ts";
import { lookAtEndpoints } from "./region-schedulers/endpoint-looks.ts";
import { createMemory, type IsolateMemory } from "./region-schedulers/memory.ts";
import { regionLinks } from "./region-schedulers/region-links.ts";
import { createRegionScheduler, type SchedulerPorts } from "./region-schedulers/scheduler.ts";
import { createUpstream } from "./upstream.ts";

const pins = createPinCache(platformClock);

let memory: IsolateMemory | undefined;

/** What this isolate keeps of the schedulers. Made with its first request: there is no chance to draw an id from before. */
export function isolateMemory(): IsolateMemory {
  memory ??= createMemory(crypto.randomUUID().slice(0, 13));
  return memory;
}

/** For whom ports are brought. */
export interface PortsFor {
  readonly env: Env;
  readonly served: ServedConfig;
  background(work: Promise<unknown>): void;
}

/** Ports for one request. */
export function portsFor(request: PortsFor): ExecutePorts {
  return {
    clock: platformClock,
    random: Math.random,
    upstream: createUpstream(request.env),
    scheduler: createRegionScheduler(schedulerPortsFor(request)),
    secret: (name) => secretOf(request.env, name),
    background: request.background,
    pins,
    stale: (ask) => findLast(request.env.IMAGES, ask),
  };
}

/** What is needed to talk to the schedulers on behalf of one request. */
export function schedulerPortsFor({ env, served, background }: PortsFor): SchedulerPorts {
  const { snapshot, pointer } = served;
  return {
    memory: isolateMemory(),
    links: regionLinks(env.REGION, snapshot.content.catalog.places),
    clock: platformClock,
    snapshot,
    pushedAtMs: pointer?.pushedAtMs ?? 0,
    random: Math.random,
    background,
    look: (due) =>
      lookAtEndpoints(due, {
        snapshot,
        clock: platformClock,
        upstream: createUpstream(env),
        secret: (name) => secretOf(env, name),
        forgetPin: pins.forget,
      }),
    forgetPin: pins.forget,
  };
}

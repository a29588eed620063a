/**
 * An isolate with lines to two places' schedulers, on a clock that stands still: the adapter and the hosts are real, the line is not.
 */
import { createMemory, type IsolateMemory } from "../../../functions/router/adapters/region-schedulers/memory.ts";
import {
  createRegionScheduler,
  type SchedulerPorts,
} from "../../../functions/router/adapters/region-schedulers/scheduler.ts";
import type { AttemptOutcome, Lease, Reservation, ReserveAsk, Scheduler, Snapshot } from "../../../routing/index.ts";
import { createFakeClock, type FakeClock, settle } from "../../support/fake-clock.ts";
import { aLinedObject, type LinedObject } from "../../support/region-objects.ts";
import { aSnapshot } from "../../support/snapshot.ts";

export const HOME = "weur-sd35-medium";

export interface WorldParts {
  readonly snapshot?: Snapshot;
  readonly look?: SchedulerPorts["look"];
}

export interface SchedulerWorld {
  readonly clock: FakeClock;
  readonly memory: IsolateMemory;
  readonly weur: LinedObject;
  readonly enam: LinedObject;
  readonly background: readonly Promise<unknown>[];
  readonly forgottenPins: readonly string[];
  /** The port as one request of this isolate gets it; `memory` makes it another isolate's. */
  request(memory?: IsolateMemory): Scheduler;
  ask(parts?: Partial<ReserveAsk>): ReserveAsk;
  /** Reserves on a request of its own and lets as much time pass as that takes. */
  reserve(parts?: Partial<ReserveAsk>): Promise<Reserved>;
  /** Ends it, and lets the reports arrive. */
  release(reserved: Reserved, outcome?: Partial<AttemptOutcome>): Promise<void>;
  /** First attempts, one after the other, so many that credits are worth lending. */
  warmUp(): Promise<void>;
}

export interface Reserved {
  readonly reservation: Reservation;
  readonly scheduler: Scheduler;
  readonly tookMs: number;
}

export const OK: AttemptOutcome = { model: "sd35-medium", sizeClass: "m", result: { ok: true }, elapsedMs: 1_500 };
export const BROKEN: Partial<AttemptOutcome> = {
  result: { ok: false, failure: { reason: "upstream_error", status: 500 } },
};

/** Four slots in each of two places, all of one model. */
export async function aSchedulerWorld(parts: WorldParts = {}): Promise<SchedulerWorld> {
  const slots = { concurrency: { kind: "known", slots: 4 } } as const;
  const snapshot = parts.snapshot ?? aSnapshot({ endpoints: { [HOME]: slots, "enam-sd35-medium": slots } });
  const clock = createFakeClock();
  const [weur, enam] = [await aLinedObject(clock), await aLinedObject(clock)];
  const memory = createMemory("isolate-1");
  const background: Promise<unknown>[] = [];
  const forgottenPins: string[] = [];

  const world: SchedulerWorld = {
    clock,
    memory,
    weur,
    enam,
    background,
    forgottenPins,
    request: (of = memory) =>
      createRegionScheduler({
        memory: of,
        links: { to: (place) => (place === "enam" ? enam : weur).line },
        clock,
        snapshot,
        pushedAtMs: 1,
        random: () => 0.5,
        background: (work) => void background.push(work),
        look: parts.look ?? (async () => []),
        forgetPin: (endpoint) => void forgottenPins.push(endpoint),
      }),
    ask: (changes = {}) => ({
      place: "weur",
      model: "sd35-medium",
      candidates: [HOME],
      sizeClass: "m",
      priority: "interactive",
      deadlineAtMs: clock.nowMs() + 8_000,
      kind: "first",
      avoid: [],
      tenant: "t",
      requestId: "r",
      policy: "fast-preview",
      startedAtMs: clock.nowMs(),
      budgetOf: "weur",
      ...changes,
    }),
    async reserve(changes = {}) {
      const scheduler = world.request();
      const before = clock.passedMs();
      const reservation = await clock.runUntil(scheduler.reserve(world.ask(changes), new AbortController().signal));
      return { reservation, scheduler, tookMs: clock.passedMs() - before };
    },
    async release({ reservation, scheduler }, outcome = {}) {
      scheduler.release(leaseOf({ reservation }), { ...OK, ...outcome });
      await clock.advance(300);
      await settle();
    },
    async warmUp() {
      for (let index = 0; index < 4; index += 1) await world.release(await world.reserve());
    },
  };
  return world;
}

/** The lease of a reservation that must be a grant. */
export function leaseOf({ reservation }: Pick<Reserved, "reservation">): Lease {
  if (!reservation.granted) throw new Error(`refused: ${reservation.why}`);
  return reservation.lease;
}

/** How a place's endpoint stands at its scheduler. */
export function seenAt(object: LinedObject, id = HOME) {
  const reply = object.host.call({ version: "0000000000000001", pushedAtMs: 1, viewAtMs: 0 });
  const view = reply.needsConfig ? undefined : reply.view;
  return { ...view?.endpoints.find((endpoint) => endpoint.id === id), credits: view?.credits, leases: view?.leases };
}

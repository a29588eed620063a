/**
 * RegionScheduler: one Durable Object a place, near its GPUs. What it does is `scheduler-host.ts`'s; here it gets storage, alarm and timers.
 *
 * State: memory first; configuration and a checkpoint in the object's storage, see `checkpoint-store.ts`.
 */
import { DurableObject } from "cloudflare:workers";
import type { CancelCause, PlaceId, ReportBatch, Snapshot } from "../../routing/index.ts";
import type { RegionCall, RegionObject, RegionReply, TicketEnd } from "./region-protocol.ts";
import { createSchedulerHost, type SchedulerHost } from "./scheduler-host.ts";

/** Nothing that is stored here is worth holding an answer back for: a lost checkpoint costs measurements, and leases end. */
const UNCONFIRMED = { allowUnconfirmed: true } as const;

export class RegionScheduler extends DurableObject implements RegionObject {
  readonly #host: SchedulerHost;

  constructor(state: DurableObjectState, env: unknown) {
    super(state, env as never);
    const { storage } = state;
    this.#host = createSchedulerHost({
      nowMs: () => Date.now(),
      random: Math.random,
      startTimer(ms, ring) {
        const timer = setTimeout(ring, ms);
        return () => clearTimeout(timer);
      },
      storage: { get: (key) => storage.get(key), put: (entries) => storage.put({ ...entries }, UNCONFIRMED) },
      saveIn: (ms) => void storage.setAlarm(Date.now() + ms, UNCONFIRMED),
    });
    void state.blockConcurrencyWhile(() => this.#host.restore());
  }

  configure(place: PlaceId, snapshot: Snapshot, pushedAtMs: number): Promise<void> {
    return this.#host.configure(place, snapshot, pushedAtMs);
  }

  async call(call: RegionCall): Promise<RegionReply> {
    return this.#host.call(call);
  }

  granted(ticket: string, untilMs: number): Promise<TicketEnd> {
    return this.#host.granted(ticket, untilMs);
  }

  watch(leaseId: string, untilMs: number, report?: ReportBatch): Promise<CancelCause | undefined> {
    return this.#host.watch(leaseId, untilMs, report);
  }

  watchRequest(requestId: string, untilMs: number): Promise<CancelCause | undefined> {
    return this.#host.watchRequest(requestId, untilMs);
  }

  /** Asked for with `saveIn`; the platform runs it at least once, and again when it throws. */
  override alarm(): Promise<void> {
    return this.#host.save();
  }
}

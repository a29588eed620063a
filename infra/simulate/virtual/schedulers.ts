/**
 * The core's scheduler port for one router isolate, over the places' machines: messages that take time, get lost, or come too late.
 *
 * As the deployed adapter does: a scheduler that says nothing for 150 ms is passed over for the local rule, and what it grants after that
 * goes back; the budget of the first attempt's place pays for extras elsewhere; who stops waiting says so.
 */
import {
  createSimpleScheduler,
  type ExecutePorts,
  extraKindOf,
  type Lease,
  type PlaceId,
  type Reservation,
  type ReserveAsk,
  type ScheduledAsk,
  type Snapshot,
} from "../../../routing/index.ts";
import { FAR_MS, NEAR_MS } from "./gpus.ts";
import type { Place, TicketEnd } from "./places.ts";
import type { VirtualTime, WallClock } from "./time.ts";

type Scheduler = ExecutePorts["scheduler"];

/** Longest that a request waits for a scheduler's word, ms (control.md: doTimeoutMs). */
const ANSWER_WITHIN_MS = 150;

export interface SchedulerSettings {
  readonly home: PlaceId;
  readonly places: ReadonlyMap<PlaceId, Place>;
  readonly snapshot: Snapshot;
  readonly time: VirtualTime;
  readonly clock: WallClock;
  readonly random: () => number;
  /** Is this release lost on its way? */
  isLost(): boolean;
  /** What a machine answered, as soon as it did. */
  answered?(place: Place, ask: ScheduledAsk, answer: Answered): void;
  /** A lease was handed to the core; `local`: by the local rule. */
  leased?(lease: Lease, ask: ReserveAsk, local: boolean): void;
  released?(lease: Lease): void;
}

/** A machine's answer in one word, and the lease where there is one. */
export type Answered =
  | { readonly said: "granted"; readonly leaseId: string }
  | { readonly said: "queued" }
  | { readonly said: "refused"; readonly why: string };

/** A scheduler port for requests that come in near `home`. */
export function createSchedulers(settings: SchedulerSettings): Scheduler {
  const { home, places, snapshot, time, clock, random } = settings;
  const local = createSimpleScheduler(snapshot.content.catalog, clock, random);
  const localLeases = new WeakSet<Lease>();

  const oneWayMs = (place: PlaceId): number => (place === home ? NEAR_MS : FAR_MS);
  const isSilent = (place: Place): boolean => time.passedMs() < place.silentUntilMs;

  /** Runs `at` at the place after half a round trip. Nothing comes of it while the place is silent. */
  function tell(place: Place, at: () => void): void {
    time.after(oneWayMs(place.id), () => {
      if (!isSilent(place)) at();
    });
  }

  /** One round trip; `undefined` when the answer was not there in time: `late` gets it then, should it come. */
  async function ask<Value>(place: Place, at: () => Value, late: (value: Value) => void): Promise<Value | undefined> {
    const { promise, resolve } = Promise.withResolvers<Value | undefined>();
    let isLate = false;
    const stopWaiting = time.after(ANSWER_WITHIN_MS, () => {
      isLate = true;
      resolve(undefined);
    });
    tell(place, () => {
      const value = at();
      time.after(place.slownessMs + oneWayMs(place.id), () => {
        stopWaiting();
        if (isLate) late(value);
        else resolve(value);
      });
    });
    return promise;
  }

  function localReserve(asked: ReserveAsk, signal: AbortSignal): Promise<Reservation> {
    return local.reserve(asked, signal).then((reservation) => {
      if (reservation.granted) {
        localLeases.add(reservation.lease);
        settings.leased?.(reservation.lease, asked, true);
      }
      return reservation;
    });
  }

  /** In the place's time: remaining times travel, not instants. */
  function toScheduledAsk(asked: ReserveAsk, sentAtMs: number, place: Place): ScheduledAsk {
    const shiftMs = place.clock.nowMs() - oneWayMs(place.id) - sentAtMs;
    return {
      ...asked,
      deadlineAtMs: asked.deadlineAtMs + shiftMs,
      ...(asked.startedAtMs === undefined ? {} : { startedAtMs: asked.startedAtMs + shiftMs }),
    };
  }

  type ReserveResult =
    | { readonly kind: "ended"; readonly end: TicketEnd }
    | { readonly kind: "queued"; ticket: string };

  function reserveAt(place: Place, asked: ReserveAsk, sentAtMs: number, onEnd: (end: TicketEnd | undefined) => void) {
    const scheduled = toScheduledAsk(asked, sentAtMs, place);
    return place.call<ReserveResult>((machine, nowMs) => {
      const { answer, effects } = machine.reserve(scheduled, nowMs);
      if (answer.kind === "granted") {
        settings.answered?.(place, scheduled, { said: "granted", leaseId: answer.lease.id });
        return { value: { kind: "ended", end: { granted: true, lease: answer.lease } }, effects };
      }
      if (answer.kind === "refused") {
        settings.answered?.(place, scheduled, { said: "refused", why: answer.why });
        return { value: { kind: "ended", end: { granted: false, refusal: answer } }, effects };
      }
      settings.answered?.(place, scheduled, { said: "queued" });
      place.wait(answer.ticket, { ask: scheduled, end: onEnd });
      return { value: { kind: "queued", ticket: answer.ticket }, effects };
    });
  }

  function abandon(place: Place, ticket: string): void {
    tell(place, () => {
      place.stopWaiting(ticket);
      place.unwatch(ticket);
      place.call((machine, nowMs) => ({ value: undefined, effects: machine.abandon(ticket, nowMs) }));
    });
  }

  function toReservation(place: Place, asked: ReserveAsk, end: TicketEnd): Reservation {
    if (!end.granted) {
      const { why, retryAfterMs } = end.refusal;
      return { granted: false, why, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
    }
    const { id, endpoint, predicted, hedgeAfterMs, patient, probe } = end.lease;
    const lease: Lease = {
      id,
      endpoint,
      place: place.id,
      predicted,
      probe,
      revoked: place.watch(id),
      ...(hedgeAfterMs === undefined ? {} : { hedgeAfterMs }),
      ...(patient ? { patient } : {}),
    };
    settings.leased?.(lease, asked, false);
    return { granted: true, lease };
  }

  /** Waits for a queued ticket until it ends, its place forgets it, or nobody wants it any more. */
  async function queued(
    place: Place,
    ticket: string,
    ended: Promise<TicketEnd | undefined>,
    signal: AbortSignal,
  ): Promise<TicketEnd | undefined | "given up"> {
    const { promise: givenUp, resolve } = Promise.withResolvers<"given up">();
    const onAbort = (): void => resolve("given up");
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
    const end = await Promise.race([ended, givenUp]);
    signal.removeEventListener("abort", onAbort);
    if (end === "given up") abandon(place, ticket);
    return end;
  }

  /** Is the extra attempt paid for? By the place of the first attempt, where that is another than the one asked. */
  async function drawn(asked: ReserveAsk): Promise<"here" | Place | "no"> {
    const kind = extraKindOf(asked);
    if (kind === undefined || asked.budgetOf === undefined || asked.budgetOf === asked.place) {
      return "here";
    }
    const payer = places.get(asked.budgetOf);
    if (payer === undefined) return "no";
    const refund = (isDrawn: boolean): void => {
      if (isDrawn) tell(payer, () => payer.machine().refundExtra(kind));
    };
    const isDrawn = await ask(payer, () => payer.machine().drawExtra(kind), refund);
    return isDrawn === true ? payer : "no";
  }

  async function reserve(asked: ReserveAsk, signal: AbortSignal): Promise<Reservation> {
    const place = places.get(asked.place);
    if (place === undefined) return { granted: false, why: "no_endpoint" };
    const payer = await drawn(asked);
    if (payer === "no") return { granted: false, why: "budget" };
    const reservation = await reserveIn(place, asked, signal);
    const kind = extraKindOf(asked);
    if (payer !== "here" && !reservation.granted && kind !== undefined) {
      tell(payer, () => payer.machine().refundExtra(kind));
    }
    return reservation;
  }

  async function reserveIn(place: Place, asked: ReserveAsk, signal: AbortSignal): Promise<Reservation> {
    const { promise: ended, resolve: end } = Promise.withResolvers<TicketEnd | undefined>();
    const sentAtMs = clock.nowMs();
    const onEnd = (ticketEnd: TicketEnd | undefined): void => {
      time.after(oneWayMs(place.id), () => end(ticketEnd));
    };
    const late = (result: ReserveResult): void => {
      if (result.kind === "queued") abandon(place, result.ticket);
      else if (result.end.granted) abandon(place, result.end.lease.id);
    };
    const result = await ask(place, () => reserveAt(place, asked, sentAtMs, onEnd), late);
    if (result === undefined) return localReserve(asked, signal);
    if (result.kind === "ended") return toReservation(place, asked, result.end);
    const ticketEnd = await queued(place, result.ticket, ended, signal);
    if (ticketEnd === "given up") return { granted: false, why: "predicted_late" };
    return ticketEnd === undefined ? localReserve(asked, signal) : toReservation(place, asked, ticketEnd);
  }

  return {
    reserve,
    release(lease, outcome) {
      settings.released?.(lease);
      const place = places.get(lease.place);
      if (localLeases.has(lease) || place === undefined) return local.release(lease, outcome);
      place.unwatch(lease.id);
      if (settings.isLost()) return;
      tell(place, () =>
        place.call((machine, nowMs) => ({
          value: undefined,
          effects: machine.release(lease.id, outcome, nowMs, lease.endpoint),
        })),
      );
    },
  };
}

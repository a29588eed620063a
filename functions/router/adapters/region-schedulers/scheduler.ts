/**
 * execute's scheduler port over the places' RegionSchedulers, for one request.
 *
 * While its place has slack, a first attempt starts on a credit in hand and is reported afterwards; else its slot is asked for; and where the
 * scheduler does not answer in time, the isolate's local rule picks. Nothing waits for ever, and a lost release costs one lease time.
 */
import {
  type AttemptOutcome,
  type Clock,
  type EndpointId,
  extraKindOf,
  type GrantedLease,
  type Lease,
  type Reservation,
  type ReserveAsk,
  type Scheduler,
  type Snapshot,
} from "../../../../routing/index.ts";
import type { LookDue } from "../../../region/region-protocol.ts";
import { createConversation, type Reply, type Saying } from "./conversation.ts";
import { claimIdleCheck, dropCredit, dropIdleCredits, IDLE_MS, noteEnd, noteStart, takeSlot } from "./credits.ts";
import { chooseLocally, drawExtra, earnExtra, refundExtra } from "./local-rule.ts";
import { type IsolateMemory, type PlaceMemory, placeOf } from "./memory.ts";
import { FLUSH_AFTER_MS, FLUSH_ENDS } from "./outbox.ts";
import type { RegionLinks } from "./region-links.ts";
import { blameOf, forgetLost, leaseEndMs, noteOver } from "./running.ts";
import { createWatcher, isSupersedable } from "./watching.ts";

/** A ticket's end is waited for this much longer than its place in the queue lasts, ms: the answer has to travel. */
const TRAVEL_MS = 100;

export interface SchedulerPorts {
  readonly memory: IsolateMemory;
  readonly links: RegionLinks;
  readonly clock: Clock;
  readonly snapshot: Snapshot;
  /** When the snapshot was pushed, epoch ms; 0: never. */
  readonly pushedAtMs: number;
  random(): number;
  background(work: Promise<unknown>): void;
  /** Looks at endpoints that are out. Never rejects. */
  look(due: readonly LookDue[]): Promise<Saying["looks"]>;
  /** What is remembered of an endpoint's pin turned out wrong. */
  forgetPin(endpoint: EndpointId): void;
}

/** Who paid for an extra attempt. */
type Payer = "nobody" | "isolate" | PlaceMemory;

/** The port for one request. */
export function createRegionScheduler(ports: SchedulerPorts): Scheduler {
  const { memory, links, clock, snapshot } = ports;
  const talk = createConversation(ports);
  const watcher = createWatcher(ports, talk);

  async function reserve(ask: ReserveAsk, signal: AbortSignal): Promise<Reservation> {
    const place = placeOf(memory, ask.place);
    const nowMs = clock.nowMs();
    forgetLost(memory, snapshot, nowMs);
    if (ask.kind === "first") earnExtra(memory);
    noteStart(place, ask, nowMs);
    const reservation = onCredit(place, ask, nowMs) ?? (await askFor(place, ask, signal));
    if (!reservation.granted) noteEnd(place, ask);
    return reservation;
  }

  // ---------------------------------------------------------------- without asking

  function onCredit(place: PlaceMemory, ask: ReserveAsk, nowMs: number): Reservation | undefined {
    const credit = takeSlot(place, ask, nowMs);
    if (credit === undefined) return undefined;
    const hedges = credit.hedgeAfterMs !== undefined && credit.policy === ask.policy;
    return begin(place, {
      ask,
      endpoint: credit.endpoint,
      creditId: credit.id,
      predicted: credit.predicted,
      ...(hedges ? { hedgeAfterMs: credit.hedgeAfterMs } : {}),
    });
  }

  function byLocalRule(place: PlaceMemory, ask: ReserveAsk): Reservation {
    const choice = chooseLocally({ memory, place, ask, snapshot, nowMs: clock.nowMs(), random: ports.random });
    return typeof choice === "string" ? begin(place, { ask, endpoint: choice }) : choice;
  }

  /** An attempt that its scheduler will hear of afterwards; at once, where somebody elsewhere may supersede it. */
  function begin(
    place: PlaceMemory,
    chosen: {
      readonly ask: ReserveAsk;
      readonly endpoint: EndpointId;
      readonly creditId?: string;
    } & Partial<Pick<Lease, "predicted" | "hedgeAfterMs">>,
  ): Reservation {
    const { ask, endpoint, creditId, ...facts } = chosen;
    const nowMs = clock.nowMs();
    memory.nextEntry += 1;
    const entry = memory.nextEntry.toString(36);
    const credit = creditId === undefined ? {} : { creditId };
    const id = `${memory.isolateId}/${entry}`;
    const started = { id: entry, endpoint, ask, startedAtMs: nowMs, ...credit };
    const untilMs = leaseEndMs(ask, nowMs);
    const canBeSuperseded = isSupersedable(ask) && place.avoidUntilMs === 0;
    if (!canBeSuperseded) {
      place.outbox.started(started);
      flushSoon(place);
    }
    const revoked = canBeSuperseded
      ? watcher.watch(place, id, {
          ask,
          untilMs,
          report: { isolateId: memory.isolateId, started: [started], ended: [] },
        })
      : watcher.never();
    memory.picker.started(endpoint);
    const way = creditId === undefined ? "local" : "credit";
    memory.running.set(id, { way, place, ask, endpoint, entry, untilMs, ...credit });
    return { granted: true, lease: { id, endpoint, place: ask.place, revoked, probe: false, ...facts } };
  }

  // ---------------------------------------------------------------- asking

  async function askFor(place: PlaceMemory, ask: ReserveAsk, signal: AbortSignal): Promise<Reservation> {
    const payer = await payFor(place, ask);
    if (payer === undefined) return { granted: false, why: "budget" };
    const reply = await talk.ask(place, { ask }, (late) => giveBackLate(place, late));
    const reservation =
      reply?.answer === undefined ? withoutAnswer(place, ask, payer) : await answered(place, ask, reply, signal);
    if (!reservation.granted) refund(payer, ask);
    return reservation;
  }

  /** Has an extra attempt paid for that this place's scheduler does not pay for itself. `undefined`: nobody can afford it. */
  async function payFor(place: PlaceMemory, ask: ReserveAsk): Promise<Payer | undefined> {
    const { budgetOf } = ask;
    const kind = extraKindOf(ask);
    if (kind === undefined) return "nobody";
    if (budgetOf === undefined || budgetOf === place.place) return "nobody";
    const payer = placeOf(memory, budgetOf);
    const giveBack = (late: Reply) => {
      if (late.extra === true) talk.tell(payer, { refund: kind });
    };
    const reply = await talk.ask(payer, { extra: kind }, giveBack);
    if (reply?.extra !== undefined) return reply.extra ? payer : undefined;
    return kind === "retry" && drawExtra(memory) ? "isolate" : undefined;
  }

  function refund(payer: Payer, ask: ReserveAsk): void {
    const kind = extraKindOf(ask);
    if (payer === "isolate") refundExtra(memory);
    else if (payer !== "nobody" && kind !== undefined) talk.tell(payer, { refund: kind });
  }

  /** Late, down, or avoided. */
  function withoutAnswer(place: PlaceMemory, ask: ReserveAsk, payer: Payer): Reservation {
    if (ask.kind === "hedge" || ask.kind === "probe" || ask.kind === "shadow") return { granted: false, why: "budget" };
    const isUnpaid = extraKindOf(ask) !== undefined && payer === "nobody";
    if (isUnpaid && !drawExtra(memory)) return { granted: false, why: "budget" };
    return byLocalRule(place, ask);
  }

  async function answered(
    place: PlaceMemory,
    ask: ReserveAsk,
    { answer, nowMs: repliedAtMs }: Reply,
    signal: AbortSignal,
  ): Promise<Reservation> {
    switch (answer?.kind) {
      case "granted":
        return hold(place, ask, answer.lease);
      case "queued": {
        const { ticket, expiresAtMs } = answer;
        const credited = onCredit(place, ask, clock.nowMs());
        if (credited === undefined) return inQueue(place, ask, { ticket, expiresAtMs, repliedAtMs, signal });
        talk.tell(place, { abandoned: [ticket] });
        return credited;
      }
      default: {
        // What the scheduler has no room for may be what it has lent us, perhaps with this very answer.
        const credited = answer?.why === "predicted_late" ? onCredit(place, ask, clock.nowMs()) : undefined;
        if (credited !== undefined) return credited;
        const { why = "no_endpoint", retryAfterMs } = answer ?? {};
        return { granted: false, why, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
      }
    }
  }

  function hold(place: PlaceMemory, ask: ReserveAsk, granted: GrantedLease): Reservation {
    const { id, endpoint, predicted, hedgeAfterMs, patient, probe } = granted;
    // A shadow gives its slot up as soon as somebody waits for one.
    const revoked =
      isSupersedable(ask) || ask.kind === "shadow"
        ? watcher.watch(place, id, { ask, untilMs: granted.expiresAtMs })
        : watcher.never();
    memory.picker.started(endpoint);
    memory.running.set(id, {
      way: "reserved",
      place,
      ask,
      endpoint,
      entry: "",
      untilMs: leaseEndMs(ask, clock.nowMs()),
    });
    const pace = { ...(hedgeAfterMs === undefined ? {} : { hedgeAfterMs }), ...(patient ? { patient } : {}) };
    return { granted: true, lease: { id, endpoint, place: ask.place, revoked, predicted, probe, ...pace } };
  }

  async function inQueue(
    place: PlaceMemory,
    ask: ReserveAsk,
    of: {
      readonly ticket: string;
      readonly expiresAtMs: number;
      readonly repliedAtMs: number;
      readonly signal: AbortSignal;
    },
  ): Promise<Reservation> {
    const { ticket, expiresAtMs, repliedAtMs, signal } = of;
    const patience = new AbortController();
    const stop = (): void => patience.abort();
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    const waited = clock.sleep(Math.max(0, expiresAtMs - repliedAtMs) + TRAVEL_MS, patience.signal);
    const ending = links.to(place.place).granted(ticket, expiresAtMs + TRAVEL_MS);
    const end = await Promise.race([ending.catch(() => "lost" as const), waited.then(() => "over" as const)]);
    patience.abort();
    signal.removeEventListener("abort", stop);
    if (end === "lost") return byLocalRule(place, ask);
    if (end === "over") {
      ports.background(ending.catch(() => undefined));
      talk.tell(place, { abandoned: [ticket] });
      return { granted: false, why: "predicted_late" };
    }
    if (end.granted) return hold(place, ask, end.lease);
    const { why, retryAfterMs } = end;
    return { granted: false, why, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  }

  /** What was granted, or queued, after we had stopped waiting for it. */
  function giveBackLate(place: PlaceMemory, { answer }: Reply): void {
    if (answer?.kind === "granted") talk.tell(place, { abandoned: [answer.lease.id] });
    if (answer?.kind === "queued") talk.tell(place, { abandoned: [answer.ticket] });
  }

  // ---------------------------------------------------------------- giving back

  function release(lease: Lease, outcome: AttemptOutcome): void {
    const running = memory.running.get(lease.id);
    const place = placeOf(memory, lease.place);
    const { endpoint } = lease;
    if (!outcome.result.ok && outcome.result.failure.reason === "pin_mismatch") ports.forgetPin(endpoint);
    if (running !== undefined) watcher.unwatch(running.ask);
    if (running !== undefined) noteOver(memory, { id: lease.id, running, outcome, snapshot, nowMs: clock.nowMs() });
    if (running?.way === "reserved" || running === undefined) {
      talk.tell(place, { released: [{ leaseId: lease.id, endpoint, outcome }] });
      return;
    }
    const { entry, creditId } = running;
    const isTrouble = blameOf(outcome) !== "none";
    if (creditId !== undefined && isTrouble) dropCredit(place, creditId);
    place.outbox.ended({ id: entry, endpoint, outcome, ...(creditId === undefined ? {} : { creditId }) });
    if (place.outbox.endCount() >= FLUSH_ENDS || isTrouble) talk.flush(place);
    else flushSoon(place);
  }

  /** Sees to it that what waits is sent before long, by this request unless another one will. */
  function flushSoon(place: PlaceMemory): void {
    if (!place.outbox.claimFlush(clock.nowMs())) return;
    ports.background(
      clock.sleep(FLUSH_AFTER_MS).then(() => {
        talk.flush(place);
        returnWhenIdle(place);
      }),
    );
  }

  /** Slots that nothing was started on for a while go back, so that others need not wait until the credit ends. */
  function returnWhenIdle(place: PlaceMemory): void {
    if (!claimIdleCheck(place)) return;
    const check = (): void => {
      if (dropIdleCredits(place, clock.nowMs())) talk.flush(place);
    };
    ports.background(clock.sleep(IDLE_MS + 1).then(check));
  }

  return { reserve, release };
}

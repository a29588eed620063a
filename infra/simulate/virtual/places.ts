/**
 * One real scheduler machine a place, hosted in virtual time: woken when it wants to be, checkpointed, restarted, slowed, silenced.
 *
 * What it grants, drops and revokes is passed on to whoever waits for it. State: the machine's; a restart goes on from the last
 * checkpoint and forgets what came after, as a Durable Object that was evicted does.
 */
import {
  type CancelCause,
  createScheduler,
  type GrantedLease,
  type PlaceId,
  type ScheduledAsk,
  type SchedulerEffects,
  type SchedulerMachine,
  type SchedulerRefusal,
  type Snapshot,
} from "../../../routing/index.ts";
import type { VirtualTime, WallClock } from "./time.ts";

/** How often the state is written down, ms (control.md: every ~10 s). */
const CHECKPOINT_MS = 10_000;

/** How a ticket ended. */
export type TicketEnd =
  | { readonly granted: true; readonly lease: GrantedLease }
  | { readonly granted: false; readonly refusal: SchedulerRefusal };

/** A ticket that waits at a machine. */
export interface WaitingTicket {
  readonly ask: ScheduledAsk;
  /** `undefined`: the life in which it waited is over. */
  readonly end: (end: TicketEnd | undefined) => void;
}

/** A slot for a ticket that waited. */
export interface TicketGrant {
  readonly ask: ScheduledAsk;
  readonly lease: GrantedLease;
  readonly passedOver: readonly ScheduledAsk[];
}

/** Told of what happens at a place. */
export interface PlaceEvents {
  /**
   * A ticket got a slot; `passedOver` still wait. Not among them: who came with this very call, because slots that were free already
   * belong to those who waited.
   */
  ticketGranted?(granted: TicketGrant, place: Place): void;
  /** `overdraft`: extra attempts that the state before the restart had already paid for and the restored one has not, thousandths. */
  restarted?(place: PlaceId, overdraft: number): void;
}

export interface Place {
  readonly id: PlaceId;
  readonly clock: WallClock;
  /** Of this life. */
  readonly waiting: ReadonlyMap<string, WaitingTicket>;
  /** Lives so far. */
  lives(): number;
  /** Answers nobody until then, ms of virtual time. */
  silentUntilMs: number;
  /** Extra time for each answer, ms. */
  slownessMs: number;
  /** Runs a call on the machine as of now and passes its effects on. */
  call<Value>(run: (machine: SchedulerMachine, nowMs: number) => { value: Value; effects?: SchedulerEffects }): Value;
  /** Keeps an ask that the call just made has queued, until it ends. */
  wait(ticket: string, waiting: WaitingTicket): void;
  stopWaiting(ticket: string): void;
  /** Aborts when the lease is revoked. */
  watch(leaseId: string): AbortSignal;
  unwatch(leaseId: string): void;
  /** The object is evicted and comes back after `downMs`. */
  restart(downMs: number): void;
  machine(): SchedulerMachine;
}

export interface PlaceSettings {
  readonly id: PlaceId;
  readonly snapshot: Snapshot;
  readonly time: VirtualTime;
  readonly clock: WallClock;
  readonly random: () => number;
  readonly events: PlaceEvents;
  /** Looks at endpoints that are out, and tells the machine what it saw. */
  look(place: Place, endpoints: readonly string[]): void;
}

/** A place whose scheduler has just been made. */
export function createPlace(settings: PlaceSettings): Place {
  const { id, snapshot, time, clock, random, events } = settings;
  const waiting = new Map<string, WaitingTicket>();
  let newcomer: WaitingTicket | undefined;
  const watched = new Map<string, AbortController>();
  /** Revoked before their holders heard that they hold them. */
  const revokedEarly = new Map<string, CancelCause>();
  let lives = 1;
  let machine = createScheduler({ place: id, random });
  let checkpoint = JSON.stringify(machine.checkpoint());
  let checkpointAtMs = 0;
  let wake: { readonly atMs: number; readonly stop: () => void } | undefined;

  function pass(effects: SchedulerEffects): void {
    for (const { ticket, refusal } of effects.dropped) {
      waiting.get(ticket)?.end({ granted: false, refusal });
      waiting.delete(ticket);
    }
    for (const lease of effects.grants) {
      const ticket = waiting.get(lease.id);
      waiting.delete(lease.id);
      if (ticket === undefined) continue;
      const passedOver = [...waiting.values()].filter((other) => other !== newcomer).map(({ ask }) => ask);
      events.ticketGranted?.({ ask: ticket.ask, lease, passedOver }, place);
      ticket.end({ granted: true, lease });
    }
    for (const { leaseId, cause } of effects.revoked) revoke(leaseId, cause);
    if (effects.nextWakeAtMs !== undefined) wakeBy(effects.nextWakeAtMs);
    if (time.passedMs() - checkpointAtMs >= CHECKPOINT_MS) {
      checkpointAtMs = time.passedMs();
      checkpoint = JSON.stringify(machine.checkpoint());
    }
  }

  function revoke(leaseId: string, cause: CancelCause): void {
    const controller = watched.get(leaseId);
    if (controller === undefined) revokedEarly.set(leaseId, cause);
    else controller.abort(cause);
    watched.delete(leaseId);
  }

  function wakeBy(wallMs: number): void {
    const atMs = time.passedMs() + Math.max(0, wallMs - clock.nowMs());
    if (wake !== undefined && wake.atMs <= atMs) return;
    wake?.stop();
    const ring = (): void => {
      wake = undefined;
      if (time.passedMs() < place.silentUntilMs) return;
      pass(machine.tick(clock.nowMs()));
      const due = machine.looksDue(clock.nowMs());
      if (due.length > 0) settings.look(place, due);
    };
    wake = { atMs, stop: time.after(atMs - time.passedMs(), ring) };
  }

  const place: Place = {
    id,
    clock,
    waiting,
    silentUntilMs: 0,
    slownessMs: 0,
    lives: () => lives,
    machine: () => machine,
    call(run) {
      const { value, effects } = run(machine, clock.nowMs());
      if (effects !== undefined) pass(effects);
      newcomer = undefined;
      return value;
    },
    wait(ticket, one) {
      waiting.set(ticket, one);
      newcomer = one;
    },
    stopWaiting: (ticket) => void waiting.delete(ticket),
    watch(leaseId) {
      const controller = new AbortController();
      const cause = revokedEarly.get(leaseId);
      revokedEarly.delete(leaseId);
      if (cause === undefined) watched.set(leaseId, controller);
      else controller.abort(cause);
      return controller.signal;
    },
    unwatch(leaseId) {
      watched.delete(leaseId);
      revokedEarly.delete(leaseId);
    },
    restart(downMs) {
      lives += 1;
      const before = machine.view().budget.extraMilli;
      machine = createScheduler({ place: id, random }, JSON.parse(checkpoint));
      for (const ticket of waiting.values()) ticket.end(undefined);
      waiting.clear();
      wake?.stop();
      wake = undefined;
      place.silentUntilMs = time.passedMs() + downMs;
      pass(machine.configure(snapshot, clock.nowMs()));
      events.restarted?.(id, Math.max(0, machine.view().budget.extraMilli - before));
      time.after(downMs, () => pass(machine.tick(clock.nowMs())));
    },
  };
  pass(machine.configure(snapshot, clock.nowMs()));
  return place;
}

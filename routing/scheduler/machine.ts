/**
 * One place's scheduler as a machine: every call takes the time in and hands back data; nothing in here waits, stores or sends.
 *
 * Wrapped by the place's Durable Object, and by simulations in virtual time. The wrapper passes `Effects` on to those who wait, calls
 * `tick` no later than `nextWakeAtMs`, and stores a `checkpoint` now and then. Same calls, times and chance: same answers.
 */
import type { EndpointId, PlaceId, Snapshot } from "../config/snapshot.ts";
import type { CancelCause } from "../failure/index.ts";
import { recordLook, recordVerdict } from "./breaker.ts";
import { affords, draw, type ExtraKind, refund } from "./budget.ts";
import { type Checkpoint, fromCheckpoint, toCheckpoint } from "./checkpoint.ts";
import type { Ask, Claim, Credit, CreditAsk, Effects, Look, Outcome, ReportBatch, ReserveAnswer } from "./contract.ts";
import { dispatch } from "./dispatch.ts";
import { type Gathered, noEffects, toEffects } from "./effects.ts";
import { recordEnd } from "./end.ts";
import { putLease, takeLease } from "./leases.ts";
import { lend } from "./lend.ts";
import { removeWaiting } from "./queue.ts";
import { takeReport } from "./report.ts";
import { dropTicket, refundTicket, refuse, reserve, supersedes } from "./reserve.ts";
import { applySnapshot, emptyState, type SchedulerState, tally } from "./state.ts";
import { scopedKey } from "./supersede.ts";
import { advance, refresh } from "./tick.ts";
import { type View, viewOf } from "./view.ts";

export interface SchedulerMachine {
  /** Takes a snapshot into force. What is known of endpoints that stay is kept. */
  configure(snapshot: Snapshot, nowMs: number): Effects;
  /** Asks for a slot. */
  reserve(ask: Ask, nowMs: number): { readonly answer: ReserveAnswer; readonly effects: Effects };
  /**
   * Gives a slot back with the outcome. `endpoint` lets the outcome count even if the lease has expired or was of a former life.
   */
  release(leaseId: string, outcome: Outcome, nowMs: number, endpoint?: EndpointId): Effects;
  /** Nobody waits for this ticket any more, or for the lease it became: no verdict on the endpoint. */
  abandon(ticket: string, nowMs: number): Effects;
  /** Takes a running attempt's slot back: its holder is told to stop. Exports are exempt unless the cause is `revoked`. */
  revoke(leaseId: string, cause: CancelCause, nowMs: number): Effects;
  /** A request runs in another place: older ones of its session and layer are to stop, and it is when there is a newer one. */
  claim(claim: Claim, nowMs: number): Effects;
  /** Lets time pass. */
  tick(nowMs: number): Effects;
  /** Draws on this place's budget for an extra attempt that another place will run; false: not affordable. */
  drawExtra(kind: ExtraKind): boolean;
  /** Gives that back when the attempt was not made after all. */
  refundExtra(kind: ExtraKind): void;
  /** Slots for an isolate to use without asking, or `undefined` while there is no slack. */
  credit(ask: CreditAsk, nowMs: number): { readonly credit?: Credit; readonly effects: Effects };
  /** What an isolate began and ended without asking. Revocations name its leases as `isolateId/id`. */
  report(batch: ReportBatch, nowMs: number): Effects;
  /** What a look at an endpoint's model list said. */
  look(endpoint: EndpointId, look: Look, nowMs: number): Effects;
  /** Endpoints that are out and may be looked at again now. */
  looksDue(nowMs: number): readonly EndpointId[];
  /** As of the last call that took a time. */
  view(): View;
  checkpoint(): Checkpoint;
}

export interface MachineSetup {
  readonly place: PlaceId;
  /** Uniform in [0, 1). */
  random(): number;
}

/** Lets every pool give its free slots away, and closes the call. */
function settleUp(state: SchedulerState, gathered: Gathered): Effects {
  for (const pool of state.pools.values()) dispatch(state, pool, gathered);
  return toEffects(state, gathered);
}

/** Takes the slot of a grant that nobody wanted back; its probe is free for the next. */
function undoGrant(state: SchedulerState, leaseId: string): void {
  const lease = takeLease(state.leases, leaseId);
  const endpoint = lease === undefined ? undefined : state.endpoints.get(lease.endpoint);
  if (lease === undefined || endpoint === undefined) return;
  const judged = { leaseId, grantedAtMs: lease.grantedAtMs };
  endpoint.breaker = recordVerdict(endpoint.breaker, { verdict: "ignored" }, judged, state);
}

function abandonTicket(state: SchedulerState, id: string): void {
  for (const pool of state.pools.values()) {
    const ticket = removeWaiting(pool.queue, id);
    if (ticket === undefined) continue;
    refundTicket(state, ticket);
    tally(state, "abandoned");
    return;
  }
  undoGrant(state, id);
}

/** A scheduler of one place; with a checkpoint, one that goes on where that was made. Configure it before use. */
export function createScheduler(setup: MachineSetup, restored?: Checkpoint): SchedulerMachine {
  const { place, random } = setup;
  const state = restored === undefined ? emptyState(place, random) : fromCheckpoint(restored, place, random);

  /** Every call that changes something: time first, then the change, then the slots that it made free. */
  const step = (nowMs: number, change: (gathered: Gathered) => void): Effects => {
    const gathered = noEffects();
    advance(state, nowMs, gathered);
    change(gathered);
    return settleUp(state, gathered);
  };

  return {
    configure: (snapshot, nowMs) =>
      step(nowMs, (gathered) => {
        for (const orphan of applySnapshot(state, snapshot, state.nowMs))
          dropTicket(state, orphan, refuse(state, "no_endpoint"), gathered);
      }),
    reserve(ask, nowMs) {
      let answer: ReserveAnswer | undefined;
      const effects = step(nowMs, (gathered) => {
        // Slots that came free by time alone belong to those who wait already.
        const pool = state.pools.get(ask.model);
        if (pool !== undefined) dispatch(state, pool, gathered);
        answer = reserve(state, ask, gathered);
      });
      return { answer: answer!, effects };
    },
    release: (leaseId, outcome, nowMs, endpoint) =>
      step(nowMs, () => {
        const lease = takeLease(state.leases, leaseId);
        const endpointId = lease?.endpoint ?? endpoint;
        if (endpointId !== undefined) recordEnd(state, endpointId, outcome, lease);
      }),
    abandon: (ticket, nowMs) => step(nowMs, () => abandonTicket(state, ticket)),
    revoke: (leaseId, cause, nowMs) =>
      step(nowMs, (gathered) => {
        const lease = state.leases.byId.get(leaseId);
        if (lease === undefined || lease.revoked !== undefined) return;
        if (lease.priority === "export" && cause !== "revoked") return;
        putLease(state.leases, { ...lease, revoked: cause });
        gathered.revoked.push({ leaseId, cause });
        tally(state, "revoked");
      }),
    claim: (claim, nowMs) =>
      step(nowMs, (gathered) => {
        const key = scopedKey(claim);
        if (key !== undefined && !supersedes(state, key, claim, gathered)) gathered.superseded.push(claim.requestId);
      }),
    tick: (nowMs) => step(nowMs, () => refresh(state)),
    drawExtra(kind) {
      if (!affords(state.budget, kind)) return false;
      state.budget = draw(state.budget, kind);
      return true;
    },
    refundExtra(kind) {
      state.budget = refund(state.budget, kind);
    },
    credit(ask, nowMs) {
      let credit: Credit | undefined;
      const effects = step(nowMs, () => {
        credit = lend(state, ask);
      });
      return credit === undefined ? { effects } : { credit, effects };
    },
    report: (batch, nowMs) => step(nowMs, (gathered) => takeReport(state, batch, gathered)),
    look: (endpointId, look, nowMs) =>
      step(nowMs, () => {
        const endpoint = state.endpoints.get(endpointId);
        if (endpoint !== undefined) endpoint.breaker = recordLook(endpoint.breaker, look, state);
      }),
    looksDue: (nowMs) =>
      [...state.endpoints.values()]
        .filter(({ breaker }) => breaker.state.kind === "out" && breaker.state.lookAtMs <= nowMs)
        .map((endpoint) => endpoint.id),
    view: () => viewOf(state),
    checkpoint: () => toCheckpoint(state),
  };
}

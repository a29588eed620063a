/**
 * Hosts a place's scheduler: keeps its machine, its waiting callers, its wake-ups and what is written down of it.
 *
 * Everything that a Durable Object brings (storage, alarm, timers, time, chance) comes in as ports, so that tests run it in their own time.
 * Fails safe: what it cannot answer, the router decides by its local rule; what a restart forgets costs one lease time.
 */
import {
  type CancelCause,
  createScheduler,
  type PlaceId,
  type ReportBatch,
  type SchedulerEffects,
  type SchedulerMachine,
  type SchedulerRefusal,
  type SchedulerView,
  type Snapshot,
} from "../../routing/index.ts";
import {
  type KeyValueStorage,
  readCheckpoint,
  readConfig,
  type StoredConfig,
  writeCheckpoint,
  writeConfig,
} from "./checkpoint-store.ts";
import type { LookDue, RegionCall, RegionReply, TicketEnd } from "./region-protocol.ts";
import { createWaitingRoom, type StartTimer } from "./waiting-room.ts";

/** How often a changed state is written down, ms (control.md: every ~10 s). */
export const CHECKPOINT_MS = 10_000;

/** A caller whose view is older than this gets a fresh one, ms; a view is made at most this much more often. */
const VIEW_FRESH_MS = 1_000;
const VIEW_REMADE_MS = 250;

/** Longest that anybody waits here, ms: the longest lease (an export's attempt) is minutes. */
const LONGEST_WAIT_MS = 15 * 60_000;

/** An isolate that was asked to look at an endpoint has this long before another is asked, ms. */
const LOOK_MS = 10_000;

export interface HostPorts {
  nowMs(): number;
  /** Uniform in [0, 1). */
  random(): number;
  readonly startTimer: StartTimer;
  readonly storage: KeyValueStorage;
  /** Asks for one `save` in `ms`, even after a restart. */
  saveIn(ms: number): void;
}

export interface SchedulerHost {
  /** Goes on from what was written down. Before anything else. */
  restore(): Promise<void>;
  /** Takes a snapshot into force unless a later one already is. */
  configure(place: PlaceId, snapshot: Snapshot, pushedAtMs: number): Promise<void>;
  call(call: RegionCall): RegionReply;
  granted(ticket: string, untilMs: number): Promise<TicketEnd>;
  watch(leaseId: string, untilMs: number, report?: ReportBatch): Promise<CancelCause | undefined>;
  watchRequest(requestId: string, untilMs: number): Promise<CancelCause | undefined>;
  /** Writes the state down, if it changed since. */
  save(): Promise<void>;
}

/** A host that knows nothing yet. */
export function createSchedulerHost(ports: HostPorts): SchedulerHost {
  const grants = createWaitingRoom<TicketEnd>(ports.startTimer);
  const revocations = createWaitingRoom<CancelCause>(ports.startTimer);
  const replacements = createWaitingRoom<CancelCause>(ports.startTimer);
  const lookGivenAtMs = new Map<string, number>();
  let machine: SchedulerMachine | undefined;
  let config: StoredConfig | undefined;
  let lastView: SchedulerView | undefined;
  let wake: { readonly atMs: number; readonly stop: () => void } | undefined;
  let isChanged = false;

  /** Hands effects to those who wait, and sees to the next wake-up and checkpoint. */
  function pass(effects: SchedulerEffects): void {
    for (const lease of effects.grants) grants.settle(lease.id, { granted: true, lease });
    for (const { ticket, refusal } of effects.dropped) grants.settle(ticket, refused(refusal));
    for (const { leaseId, cause } of effects.revoked) revocations.settle(leaseId, cause);
    for (const requestId of effects.superseded ?? []) replacements.settle(requestId, "superseded");
    for (const leaseId of effects.expired) revocations.close(leaseId);
    if (effects.nextWakeAtMs !== undefined) wakeBy(effects.nextWakeAtMs);
    if (isChanged) return;
    isChanged = true;
    ports.saveIn(CHECKPOINT_MS);
  }

  /** A wake-up that is too early costs a tick; moving it on every call would cost more. */
  function wakeBy(atMs: number): void {
    if (wake !== undefined && wake.atMs <= atMs) return;
    wake?.stop();
    const ring = () => {
      wake = undefined;
      if (machine !== undefined) pass(machine.tick(ports.nowMs()));
    };
    wake = { atMs, stop: ports.startTimer(Math.max(0, atMs - ports.nowMs()), ring) };
  }

  function takeReport(on: SchedulerMachine, report: ReportBatch, nowMs: number): void {
    pass(on.report(report, nowMs));
    for (const { id } of report.ended) revocations.close(`${report.isolateId}/${id}`);
  }

  /** What the caller tells. */
  function takeIn(on: SchedulerMachine, call: RegionCall, nowMs: number): void {
    if (call.report !== undefined) takeReport(on, call.report, nowMs);
    for (const { leaseId, outcome, endpoint } of call.released ?? []) {
      revocations.close(leaseId);
      pass(on.release(leaseId, outcome, nowMs, endpoint));
    }
    for (const id of call.abandoned ?? []) {
      pass(on.abandon(id, nowMs));
      grants.close(id);
      revocations.close(id);
    }
    for (const claim of call.claims ?? []) pass(on.claim(claim, nowMs));
    for (const requestId of call.unwatched ?? []) replacements.close(requestId);
    for (const { endpoint, look } of call.looks ?? []) pass(on.look(endpoint, look, nowMs));
    if (call.refund !== undefined) on.refundExtra(call.refund);
  }

  function viewFor(on: SchedulerMachine, viewAtMs: number | undefined, nowMs: number): SchedulerView | undefined {
    if (viewAtMs !== undefined && nowMs - viewAtMs < VIEW_FRESH_MS) return undefined;
    const isFresh = lastView !== undefined && Math.abs(nowMs - lastView.atMs) < VIEW_REMADE_MS;
    if (!isFresh || viewAtMs === 0) {
      pass(on.tick(nowMs));
      lastView = on.view();
    }
    return lastView;
  }

  /** Each to one isolate at a time. */
  function looksFor(on: SchedulerMachine, nowMs: number): readonly LookDue[] {
    const due = on.looksDue(nowMs).filter((id) => nowMs - (lookGivenAtMs.get(id) ?? 0) >= LOOK_MS);
    if (due.length === 0) return [];
    const { endpoints } = on.view();
    return due.flatMap((endpoint) => {
      const reason = endpoints.find(({ id }) => id === endpoint)?.reason;
      lookGivenAtMs.set(endpoint, nowMs);
      return reason === undefined ? [] : [{ endpoint, reason }];
    });
  }

  return {
    async restore() {
      const stored = await readConfig(ports.storage);
      if (stored === undefined) return;
      const { place, snapshot } = stored;
      config = stored;
      machine = createScheduler({ place, random: ports.random }, await readCheckpoint(ports.storage));
      pass(machine.configure(snapshot, ports.nowMs()));
    },

    async configure(place, snapshot, pushedAtMs) {
      if (config !== undefined && !isLater({ version: snapshot.version, pushedAtMs }, config)) return;
      config = { place, snapshot, pushedAtMs };
      machine ??= createScheduler({ place, random: ports.random });
      lastView = undefined;
      pass(machine.configure(snapshot, ports.nowMs()));
      await writeConfig(ports.storage, config);
    },

    call(call) {
      if (machine === undefined || config === undefined || isLater(call, config)) return { needsConfig: true };
      // The same configuration pushed again is younger than what was pushed in between.
      if (call.version === config.snapshot.version && call.pushedAtMs > config.pushedAtMs)
        config = { ...config, pushedAtMs: call.pushedAtMs };
      const nowMs = ports.nowMs();
      takeIn(machine, call, nowMs);
      const extra = call.extra === undefined ? undefined : machine.drawExtra(call.extra);
      const reserved = call.ask === undefined ? undefined : machine.reserve(call.ask, nowMs);
      if (reserved !== undefined) pass(reserved.effects);
      const credits = (call.credits ?? []).flatMap((ask) => {
        const lent = machine?.credit(ask, nowMs);
        if (lent !== undefined) pass(lent.effects);
        return lent?.credit ?? [];
      });
      const view = viewFor(machine, call.viewAtMs, nowMs);
      const looksDue = looksFor(machine, nowMs);
      return {
        needsConfig: false,
        nowMs,
        ...(reserved === undefined ? {} : { answer: reserved.answer }),
        ...(extra === undefined ? {} : { extra }),
        ...(credits.length === 0 ? {} : { credits }),
        ...(view === undefined ? {} : { view }),
        ...(looksDue.length === 0 ? {} : { looksDue }),
      };
    },

    async granted(ticket, untilMs) {
      const end = await grants.wait(ticket, Math.min(LONGEST_WAIT_MS, untilMs - ports.nowMs()));
      return end ?? { granted: false, why: "predicted_late" };
    },

    watch(leaseId, untilMs, report) {
      if (machine !== undefined && report !== undefined) takeReport(machine, report, ports.nowMs());
      return revocations.wait(leaseId, Math.min(LONGEST_WAIT_MS, untilMs - ports.nowMs()));
    },

    watchRequest: (requestId, untilMs) =>
      replacements.wait(requestId, Math.min(LONGEST_WAIT_MS, untilMs - ports.nowMs())),

    async save() {
      if (machine === undefined || !isChanged) return;
      // Whatever comes of it, the next change asks for another save, and not before this one is over.
      await writeCheckpoint(ports.storage, machine.checkpoint()).finally(() => {
        isChanged = false;
      });
    },
  };
}

/** Does the first take the second's place? Equal versions are the same configuration, whenever they were pushed. */
function isLater(
  one: { readonly version: string; readonly pushedAtMs: number },
  inForce: Pick<StoredConfig, "snapshot" | "pushedAtMs">,
): boolean {
  return one.version !== inForce.snapshot.version && one.pushedAtMs > inForce.pushedAtMs;
}

const refused = ({ why, retryAfterMs }: SchedulerRefusal): TicketEnd => ({
  granted: false,
  why,
  ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
});

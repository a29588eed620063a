/**
 * Carries a job through: what the Durable Object does, without the Durable Object.
 *
 * Decisions are routing/exports'; here they are written down before anything else sees them, and whatever is due is done: run, deliver,
 * report, sweep, expire. State: the store; in memory only what is lost with the process and taken up again (`work` after a restart).
 */
import {
  addLateCost,
  beginRun,
  type CancelCause,
  type Changed,
  cancelJob,
  commitPicture,
  type Delivery,
  type DeliveryTry,
  type DrawnPicture,
  failRound,
  isOver,
  type Job,
  type JobAttempt,
  keepDrawn,
  noteState,
  openDelivery,
  openJob,
  type RequestFailure,
  type RoundFacts,
  type RunNote,
  type RunningAttempt,
  recordTry,
  redeliver,
  type StoredPicture,
} from "../../routing/index.ts";
import type { JobOrder } from "./job-order.ts";
import type { JobRecord, JobStore, StoredEvent } from "./job-store.ts";
import { webhookBody } from "./webhook-body.ts";

/** What a round came to: the picture, one that is kept and not finished (the next round, from `notBeforeMs` on, is its), or none. */
export type RoundResult = { readonly attempts: readonly JobAttempt[]; readonly costUsd: number } & (
  | { readonly ok: true; readonly picture: StoredPicture }
  | { readonly ok: true; readonly picture?: never; readonly drawn: DrawnPicture; readonly notBeforeMs: number }
  | { readonly ok: false; readonly failure: RequestFailure; readonly dear: boolean; readonly drawnIsGone?: boolean }
);

export interface Round {
  readonly order: JobOrder;
  readonly job: Job;
  /** The attempt that a former run died over; its slot is to be given back. */
  readonly orphan?: RunningAttempt;
  /** Aborts with a `CancelCause`. */
  readonly signal: AbortSignal;
  note(note: Pick<RunNote, "state" | "attempt">): void;
}

export interface JobHostPorts {
  nowMs(): number;
  /** In [0, 1). */
  random(): number;
  readonly store: JobStore;
  /** Asks to be called (`work`) at this time, epoch ms; a later ask takes the place of a former one. */
  wakeAt(atMs: number): Promise<void>;
  /** Renders, verifies and stores. Never rejects for what upstreams do. */
  runRound(round: Round): Promise<RoundResult>;
  deliver(delivery: Delivery): Promise<DeliveryTry>;
  /** Tells the tenant's index where the job stands. */
  report(record: JobRecord): Promise<void>;
  /** Deletes the reference pictures, and what the job's runs left behind beside its picture. */
  sweep(record: JobRecord): Promise<void>;
  /** Deletes the picture and the record. */
  expire(record: JobRecord): Promise<void>;
  /** Something broke that must not; the job goes on. */
  broke(where: string, error: unknown): void;
}

export interface JobHost {
  /** Takes the job once; a repeat changes nothing. */
  create(order: JobOrder): Promise<void>;
  record(): JobRecord | undefined;
  /** `false`: it was over already. */
  cancel(): Promise<boolean>;
  /** Opens the delivery again; `false`: there is none. */
  redeliver(): Promise<boolean>;
  /** Does what is due and asks to be woken for what is not. Never rejects. */
  work(): Promise<void>;
  /** Sees to it that `work` will be called, should that have been lost. */
  ensureAwake(): Promise<void>;
  /** Calls `tell` with the events after `seq`, those to come as well, until the returned function is called. */
  follow(seq: number, tell: (events: readonly StoredEvent[]) => void): () => void;
}

/** How soon what broke is tried again, ms. */
const AGAIN_MS = 5_000;

/** A host over what the store has. */
export function createJobHost(ports: JobHostPorts): JobHost {
  const { store } = ports;
  const followers = new Set<(events: readonly StoredEvent[]) => void>();
  let record = store.read();
  let running: { readonly fence: number; readonly stop: AbortController } | undefined;
  let working: Promise<void> | undefined;
  let wokenForMs = Number.POSITIVE_INFINITY;

  /** Written first, seen afterwards. */
  function apply(now: JobRecord, { job, events }: Changed): JobRecord {
    const deliveries = isOver(job) && !isOver(now.job) ? openDeliveries({ ...now, job }) : [];
    const stored = store.write({ job, events, deliveries });
    record = { ...now, job, deliveries: [...now.deliveries, ...deliveries] };
    if (stored.length > 0) for (const tell of followers) tell(stored);
    return record;
  }

  function openDeliveries({ order, job }: JobRecord): readonly Delivery[] {
    if (order.callbackUrl === undefined) return [];
    const nowMs = ports.nowMs();
    const body = webhookBody(order, job, nowMs);
    return [openDelivery({ id: `msg_${order.terms.id}`, url: order.callbackUrl, body }, nowMs)];
  }

  function keepDelivery(delivery: Delivery): void {
    store.write({ deliveries: [delivery] });
    if (record === undefined) return;
    record = { ...record, deliveries: record.deliveries.map((one) => (one.id === delivery.id ? delivery : one)) };
  }

  function keepChore(chore: "reported" | "swept"): void {
    if (record === undefined) return;
    const chores = { ...record.chores, [chore]: true };
    store.write({ chores });
    record = { ...record, chores };
  }

  async function run(now: JobRecord, begun: Changed): Promise<void> {
    const orphan = now.job.running ? now.job.current : undefined;
    const begunRecord = apply(now, begun);
    const { order, job } = begunRecord;
    if (isOver(job)) return;
    const { fence } = job;
    const stop = new AbortController();
    running = { fence, stop };
    let result: RoundResult;
    try {
      result = await ports.runRound({
        order,
        job,
        ...(orphan === undefined ? {} : { orphan }),
        signal: stop.signal,
        note: (note) => {
          const noted = record && noteState(record.job, { ...note, fence, nowMs: ports.nowMs() });
          if (record !== undefined && noted !== undefined) tellIndex(apply(record, noted));
        },
      });
    } catch (error: unknown) {
      ports.broke("run", error);
      const failure: RequestFailure = { code: "internal", detail: "Something broke while the export was made." };
      result = { ok: false, failure, dear: false, attempts: [], costUsd: 0 };
    } finally {
      running = undefined;
    }
    endRound(fence, result);
  }

  function endRound(fence: number, result: RoundResult): void {
    if (record === undefined) return;
    const { attempts, costUsd } = result;
    const facts = { fence, nowMs: ports.nowMs(), attempts, costUsd };
    const changed = transitionOf(record.job, result, facts);
    if (changed !== undefined) apply(record, changed);
    else if (record.job.state === "cancelled") {
      const job = addLateCost(record.job, facts);
      if (job !== record.job) apply(record, { job, events: [] });
    }
  }

  function transitionOf(job: Job, result: RoundResult, facts: RoundFacts): Changed | undefined {
    if (!result.ok) return failRound(job, { ...facts, ...result, random: ports.random() });
    if (result.picture !== undefined) return commitPicture(job, { ...facts, picture: result.picture });
    return keepDrawn(job, { ...facts, drawn: result.drawn, notBeforeMs: result.notBeforeMs });
  }

  /** Nobody waits for it: what must arrive is told again at the end. */
  function tellIndex(now: JobRecord): void {
    ports.report(now).catch(() => undefined);
  }

  /** Does the first thing that is due; `undefined`: something was done, look again; else when the next is due. */
  async function doNext(now: JobRecord): Promise<number | undefined> {
    const { job, order, chores } = now;
    const nowMs = ports.nowMs();
    if (!isOver(job)) {
      const begun = beginRun(job, nowMs);
      if (begun === undefined) return job.notBeforeMs;
      await run(now, begun);
      // Each round has a wake-up of its own: the platform ends one that takes more than 15 minutes.
      return record === undefined || isOver(record.job) ? undefined : record.job.notBeforeMs;
    }
    if (!chores.reported) {
      await ports.report(now);
      keepChore("reported");
      return undefined;
    }
    const due = now.deliveries.find((delivery) => delivery.state === "due" && delivery.dueAtMs <= nowMs);
    if (due !== undefined) {
      keepDelivery(recordTry(due, await ports.deliver(due), ports.random()));
      return undefined;
    }
    if (!chores.swept) {
      await ports.sweep(now);
      keepChore("swept");
      return undefined;
    }
    const expiresAtMs = (job.endedAtMs ?? nowMs) + order.keepMs;
    if (expiresAtMs <= nowMs) {
      await ports.expire(now);
      record = undefined;
      return undefined;
    }
    return Math.min(expiresAtMs, ...now.deliveries.filter(({ state }) => state === "due").map((one) => one.dueAtMs));
  }

  async function workUntilIdle(): Promise<void> {
    while (record !== undefined) {
      let nextMs: number | undefined;
      try {
        nextMs = await doNext(record);
      } catch (error: unknown) {
        ports.broke("work", error);
        nextMs = ports.nowMs() + AGAIN_MS;
      }
      if (nextMs !== undefined) return wake(nextMs);
    }
  }

  async function wake(atMs: number): Promise<void> {
    wokenForMs = atMs;
    await ports.wakeAt(atMs);
  }

  return {
    record: () => record,
    async create(order) {
      if (record !== undefined) return;
      const { job, events } = openJob(order.terms);
      const chores = { reported: false, swept: false };
      store.write({ order, job, chores, events });
      record = { order, job, chores, deliveries: [] };
      await wake(ports.nowMs());
    },
    async cancel() {
      const changed = record && cancelJob(record.job, ports.nowMs());
      if (record === undefined || changed === undefined) return false;
      apply(record, changed);
      const cause: CancelCause = "client_gone";
      if (running === undefined) await wake(ports.nowMs());
      else running.stop.abort(cause);
      return true;
    },
    async redeliver() {
      const [last] = record?.deliveries ?? [];
      if (last === undefined) return false;
      keepDelivery(redeliver(last, ports.nowMs()));
      await wake(ports.nowMs());
      return true;
    },
    work() {
      wokenForMs = Number.POSITIVE_INFINITY;
      working ??= workUntilIdle().finally(() => {
        working = undefined;
      });
      return working;
    },
    async ensureAwake() {
      const nowMs = ports.nowMs();
      const isAwaited = wokenForMs !== Number.POSITIVE_INFINITY && wokenForMs > nowMs - AGAIN_MS;
      if (record === undefined || working !== undefined || isAwaited) return;
      await wake(nowMs);
    },
    follow(seq, tell) {
      const missed = store.eventsAfter(seq);
      if (missed.length > 0) tell(missed);
      followers.add(tell);
      return () => followers.delete(tell);
    },
  };
}

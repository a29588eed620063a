/**
 * Reports that wait to be sent to one place's scheduler, in one batch with whatever is said to it next.
 *
 * Bounded: while a scheduler cannot be reached the oldest reports are dropped. That costs it measurements, and slots one lease time.
 */
import type { ReportBatch } from "../../../../routing/index.ts";

/** So many attempts that ended are told at once… */
export const FLUSH_ENDS = 64;
/** …and fewer after this time, ms. */
export const FLUSH_AFTER_MS = 300;

/** Most entries of each kind that wait. */
const MAX_WAITING = 512;

export type Started = ReportBatch["started"][number];
export type Ended = ReportBatch["ended"][number];
type Done = NonNullable<ReportBatch["done"]>[number];

export interface Outbox {
  started(entry: Started): void;
  /** An end whose start still waits here is told together with it. */
  ended(entry: Ended): void;
  returned(creditId: string): void;
  /** Something happened once more. */
  counted(name: string): void;
  /** Ends that wait. */
  endCount(): number;
  isEmpty(): boolean;
  /** All that waits, to be sent now; `undefined` when nothing does. */
  take(): ReportBatch | undefined;
  /** Is a request going to send this? Says yes from then on until `take`, or until `nowMs` is well past the time to flush. */
  claimFlush(nowMs: number): boolean;
}

/** An empty outbox. */
export function createOutbox(isolateId: string): Outbox {
  let started = new Map<string, Started>();
  let ended: Ended[] = [];
  let done: Done[] = [];
  let returned: string[] = [];
  let counts: Record<string, number> = {};
  let hasCounts = false;
  let flushDueAtMs = 0;
  const isEmpty = () => started.size + ended.length + done.length + returned.length === 0 && !hasCounts;
  return {
    started(entry) {
      if (started.size >= MAX_WAITING) started.delete(started.keys().next().value ?? "");
      started.set(entry.id, entry);
    },
    ended(entry) {
      const start = started.get(entry.id);
      if (start === undefined) {
        if (ended.length >= MAX_WAITING) ended.shift();
        ended.push(entry);
        return;
      }
      started.delete(entry.id);
      if (done.length >= MAX_WAITING) done.shift();
      done.push(toDone(start, entry));
    },
    returned(creditId) {
      returned.push(creditId);
    },
    counted(name) {
      counts[name] = (counts[name] ?? 0) + 1;
      hasCounts = true;
    },
    endCount: () => ended.length + done.length,
    isEmpty,
    take() {
      flushDueAtMs = 0;
      if (isEmpty()) return undefined;
      const batch: ReportBatch = {
        isolateId,
        started: [...started.values()],
        ended,
        ...(done.length === 0 ? {} : { done }),
        ...(returned.length === 0 ? {} : { returned }),
        ...(hasCounts ? { counts } : {}),
      };
      started = new Map();
      ended = [];
      done = [];
      returned = [];
      counts = {};
      hasCounts = false;
      return batch;
    },
    claimFlush(nowMs) {
      // A request that promised to flush may have been cut off with its client.
      if (flushDueAtMs !== 0 && nowMs < flushDueAtMs + FLUSH_AFTER_MS) return false;
      flushDueAtMs = nowMs + FLUSH_AFTER_MS;
      return true;
    },
  };
}

function toDone({ ask, startedAtMs }: Started, { endpoint, outcome, creditId }: Ended): Done {
  return {
    endpoint,
    kind: ask.kind,
    priority: ask.priority,
    startedAtMs,
    outcome,
    ...(ask.policy === undefined ? {} : { policy: ask.policy }),
    ...(creditId === undefined ? {} : { creditId }),
  };
}

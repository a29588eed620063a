/**
 * Reports that wait to be sent to one place's scheduler, in one batch with whatever is said to it next.
 *
 * Bounded: while a scheduler cannot be reached the oldest reports are dropped. That costs it measurements, and slots one lease time.
 */
import type { ReportBatch } from "../../../../routing/index.ts";

/** So many ends are sent at once… */
export const FLUSH_ENDS = 16;
/** …and fewer after this time, ms. */
export const FLUSH_AFTER_MS = 300;

/** Most entries of each kind that wait. */
const MAX_WAITING = 512;

export type Started = ReportBatch["started"][number];
export type Ended = ReportBatch["ended"][number];

export interface Outbox {
  started(entry: Started): void;
  ended(entry: Ended): void;
  returned(creditId: string): void;
  /** Ends that wait. */
  endCount(): number;
  isEmpty(): boolean;
  /** All that waits, to be sent now; `undefined` when nothing does. */
  take(): ReportBatch | undefined;
  /** Is a request going to send this? Says yes from then on until `take`, or until `nowMs` is well past `dueAtMs`. */
  claimFlush(nowMs: number): boolean;
}

/** An empty outbox. */
export function createOutbox(isolateId: string): Outbox {
  let started: Started[] = [];
  let ended: Ended[] = [];
  let returned: string[] = [];
  let flushDueAtMs = 0;
  return {
    started(entry) {
      if (started.length >= MAX_WAITING) started.shift();
      started.push(entry);
    },
    ended(entry) {
      if (ended.length >= MAX_WAITING) ended.shift();
      ended.push(entry);
    },
    returned(creditId) {
      returned.push(creditId);
    },
    endCount: () => ended.length,
    isEmpty: () => started.length + ended.length + returned.length === 0,
    take() {
      flushDueAtMs = 0;
      if (started.length + ended.length + returned.length === 0) return undefined;
      const batch: ReportBatch = { isolateId, started, ended, ...(returned.length === 0 ? {} : { returned }) };
      started = [];
      ended = [];
      returned = [];
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

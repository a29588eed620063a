/**
 * How an attempt hears that its lease was taken back: a call at the place's scheduler that is answered when that happens, or not at all.
 *
 * Only requests that can be superseded are watched. Fails open: a watch that breaks off takes nothing back.
 */
import type { CancelCause, PlaceId, ReportBatch, ReserveAsk } from "../../../../routing/index.ts";
import type { Conversation } from "./conversation.ts";
import { type IsolateMemory, type PlaceMemory, placeOf } from "./memory.ts";
import type { RegionLinks } from "./region-links.ts";

export interface Watched {
  readonly ask: ReserveAsk;
  /** When the lease is over in any case, epoch ms. */
  readonly untilMs: number;
  /** The start of an attempt that was not asked for, to be taken in first. */
  readonly report?: ReportBatch;
}

export interface Watcher {
  /** Aborts with the cause when the place's scheduler takes the lease back, or home hears of a newer request. */
  watch(place: PlaceMemory, leaseId: string, watched: Watched): AbortSignal;
  /** The attempt is over. Its place hears of that anyway; home has to be told. */
  unwatch(ask: ReserveAsk): void;
  /** For leases that nobody takes back. */
  never(): AbortSignal;
}

export interface WatcherPorts {
  readonly memory: IsolateMemory;
  readonly links: RegionLinks;
  background(work: Promise<unknown>): void;
}

/** Only what somebody may replace by a newer one; exports are finished whatever comes. */
export function isSupersedable({ supersedeKey, priority }: ReserveAsk): boolean {
  return supersedeKey !== undefined && priority !== "export";
}

/** A watcher for one request. */
export function createWatcher({ memory, links, background }: WatcherPorts, talk: Conversation): Watcher {
  let never: AbortSignal | undefined;

  /** Home may never have heard of this request: it is told who it is, or it could not tell that a newer one replaces it. */
  function watchAtHome(home: PlaceId, ask: ReserveAsk, untilMs: number, abort: (cause?: CancelCause) => void): void {
    const { tenant, supersedeKey, priority, requestId, startedAtMs, kind } = ask;
    background(links.to(home).watchRequest(requestId, untilMs).then(abort, ignore));
    const key = supersedeKey === undefined ? {} : { supersedeKey };
    const since = startedAtMs === undefined ? {} : { startedAtMs };
    talk.tell(placeOf(memory, home), { claims: [{ tenant, priority, requestId, kind, ...key, ...since }] });
  }

  return {
    watch(place, leaseId, { ask, untilMs, report }) {
      const controller = new AbortController();
      const abort = (cause: CancelCause | undefined): void => {
        if (cause !== undefined) controller.abort(cause);
      };
      background(links.to(place.place).watch(leaseId, untilMs, report).then(abort, ignore));
      const home = homeOf(ask);
      if (home !== undefined) watchAtHome(home, ask, untilMs, abort);
      return controller.signal;
    },
    unwatch(ask) {
      const home = isSupersedable(ask) ? homeOf(ask) : undefined;
      if (home !== undefined) talk.tell(placeOf(memory, home), { unwatched: [ask.requestId] });
    },
    never() {
      never ??= new AbortController().signal;
      return never;
    },
  };
}

/** Where a newer request of the session is heard of first, when this attempt runs elsewhere. */
function homeOf({ place, budgetOf }: ReserveAsk): PlaceId | undefined {
  return budgetOf === place ? undefined : budgetOf;
}

const ignore = (): void => undefined;

/**
 * What travels between a router's isolate and a place's RegionScheduler, as plain data, and the calls by which it does.
 *
 * One call carries all that an isolate has to say and to ask, because a round trip costs more than anything in it.
 */
import type {
  CancelCause,
  Credit,
  CreditAsk,
  EndpointId,
  EndpointView,
  ExtraKind,
  GrantedLease,
  Look,
  PlaceId,
  ReportBatch,
  ReserveAnswer,
  ScheduledAsk,
  ScheduledOutcome,
  SchedulerRefusal,
  SchedulerView,
  Snapshot,
  SupersedeClaim,
} from "../../routing/index.ts";

/** One round trip. What is told is taken in before what is asked is answered. */
export interface RegionCall {
  /** The snapshot that the isolate serves. */
  readonly version: string;
  /** When it was pushed, epoch ms; 0: never. The configuration that was pushed last wins. */
  readonly pushedAtMs: number;
  /** `atMs` of the view that the isolate has; a fresh one comes along only when that is old. Absent: it has none. 0: as of now. */
  readonly viewAtMs?: number;
  /** What the isolate began and ended without asking. */
  readonly report?: ReportBatch;
  /** Slots given back. */
  readonly released?: readonly Released[];
  /** Tickets, or leases made of them, that nobody waits for any more. */
  readonly abandoned?: readonly string[];
  /** Requests that run in other places and may be replaced from here. */
  readonly claims?: readonly SupersedeClaim[];
  /** Requests whose watches are over. */
  readonly unwatched?: readonly string[];
  /** What was seen at endpoints that were due for a look. */
  readonly looks?: readonly { readonly endpoint: EndpointId; readonly look: Look }[];
  /** An extra attempt that was paid for here and not made elsewhere after all. */
  readonly refund?: ExtraKind;
  /** An extra attempt that another place will run and this one pays for. */
  readonly extra?: ExtraKind;
  readonly ask?: ScheduledAsk;
  /** Slots wanted for use without asking. */
  readonly credits?: readonly CreditAsk[];
}

export interface Released {
  readonly leaseId: string;
  readonly endpoint: EndpointId;
  readonly outcome: ScheduledOutcome;
}

export type RegionReply =
  /** The object has no configuration, or an older one. Nothing was taken in: send it with `configure` and call again. */
  | { readonly needsConfig: true }
  | {
      readonly needsConfig: false;
      /** The object's time, epoch ms: times in here are of its clock. */
      readonly nowMs: number;
      readonly answer?: ReserveAnswer;
      /** May the extra attempt be made? */
      readonly extra?: boolean;
      /** New ones, and renewed ones under their old ids. */
      readonly credits?: readonly Credit[];
      readonly view?: SchedulerView;
      /** Endpoints that are out and that this isolate is asked to look at. */
      readonly looksDue?: readonly LookDue[];
    };

export interface LookDue {
  readonly endpoint: EndpointId;
  /** Why it is out. */
  readonly reason: NonNullable<EndpointView["reason"]>;
}

export type TicketEnd =
  | { readonly granted: true; readonly lease: GrantedLease }
  | ({ readonly granted: false } & Pick<SchedulerRefusal, "why" | "retryAfterMs">);

/** The object as its callers see it. Every call may fail, and none may be waited for without a bound. */
export interface RegionObject {
  /** Takes a snapshot into force unless a later one already is. */
  configure(place: PlaceId, snapshot: Snapshot, pushedAtMs: number): Promise<void>;
  call(call: RegionCall): Promise<RegionReply>;
  /** Waits until a queued ticket gets a slot or leaves the queue, `untilMs` (epoch) at the latest. */
  granted(ticket: string, untilMs: number): Promise<TicketEnd>;
  /**
   * Waits until a lease is revoked (the cause) or over (`undefined`), `untilMs` (epoch) at the latest. Takes `report` in first: the start
   * of an attempt that was begun without asking and can be superseded from elsewhere.
   */
  watch(leaseId: string, untilMs: number, report?: ReportBatch): Promise<CancelCause | undefined>;
  /** Waits until a newer request replaces this one (the cause), for what it runs in other places; until `unwatched` or `untilMs` (epoch). */
  watchRequest(requestId: string, untilMs: number): Promise<CancelCause | undefined>;
}

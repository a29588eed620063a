/**
 * What goes in and out of a scheduler, as JSON: it crosses the Durable Object's RPC as it is.
 *
 * `Ask` and `Outcome` are `ReserveAsk` and `AttemptOutcome` of execute's ports, written here because deciders do not import
 * execute; a test holds them equal. The rest exists only between the router and the scheduler.
 */
import type { EndpointId, ModelId, PlaceId, PolicyName, Priority } from "../config/snapshot.ts";
import type { AttemptFailure, CancelCause } from "../failure/index.ts";

/** Pixels of the asked picture in classes; see `sizeClassOf`. */
export type SizeClass = "xs" | "s" | "m" | "l" | "xl" | "xxl";

/** `shadow`: work that nobody waits for; it gets a slot of an idle pool, or none. */
export type AskKind = "first" | "retry" | "fallback" | "hedge" | "probe" | "shadow";

/** What a leg asks of a place's scheduler. */
export interface Ask {
  readonly place: PlaceId;
  readonly model: ModelId;
  readonly candidates: readonly EndpointId[];
  readonly sizeClass: SizeClass;
  readonly steps?: number;
  readonly priority: Priority;
  /** When the picture must be at the router, epoch ms. */
  readonly deadlineAtMs: number;
  readonly kind: AskKind;
  readonly avoid: readonly EndpointId[];
  /** It starts beside a running attempt before that one's time is up: an extra attempt, which draws on the budget as a retry does. */
  readonly beside?: boolean;
  readonly tenant: string;
  readonly supersedeKey?: string;
  readonly requestId: string;
  /** Whose thresholds apply: downgrade, hedge, share of extra attempts. Absent: no downgrade trigger, no hedge, 10 %. */
  readonly policy?: PolicyName;
  /** Longest that the attempt will be let run, ms; its lease lives twice as long. Absent: until the deadline. */
  readonly timeoutMs?: number;
  /** Another leg can still serve: then an ejected endpoint is not used for want of a better one. Absent: none can. */
  readonly elsewhere?: boolean;
  /** When the request began, epoch ms: the later of one supersede key wins. Absent: when it asked. */
  readonly startedAtMs?: number;
  /** The place whose budget pays for an extra attempt. Absent, or another place than this one: see `drawExtra`. */
  readonly budgetOf?: PlaceId;
}

/** Who a request is, for what it runs in other places: its session and layer may be asked for anew here. */
export type Claim = Pick<Ask, "tenant" | "supersedeKey" | "priority" | "requestId" | "startedAtMs" | "kind">;

/** How an attempt ended. */
export interface Outcome {
  readonly model: ModelId;
  readonly sizeClass: SizeClass;
  readonly steps?: number;
  readonly result: { readonly ok: true } | { readonly ok: false; readonly failure: AttemptFailure };
  readonly elapsedMs: number;
  readonly serviceMs?: number;
  readonly queueMs?: number;
  readonly costUsd?: number;
}

/** Why no slot was given. The label of a metric. */
export type RefusalReason = "predicted_late" | "no_endpoint" | "shed" | "not_before" | "budget" | "superseded";

/** A lease as it travels; the router's adapter adds the signal that aborts when it is revoked. */
export interface GrantedLease {
  readonly id: string;
  readonly endpoint: EndpointId;
  readonly place: PlaceId;
  /** When the slot goes to somebody else if nothing is heard of it, epoch ms. */
  readonly expiresAtMs: number;
  readonly predicted: { readonly waitMs: number; readonly serviceMs: number; readonly p95Ms: number };
  readonly hedgeAfterMs?: number;
  /** Giving the attempt up early would free nothing: hanging up does not stop the work here, and there is hardly room for another. */
  readonly patient?: boolean;
  readonly probe: boolean;
}

export interface Refusal {
  readonly kind: "refused";
  readonly why: RefusalReason;
  /** Honest wait until room is expected, ms; absent where waiting does not help. */
  readonly retryAfterMs?: number;
}

export type ReserveAnswer =
  | { readonly kind: "granted"; readonly lease: GrantedLease }
  /** Wait for a grant or a drop of this ticket in some later `Effects`; `abandon` it when patience ends. */
  | {
      readonly kind: "queued";
      readonly ticket: string;
      readonly predictedWaitMs: number;
      /** When the ticket leaves the queue by itself, epoch ms. */
      readonly expiresAtMs: number;
    }
  | Refusal;

/** What a call changed for others: to be passed on to whoever waits for it. */
export interface Effects {
  /** Tickets that got a slot. The lease carries the ticket's id. */
  readonly grants: readonly GrantedLease[];
  /** Tickets that left the queue without one. */
  readonly dropped: readonly { readonly ticket: string; readonly refusal: Refusal }[];
  /** Leases whose holders must stop, with the cause to abort with. */
  readonly revoked: readonly { readonly leaseId: string; readonly cause: CancelCause }[];
  /** Requests that a newer one of the same session and layer has replaced: what they hold in other places must stop too. */
  readonly superseded?: readonly string[];
  /** Leases that ended unheard of. */
  readonly expired: readonly string[];
  /** Call `tick` then at the latest, epoch ms; absent when nothing is pending. */
  readonly nextWakeAtMs?: number;
}

/** Slots lent to an isolate for a short while, so that a request needs no round trip. */
export interface Credit {
  readonly id: string;
  readonly model: ModelId;
  readonly endpoint: EndpointId;
  /** Attempts that may run at the same time. */
  readonly slots: number;
  /** No attempt may be started on it from then on, epoch ms. */
  readonly expiresAtMs: number;
  /** Of the pool's typical work, which is what it is meant for. */
  readonly predicted: GrantedLease["predicted"];
  /** Shape key of that work (`m/28`). */
  readonly typical?: string;
  /** As a lease's, for requests of `policy`; absent: do not hedge. */
  readonly hedgeAfterMs?: number;
  readonly policy?: PolicyName;
}

/** What an isolate asks for ahead of need. */
export interface CreditAsk {
  readonly isolateId: string;
  readonly model: ModelId;
  /** Attempts that it would run at the same time, those that already run on the renewed credit among them. */
  readonly slots: number;
  /** A credit that it holds and wants to keep: the answer is that one with a new end, or nothing, and then it is to be returned. */
  readonly renews?: string;
  /** Whose hedge applies. */
  readonly policy?: PolicyName;
}

/** Attempts that an isolate ran without asking: on a credit, or by its local rule. */
export interface ReportBatch {
  readonly isolateId: string;
  /** Begun; `id` is the isolate's own name for it, unique among all isolates. */
  readonly started: readonly {
    readonly id: string;
    readonly endpoint: EndpointId;
    readonly creditId?: string;
    readonly ask: Ask;
    readonly startedAtMs: number;
  }[];
  /** Ended, with or without a former `started`. */
  readonly ended: readonly {
    readonly id: string;
    readonly endpoint: EndpointId;
    readonly creditId?: string;
    readonly outcome: Outcome;
  }[];
  /** Begun and ended since the last report: most attempts, told in fewer words. None of them can be superseded. */
  readonly done?: readonly DoneAttempt[];
  /** Credits that are not wanted any more. */
  readonly returned?: readonly string[];
  /** What else happened there since, to be added to the place's counters. */
  readonly counts?: Readonly<Record<string, number>>;
}

/** A whole attempt, told afterwards. */
export interface DoneAttempt extends Pick<Ask, "kind" | "priority" | "policy"> {
  readonly endpoint: EndpointId;
  readonly creditId?: string;
  readonly startedAtMs: number;
  readonly outcome: Outcome;
}

/** What a look at an endpoint's model list said of its pin. */
export type Look =
  | { readonly ok: true }
  | { readonly ok: false; readonly reason: "pin_mismatch" | "model_gone" | "unauthorized" | "secret_missing" };

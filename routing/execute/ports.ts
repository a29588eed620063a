/**
 * What `execute` needs from the world, as interfaces; the router Worker, the tests and the simulations each bring their own.
 *
 * Time and chance come in through here and nowhere else. No port may wait for ever: each is raced against the attempt's deadline.
 */
import type { DialectName, EndpointId, ModelId, PlaceId, PolicyName, Priority } from "../config/snapshot.ts";
import type { Call, Dialect } from "../dialects/dialect.ts";
import type { AttemptFailure, CancelCause } from "../failure/index.ts";
import type { PictureFormat } from "../image/request.ts";

export interface Clock {
  /** Epoch ms. */
  nowMs(): number;
  /** Resolves after `ms`, or at once when `signal` aborts; never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /**
   * Calls `ring` once after `ms`; the returned function takes that back. Does what `sleep` does at a third of the price, which a
   * request pays with every attempt; without it, `sleep` serves.
   */
  timer?(ms: number, ring: () => void): () => void;
}

export interface UpstreamResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>> | null;
  /** All of the body at once, in place of reading `body`, where the platform does that for less. Rejects when it breaks off. */
  whole?(): Promise<ArrayBuffer>;
}

export interface Upstream {
  /** Sends one call, redirects not followed. Rejects when the connection fails or `signal` aborts; the body breaks with it then. */
  send(call: Call, signal: AbortSignal): Promise<UpstreamResponse>;
}

/** Pixels of the asked picture, in the classes by which service times are kept. Upper bounds: 0.3, 0.7, 1.2, 2.5, 5, ∞ megapixels. */
export type SizeClass = "xs" | "s" | "m" | "l" | "xl" | "xxl";

/** What a leg asks of a place's scheduler. */
export interface ReserveAsk {
  readonly place: PlaceId;
  readonly model: ModelId;
  /** Endpoints that may serve it, best first. */
  readonly candidates: readonly EndpointId[];
  readonly sizeClass: SizeClass;
  readonly steps?: number;
  readonly priority: Priority;
  /** When the picture must be there, epoch ms. */
  readonly deadlineAtMs: number;
  /** Why it is asked: extras draw on the one budget; a shadow gets a slot of an idle pool, or none. */
  readonly kind: "first" | "retry" | "fallback" | "hedge" | "probe" | "shadow";
  /** Not these (already tried, or the same failure domain as the running attempt). */
  readonly avoid: readonly EndpointId[];
  /** It starts beside a running attempt before that one's time is up: an extra attempt, which draws on the budget as a retry does. */
  readonly beside?: boolean;
  readonly tenant: string;
  /** Newest request of the same key wins; older leases are revoked. */
  readonly supersedeKey?: string;
  readonly requestId: string;
  /** Whose thresholds apply: downgrade, hedge, share of extra attempts. Absent: no downgrade trigger, no hedge. */
  readonly policy?: PolicyName;
  /** Longest that the attempt will be let run, ms; its lease lives twice as long. Absent: until the deadline. */
  readonly timeoutMs?: number;
  /** Another leg can still serve: then an ejected endpoint is not used for want of a better one. Absent: none can. */
  readonly elsewhere?: boolean;
  /** When the request began, epoch ms: the later of one supersede key wins. Absent: when it asked. */
  readonly startedAtMs?: number;
  /** The place whose budget pays for an extra attempt: that of the first attempt. Absent: `place`. */
  readonly budgetOf?: PlaceId;
}

/** A slot promised to one attempt. It expires by itself when it is not released. */
export interface Lease {
  readonly id: string;
  readonly endpoint: EndpointId;
  readonly place: PlaceId;
  /** Aborts with a `CancelCause` when the scheduler takes the slot back. */
  readonly revoked: AbortSignal;
  /** Predicted wait and service time at the endpoint, ms; absent before anything was measured. */
  readonly predicted?: { readonly waitMs: number; readonly serviceMs: number; readonly p95Ms: number };
  /** When to hedge, ms after the start; absent: do not. */
  readonly hedgeAfterMs?: number;
  /** The adaptive timeout is not to be kept: hanging up does not stop the work there, and there is hardly room for another. */
  readonly patient?: boolean;
  /** This attempt is the one probe of an ejected endpoint. */
  readonly probe: boolean;
}

export type Reservation =
  | { readonly granted: true; readonly lease: Lease }
  | {
      readonly granted: false;
      readonly why: "predicted_late" | "no_endpoint" | "shed" | "not_before" | "budget" | "superseded";
      /** Honest wait until room is expected, ms. */
      readonly retryAfterMs?: number;
    };

/** How an attempt ended, told to the scheduler with the release. */
export interface AttemptOutcome {
  readonly model: ModelId;
  readonly sizeClass: SizeClass;
  readonly steps?: number;
  readonly result: { readonly ok: true } | { readonly ok: false; readonly failure: AttemptFailure };
  /** Wall time of the attempt as the router saw it, ms. */
  readonly elapsedMs: number;
  /** What the endpoint says about itself, ms. */
  readonly serviceMs?: number;
  readonly queueMs?: number;
  readonly costUsd?: number;
}

export interface Scheduler {
  /** Never rejects: an unreachable scheduler answers by the local rule. */
  reserve(ask: ReserveAsk, signal: AbortSignal): Promise<Reservation>;
  /** Gives the slot back and tells the outcome. Returns at once; never throws. */
  release(lease: Lease, outcome: AttemptOutcome): void;
}

/** One line of the trail: what was tried and what came of it. Becomes `galley-attempts`. */
export interface AttemptRecord {
  /** `none` where no endpoint was given: the scheduler refused the leg, or it needs none. */
  readonly endpoint: EndpointId;
  readonly model: ModelId;
  readonly place: PlaceId;
  readonly leg: string;
  readonly kind: ReserveAsk["kind"];
  /** `ok`, `running` (still on when the answer was sent), or the failure's reason. */
  readonly outcome: "ok" | "running" | AttemptFailure["reason"];
  readonly failure?: AttemptFailure;
  /** From the start of the request, ms. */
  readonly startedAfterMs: number;
  readonly elapsedMs: number;
  /** How much of it went by before it had a slot, ms; absent: nothing. */
  readonly waitedMs?: number;
}

/** Something happened; for metrics, logs and tests. Noun-verb names; no prompt, key or URL in any. */
export type ExecuteEvent =
  | {
      readonly event: "attempt-started";
      readonly endpoint: EndpointId;
      readonly leg: string;
      readonly timeoutMs: number;
    }
  | { readonly event: "attempt-ended"; readonly record: AttemptRecord }
  | { readonly event: "leg-skipped"; readonly leg: string; readonly why: string }
  | { readonly event: "request-cancelled"; readonly cause: CancelCause };

/** What each endpoint was last seen to serve, kept between requests so that a look is not made for every picture. */
export interface PinMemory {
  /** The version that the endpoint reports, from memory or from `load`; `undefined` when it does not say. */
  look(endpoint: EndpointId, load: () => Promise<string | undefined>): Promise<string | undefined>;
}

/** Which finished picture a `stale` leg may show. */
export interface StaleAsk {
  readonly tenant: string;
  /** Session and layer, as in `ExecuteInput`. */
  readonly supersedeKey: string;
  readonly maxAgeMs: number;
}

/** The last finished picture of a session and layer. */
export interface StalePicture {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly format: PictureFormat;
  readonly width: number;
  readonly height: number;
  readonly ageMs: number;
}

export interface ExecutePorts {
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  random(): number;
  readonly upstream: Upstream;
  readonly scheduler: Scheduler;
  /** The value of a secret that the catalogue names, or `undefined` when it is not set. */
  secret(name: string): string | undefined;
  /** Keeps work alive after the answer was sent (drains, releases). */
  background(work: Promise<unknown>): void;
  observe?(event: ExecuteEvent): void;
  /** The protocols this build speaks; without it, all that routing/dialects has. */
  readonly dialects?: Readonly<Partial<Record<DialectName, Dialect>>>;
  /** Without it, no looks are made: a picture whose response does not say its pin is `unverified`. */
  readonly pins?: PinMemory;
  /** Without it, `stale` legs have nothing to show. */
  stale?(ask: StaleAsk): Promise<StalePicture | undefined>;
}

/**
 * One attempt as the rest of execute sees it: what it is asked, what it tells, what can be done with it.
 */
import type { EndpointId } from "../config/snapshot.ts";
import type { Reported } from "../dialects/dialect.ts";
import type { AttemptFailure, CancelCause, Result } from "../failure/index.ts";
import type { FlowEnd } from "../image/flow.ts";
import type { ImageRequest } from "../image/request.ts";
import type { Leg } from "../plan/plan.ts";
import type { Made } from "./dialogue.ts";
import type { ExecuteInput, Picture } from "./executed.ts";
import type { AttemptRecord, ExecutePorts, Lease, ReserveAsk } from "./ports.ts";
import type { RequestClock } from "./request-clock.ts";

/** What all attempts of one request share. */
export interface RequestContext {
  readonly input: ExecuteInput;
  readonly ports: ExecutePorts;
  readonly clock: RequestClock;
}

export interface AttemptAsk {
  readonly leg: Leg;
  readonly kind: ReserveAsk["kind"];
  readonly avoid: readonly EndpointId[];
  /** When the slice of the deadline that is lent to it runs out, epoch ms. */
  readonly endsAtMs: number;
  /** When the next leg has to start at the latest, epoch ms; beside this one, where that may run on. */
  readonly nextLegAtMs: number;
  /** It starts beside an attempt whose time is not up. */
  readonly beside: boolean;
  /** 1 for the request's first. */
  readonly number: number;
  readonly request: ImageRequest;
  /** Most bytes of the picture held back. */
  readonly headBytes: number;
  /** Another leg could still serve if this one is refused. */
  readonly elsewhere: boolean;
}

/** Told by the attempt to whoever conducts the request. */
export interface AttemptEvents {
  granted(attempt: Attempt, lease: Lease): void;
  /** Once. A picture is ready to be served, or there will be none from here. */
  ended(attempt: Attempt, end: Result<Served, AttemptFailure>): void;
  /** Instead of `ended`: something threw that must not, which is a bug in us or in a port. */
  broke(error: unknown): void;
}

/** A verified picture and where it came from. */
export interface Served {
  readonly endpoint: EndpointId;
  readonly pin: "verified" | "unverified";
  readonly reported: Reported;
  readonly made: Made;
  /** What the upstream could not take of the request, in words. */
  readonly warnings: readonly string[];
}

/** How its sending ended; `verified`: the pin was reported, and the upstream's last word took nothing back. */
export interface ServedEnd extends Pick<FlowEnd, "bytes" | "whole"> {
  readonly verified: boolean;
  /** Why it is not good after all. */
  readonly failure?: AttemptFailure;
}

export interface Attempt {
  readonly ask: AttemptAsk;
  readonly startedAtMs: number;
  /** The endpoint it was given a slot of. */
  endpoint(): EndpointId | undefined;
  /** Stops it for good. Does nothing to one that has ended. */
  stop(failure: AttemptFailure): void;
  /** Hands its picture on. `ended` resolves with the last byte; before it, the lease is held. */
  serve(served: Served): { readonly picture: Picture; readonly ended: Promise<ServedEnd> | undefined };
  record(): AttemptRecord;
  costUsd(): number;
}

/** The typed reason of an aborted signal; `otherwise` where somebody aborted without one. */
export function causeOf(signal: AbortSignal | undefined, otherwise: CancelCause): CancelCause {
  const reason: unknown = signal?.reason;
  return CAUSES.find((cause) => cause === reason) ?? otherwise;
}

const CAUSES: readonly CancelCause[] = ["deadline", "client_gone", "superseded", "lost_race", "revoked"];

/**
 * What every handler knows about the request in hand: who, from where, since when, under which snapshot, and who may cancel it.
 */
import type { Arm, ClientLocation, LiveExperiment, Snapshot } from "../../routing/index.ts";
import type { ServedConfig } from "./adapters/config-store.ts";
import type { Admitted } from "./admission.ts";
import type { Env } from "./environment.ts";

export interface RequestContext {
  readonly requestId: string;
  readonly env: Env;
  readonly startedAtMs: number;
  readonly admitted: Admitted;
  readonly served: ServedConfig;
  readonly snapshot: Snapshot;
  readonly location: ClientLocation;
  /** Aborts when the client is known to be gone; with a `CancelCause` where it was for something else. */
  readonly signal: AbortSignal;
  /** W3C trace context to pass on: the caller's trace, our own span. */
  readonly traceparent: string;
  readonly local: boolean;
  /** The request says that it comes from automation, not from a person. */
  readonly automation: boolean;
  /** The caller's `cache-control`; `null` where there is none. */
  readonly cacheControl: string | null;
  /** Canaries that run, as far as this isolate knows. */
  readonly experiments: readonly LiveExperiment[];
  /** The arm that a caller who may asked for. */
  readonly forcedArm?: Arm;
  background(work: Promise<unknown>): void;
}

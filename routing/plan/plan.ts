/**
 * A plan: the ordered legs that a request may take under its deadline, as data.
 */
import type { EndpointId, ModelId, PlaceId, Policy } from "../config/snapshot.ts";

export type LegKind =
  | "primary"
  | "same-model"
  | "sibling-region"
  | "faster-model"
  | "any-region"
  | "cluster"
  | "model"
  | "successor"
  | "stale";

/** One step of a plan. A `stale` leg has no candidates: it shows the last picture of the session and layer. */
export interface Leg {
  readonly kind: LegKind;
  readonly model: ModelId;
  readonly place: PlaceId;
  /** Endpoints of `model` in `place`, best first by static order; the scheduler picks among them. */
  readonly candidates: readonly EndpointId[];
  /** Least useful time, ms: q75 of predicted wait and service. The leg is not begun with less. */
  readonly minMs: number;
  /** Most it may take with the wait for its slot, ms. */
  readonly capMs: number;
  /** Most that one attempt may run once it has its slot, ms, while another leg could still serve. Absent: only `capMs` bounds it. */
  readonly attemptMs?: number;
  /** Upscale the result to the asked size. */
  readonly upscale: boolean;
  /** What the client is told when this leg serves: absent for the primary. */
  readonly degraded?: "region" | "model" | "stale";
}

export interface Plan {
  readonly homeRegion: PlaceId;
  readonly policy: Policy;
  readonly legs: readonly Leg[];
}

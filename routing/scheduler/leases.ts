/**
 * Slots that are taken: one record an attempt, which expires by itself, so that a lost release costs one lease time and no more.
 *
 * What is in use is always counted from these records and never kept as a number of its own: a count that drifts would be a leak.
 */
import type { EndpointId, ModelId, PolicyName, Priority } from "../config/snapshot.ts";
import type { CancelCause } from "../failure/index.ts";
import type { AskKind } from "./contract.ts";
import type { Estimate } from "./latency-book.ts";
import type { Shape } from "./size-class.ts";

/** A lease lives this many times as long as its attempt may run (control.md: leaseS = 2 × timeout). */
export const LEASE_TIMEOUTS = 2;
/** Shortest life of a lease, ms: room for the release to arrive. */
export const MIN_LEASE_MS = 2_000;

export interface LeaseRecord {
  readonly id: string;
  readonly endpoint: EndpointId;
  readonly model: ModelId;
  readonly shape: Shape;
  readonly priority: Priority;
  readonly kind: AskKind;
  readonly probe: boolean;
  readonly requestId: string;
  /** Tenant and key; see `supersede.ts`. */
  readonly supersedeKey?: string;
  readonly policy?: PolicyName;
  readonly grantedAtMs: number;
  readonly expiresAtMs: number;
  /** Service time as it was expected at the grant. */
  readonly expected: Estimate;
  /** Whole attempt as it was predicted at the grant, without the learned bias, ms. */
  readonly predictedMs: number;
  /** The endpoint had long been idle. */
  readonly cold: boolean;
  /** The credit it runs on, which gets the slot back. */
  readonly creditId?: string;
  /** Its holder was told to stop. */
  readonly revoked?: CancelCause;
  /** Released, but the endpoint works on what was cut off until `expiresAtMs`. */
  readonly ghost?: true;
}

export interface Leases {
  readonly byId: Map<string, LeaseRecord>;
  readonly byEndpoint: Map<EndpointId, Set<string>>;
}

/** No slot is taken. */
export function noLeases(): Leases {
  return { byId: new Map(), byEndpoint: new Map() };
}

/** Adds a lease, or replaces the one of the same id. */
export function putLease(leases: Leases, lease: LeaseRecord): void {
  leases.byId.set(lease.id, lease);
  const ids = leases.byEndpoint.get(lease.endpoint) ?? new Set();
  leases.byEndpoint.set(lease.endpoint, ids.add(lease.id));
}

/** Takes a lease out; `undefined` when it is not (or no longer) there. */
export function takeLease(leases: Leases, id: string): LeaseRecord | undefined {
  const lease = leases.byId.get(id);
  if (lease === undefined) return undefined;
  leases.byId.delete(id);
  const ids = leases.byEndpoint.get(lease.endpoint);
  ids?.delete(id);
  if (ids?.size === 0) leases.byEndpoint.delete(lease.endpoint);
  return lease;
}

/** The leases of one endpoint. */
export function leasesOf(leases: Leases, endpoint: EndpointId): LeaseRecord[] {
  return [...(leases.byEndpoint.get(endpoint) ?? [])].map((id) => leases.byId.get(id)!);
}

/** Takes out all that have expired. */
export function sweepLeases(leases: Leases, nowMs: number): LeaseRecord[] {
  const expired = [...leases.byId.values()].filter((lease) => lease.expiresAtMs <= nowMs);
  for (const lease of expired) takeLease(leases, lease.id);
  return expired;
}

/** How long a lease lives for an attempt that may run `timeoutMs`, ms. */
export function leaseLifeMs(timeoutMs: number): number {
  return Math.max(MIN_LEASE_MS, LEASE_TIMEOUTS * timeoutMs);
}

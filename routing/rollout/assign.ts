/**
 * Which arm a request belongs to: a hash, no store, so every edge answers alike and a unit stays where it is.
 *
 * `murmur3(experiment:salt:unit) mod 10,000`; the canary owns the buckets from 0 up, so a wider share only ever moves units from
 * baseline to canary. One salt a purpose: arms, shadow samples and unit keys must not follow one another.
 * Fails safe: without a unit the request is baseline, and is left out of the analysis.
 */
import { murmur3 } from "./murmur.ts";

/** Buckets of the hash range: shares have a resolution of 0.01 % (control.md §6). */
export const BUCKETS = 10_000;

export type Arm = "baseline" | "canary";

/** What stays together in one arm. */
export type StickTo = "tenant" | "session" | "request";

export interface UnitSource {
  readonly tenant: string;
  /** The caller's session, where it gave one. */
  readonly session?: string;
  readonly requestId: string;
}

export interface AssignAsk {
  readonly experiment: string;
  /** Of this purpose and no other. */
  readonly salt: string;
  /** From `chooseUnit`; `undefined`: baseline, not analysed. */
  readonly unit: string | undefined;
  /** Of the canary, 0…1. */
  readonly share: number;
  /** Arm asked for by a caller who may; not analysed. */
  readonly force?: Arm;
}

export interface Assignment {
  readonly arm: Arm;
  /** 0…9,999; absent where there was no unit to hash. */
  readonly bucket?: number;
  /** Set when the request must stay out of the analysis. */
  readonly excluded?: "no-unit" | "forced";
}

/** The unit to hash, or `undefined` when the request has none of that kind. Sessions are a tenant's own. */
export function chooseUnit(stickTo: StickTo, source: UnitSource): string | undefined {
  if (stickTo === "tenant") return source.tenant;
  if (stickTo === "request") return source.requestId;
  return source.session === undefined ? undefined : `${source.tenant}/${source.session}`;
}

/** Bucket of a unit, 0…9,999. */
export function bucketOf(experiment: string, salt: string, unit: string): number {
  return murmur3(`${experiment}:${salt}:${unit}`) % BUCKETS;
}

/** First bucket that is not in a share; rounded, because 0.07 × 10,000 is a little over 700. */
export function bucketsIn(share: number): number {
  return Math.min(BUCKETS, Math.max(0, Math.round(share * BUCKETS)));
}

/** The arm of one request. */
export function assign(ask: AssignAsk): Assignment {
  const bucket = ask.unit === undefined ? undefined : bucketOf(ask.experiment, ask.salt, ask.unit);
  const known = bucket === undefined ? {} : { bucket };
  if (ask.force !== undefined) return { arm: ask.force, ...known, excluded: "forced" };
  if (bucket === undefined) return { arm: "baseline", excluded: "no-unit" };
  return { arm: bucket < bucketsIn(ask.share) ? "canary" : "baseline", bucket };
}

/**
 * Name of a unit in the evidence, an unsigned 32-bit integer: evidence never holds tenant or session ids.
 * Hashed with a purpose of its own, so that it tells nothing about the arm.
 */
export function unitKey(experiment: string, unit: string): number {
  return murmur3(`${experiment}:unit-key:${unit}`);
}

/**
 * One request under all experiments of its route, in order: the first canary that takes it serves it.
 *
 * Hashes of different experiments are independent, so what an earlier canary takes is missing from both arms of a later one alike.
 * `recorded` lists the experiments that the outcome belongs to: only the serving one, or all of them where none took it.
 */
export function assignRoute(asks: readonly AssignAsk[]): {
  readonly serving?: AssignAsk;
  readonly recorded: readonly { readonly ask: AssignAsk; readonly assignment: Assignment }[];
} {
  const all = asks.map((ask) => ({ ask, assignment: assign(ask) }));
  const taken = all.find(({ assignment }) => assignment.arm === "canary");
  return taken === undefined ? { recorded: all } : { serving: taken.ask, recorded: [taken] };
}

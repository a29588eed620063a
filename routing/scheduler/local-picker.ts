/**
 * The router's own choice of an endpoint while the scheduler is slow or down: power of two choices with peak-EWMA.
 *
 * Works on the last view and on what this isolate itself has in flight. With stale state the best endpoint must not be picked, because
 * every isolate would pick the same one (control.md §4). Fails open: with every endpoint unwell and no other leg, one is still picked.
 * State: the isolate's.
 */
import type { EndpointId } from "../config/snapshot.ts";

/** Time constant with which a cost falls back to what is expected, ms (control.md §4: 10 s is too short for our rates). */
export const PEAK_TAU_MS = 90_000;
/** Counts in a view older than this are not used, and states in a view older than that, ms. */
export const COUNTS_MAX_AGE_MS = 5_000;
export const STATES_MAX_AGE_MS = 60_000;
/** So many failures in a row keep an endpoint out of this isolate's choice for so long, ms. */
export const LOCAL_TRIP = 3;
export const LOCAL_OUT_MS = 15_000;
/** Most endpoints remembered. */
const MAX_ENDPOINTS = 256;

/** What the picker needs of an endpoint of the last view. */
export interface PickerEndpoint {
  readonly id: EndpointId;
  readonly state: "closed" | "open" | "half-open" | "slow-start" | "out";
  readonly inUse: number;
  readonly weight: number;
  readonly notBeforeMs?: number;
}

export interface PickerView {
  readonly atMs: number;
  readonly endpoints: readonly PickerEndpoint[];
}

interface Seen {
  costMs: number;
  costAtMs: number;
  inFlight: number;
  failures: number;
  outUntilMs: number;
}

export interface PickAsk {
  readonly candidates: readonly EndpointId[];
  readonly avoid: readonly EndpointId[];
  /** The model's expected time from the catalogue, ms: what an unknown endpoint is taken to cost. */
  readonly expectedMs: number;
  readonly view?: PickerView;
  readonly nowMs: number;
  /** Another leg can still serve: then none is picked while all are unwell. */
  readonly elsewhere?: boolean;
}

export interface LocalPicker {
  /** An endpoint, or `undefined` when there is no candidate, all are out by configuration, or all are unwell and there is `elsewhere`. */
  pick(ask: PickAsk, random: () => number): EndpointId | undefined;
  /** An attempt begins there (by whatever way it was chosen). */
  started(endpoint: EndpointId): void;
  /** It ended: `ok`, `failed` (blames the endpoint) or `ignored`. */
  ended(end: {
    readonly endpoint: EndpointId;
    readonly result: "ok" | "failed" | "ignored";
    readonly elapsedMs: number;
    readonly expectedMs: number;
    readonly nowMs: number;
  }): void;
}

/** The smoothed cost now: what is known fades into what is expected. */
function costNowMs(seen: Seen | undefined, expectedMs: number, nowMs: number): number {
  if (seen === undefined || seen.costAtMs === 0) return expectedMs;
  const kept = Math.exp(-Math.max(0, nowMs - seen.costAtMs) / PEAK_TAU_MS);
  return expectedMs + (seen.costMs - expectedMs) * kept;
}

/** A picker that knows nothing yet. */
export function createLocalPicker(): LocalPicker {
  const known = new Map<EndpointId, Seen>();

  const seenOf = (endpoint: EndpointId): Seen => {
    const seen = known.get(endpoint) ?? { costMs: 0, costAtMs: 0, inFlight: 0, failures: 0, outUntilMs: 0 };
    known.delete(endpoint);
    known.set(endpoint, seen);
    if (known.size > MAX_ENDPOINTS) known.delete(known.keys().next().value!);
    return seen;
  };

  return {
    pick(ask, random) {
      const ageMs = ask.view === undefined ? Number.POSITIVE_INFINITY : ask.nowMs - ask.view.atMs;
      const stated = new Map(
        ageMs <= STATES_MAX_AGE_MS ? ask.view!.endpoints.map((endpoint) => [endpoint.id, endpoint]) : [],
      );
      const allowed = ask.candidates.filter((id) => !ask.avoid.includes(id) && stated.get(id)?.state !== "out");
      const well = allowed.filter((id) => {
        const view = stated.get(id);
        const ejected = view?.state === "open" || view?.state === "half-open";
        const held = (view?.notBeforeMs ?? 0) > ask.nowMs;
        return !ejected && !held && (known.get(id)?.outUntilMs ?? 0) <= ask.nowMs;
      });
      const choice = well.length > 0 || ask.elsewhere === true ? well : allowed;
      if (choice.length < 2) return choice[0];
      const cost = (id: EndpointId): number => {
        const seen = known.get(id);
        const view = stated.get(id);
        const others = ageMs <= COUNTS_MAX_AGE_MS ? (view?.inUse ?? 0) : 0;
        const pending = Math.max(seen?.inFlight ?? 0, others);
        return (costNowMs(seen, ask.expectedMs, ask.nowMs) * (pending + 1)) / (view?.weight ?? 1);
      };
      const first = Math.floor(random() * choice.length);
      const second = (first + 1 + Math.floor(random() * (choice.length - 1))) % choice.length;
      const [one, other] = [choice[first]!, choice[second]!];
      return cost(other) < cost(one) ? other : one;
    },
    started(endpoint) {
      seenOf(endpoint).inFlight += 1;
    },
    ended({ endpoint, result, elapsedMs, expectedMs, nowMs }) {
      const seen = seenOf(endpoint);
      seen.inFlight = Math.max(0, seen.inFlight - 1);
      if (result === "ignored") return;
      if (result === "failed") {
        seen.failures += 1;
        if (seen.failures >= LOCAL_TRIP) seen.outUntilMs = nowMs + LOCAL_OUT_MS;
        return;
      }
      seen.failures = 0;
      seen.outUntilMs = 0;
      const formerMs = costNowMs(seen, expectedMs, nowMs);
      const kept = Math.exp(-Math.max(0, nowMs - (seen.costAtMs || nowMs)) / PEAK_TAU_MS);
      // A peak counts at once; only good news is smoothed.
      const smoothedMs = seen.costAtMs === 0 ? elapsedMs : seen.costMs * kept + elapsedMs * (1 - kept);
      seen.costMs = elapsedMs > formerMs ? elapsedMs : smoothedMs;
      seen.costAtMs = nowMs;
    },
  };
}

/**
 * Score and order: how good each of some endpoints is before anything is known of its health.
 *
 * A score is 0…1, higher is better; scores are looked at in turn, the next one only where the former ties. Health, load and measured
 * latency are the scheduler's to know: it picks from this list.
 */
import type { Endpoint, EndpointId } from "../config/snapshot.ts";

export type EndpointScore = (endpoint: Endpoint) => number;

/** Our own GPUs before third parties: their slots are known, so that a wait can be predicted. */
export function knownCapacity(endpoint: Endpoint): number {
  return endpoint.concurrency.kind === "known" ? 1 : 0;
}

/** Work that is abandoned there costs nothing more. */
export function stopsWhenCancelled(endpoint: Endpoint): number {
  return endpoint.honoursCancel ? 1 : 0;
}

/** More slots, nearer to 1. */
export function room(endpoint: Endpoint): number {
  const { concurrency } = endpoint;
  const slots = concurrency.kind === "known" ? concurrency.slots : concurrency.initial;
  return slots / (slots + 1);
}

/** The endpoints, best first; equals by id, so that the order is the same everywhere. */
export function orderEndpoints(
  endpoints: readonly Endpoint[],
  scores: readonly EndpointScore[],
): readonly EndpointId[] {
  return endpoints
    .map((endpoint) => ({ id: endpoint.id, scores: scores.map((score) => score(endpoint)) }))
    .sort((one, other) => compareScores(one.scores, other.scores) || (one.id < other.id ? -1 : 1))
    .map(({ id }) => id);
}

function compareScores(one: readonly number[], other: readonly number[]): number {
  return one.map((score, turn) => (other[turn] ?? 0) - score).find((difference) => difference !== 0) ?? 0;
}

/** The Rollout object of an experiment, by its name. */
import type { RolloutObject } from "./rollout-protocol.ts";

/** A stub; it belongs to the request that asked for it. */
export function rolloutOf(namespace: DurableObjectNamespace, experiment: string): RolloutObject {
  return namespace.get(namespace.idFromName(experiment)) as unknown as RolloutObject;
}

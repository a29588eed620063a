/**
 * Looks at endpoints that a scheduler asked this isolate to look at, in the background of the request that was told.
 *
 * Bounded in time; what cannot be told is not told, and a look that finds the endpoint right makes this isolate forget what it knew of its pin.
 */
import { type Clock, type EndpointId, lookAgain, type Snapshot, type Upstream } from "../../../../routing/index.ts";
import type { LookDue } from "../../../region/region-protocol.ts";
import type { Saying } from "./conversation.ts";

/** Longest that a look takes, ms. */
const LOOK_WITHIN_MS = 5_000;

export interface LookPorts {
  readonly snapshot: Snapshot;
  readonly clock: Clock;
  readonly upstream: Upstream;
  secret(name: string): string | undefined;
  forgetPin(endpoint: EndpointId): void;
}

/** What was seen. Never rejects. */
export async function lookAtEndpoints(due: readonly LookDue[], ports: LookPorts): Promise<Saying["looks"]> {
  const controller = new AbortController();
  void ports.clock.sleep(LOOK_WITHIN_MS, controller.signal).then(() => controller.abort("deadline"));
  const seen = await Promise.all(
    due.map(async ({ endpoint, reason }) => {
      const look = await lookAgain({ endpoint, reason, snapshot: ports.snapshot, ports, signal: controller.signal });
      if (look?.ok) ports.forgetPin(endpoint);
      return look === undefined ? [] : [{ endpoint, look }];
    }),
  );
  controller.abort("deadline");
  return seen.flat();
}

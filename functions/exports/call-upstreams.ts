/**
 * The router's own attempt loop, for a round: what it is at is written down as it happens, and slots are remembered by their lease.
 */
import {
  type EndpointId,
  type ExecuteEvent,
  type ExecuteResult,
  execute,
  type ImageRequest,
  type Plan,
  type Scheduler,
} from "../../routing/index.ts";
import type { Round } from "./job-host.ts";
import type { RoundPorts } from "./run-round.ts";

export interface UpstreamCall {
  readonly plan: Plan;
  readonly request: ImageRequest;
  /** Epoch ms. */
  readonly startedAtMs: number;
  readonly deadlineAtMs: number;
}

/** Calls. Attempt ids are those of the round, so that one that takes over asks for the same work. */
export function callUpstreams(round: Round, by: RoundPorts, call: UpstreamCall): Promise<ExecuteResult> {
  const { order, job, signal } = round;
  const leases = new Map<EndpointId, string>();
  return execute(
    {
      ...call,
      snapshot: by.snapshot,
      requestId: `${order.terms.id}.${job.round}`,
      tenant: order.terms.tenant,
      signal,
      traceparent: order.traceparent,
      enlargesLater: true,
    },
    {
      ...by.ports,
      scheduler: notingLeases(by.ports.scheduler, leases),
      observe: (event) => observe(event, leases, { round, by }),
    },
  );
}

/** The same scheduler; the lease that each endpoint was given last is remembered. */
function notingLeases(scheduler: Scheduler, leases: Map<EndpointId, string>): Scheduler {
  return {
    async reserve(ask, signal) {
      const reservation = await scheduler.reserve(ask, signal);
      if (reservation.granted) leases.set(reservation.lease.endpoint, reservation.lease.id);
      return reservation;
    },
    release: (lease, outcome) => scheduler.release(lease, outcome),
  };
}

/** Writes down what the run is at. */
function observe(
  event: ExecuteEvent,
  leases: ReadonlyMap<EndpointId, string>,
  { round: { note }, by: { snapshot, nowMs } }: { readonly round: Round; readonly by: RoundPorts },
): void {
  if (event.event !== "attempt-started") return;
  const { endpoints, models } = snapshot.content.catalog;
  const endpoint = endpoints[event.endpoint];
  if (endpoint === undefined) return;
  const leaseId = leases.get(endpoint.id);
  note({
    state: models[endpoint.model]?.kind === "upscale" ? "upscaling" : "rendering",
    attempt: {
      endpoint: endpoint.id,
      model: endpoint.model,
      place: endpoint.place,
      leg: event.leg,
      kind: "attempt",
      startedAtMs: nowMs(),
      ...(leaseId === undefined ? {} : { leaseId }),
    },
  });
}

/**
 * A scheduler that grants the first endpoint that is not to be avoided, unless a test says otherwise; it keeps every ask and release.
 */
import type { AttemptOutcome, Lease, Reservation, ReserveAsk, Scheduler } from "../../routing/execute/ports.ts";

/** A grant, described. The members that it never has keep it apart from a refusal. */
export interface LeaseFacts {
  readonly granted?: never;
  readonly why?: never;
  readonly retryAfterMs?: never;
  readonly predicted?: Lease["predicted"];
  readonly hedgeAfterMs?: number;
  readonly patient?: boolean;
}

export interface ScriptedScheduler extends Scheduler {
  readonly asks: readonly ReserveAsk[];
  readonly leases: readonly Lease[];
  readonly releases: readonly { readonly lease: Lease; readonly outcome: AttemptOutcome }[];
  /** Takes a slot back. */
  revoke(lease: Lease | undefined, cause: string): void;
  /** Leases that were not released exactly once. */
  wronglyReleased(): readonly string[];
}

/** `decide` may refuse, delay or describe a grant; without it every ask is granted. */
export function scriptedScheduler(
  decide: (ask: ReserveAsk, nth: number) => Reservation | LeaseFacts | Promise<Reservation | LeaseFacts> = () => ({}),
): ScriptedScheduler {
  const asks: ReserveAsk[] = [];
  const leases: Lease[] = [];
  const releases: { lease: Lease; outcome: AttemptOutcome }[] = [];
  const controllers = new Map<Lease, AbortController>();
  return {
    asks,
    leases,
    releases,
    async reserve(ask) {
      asks.push(ask);
      const decided = await decide(ask, asks.length - 1);
      if (decided.granted === false) return decided;
      const endpoint = ask.candidates.find((id) => !ask.avoid.includes(id));
      if (endpoint === undefined) return { granted: false, why: "no_endpoint" };
      const revoke = new AbortController();
      const { predicted, hedgeAfterMs, patient } = decided.granted === true ? decided.lease : decided;
      const lease: Lease = {
        id: `lease-${leases.length + 1}`,
        endpoint,
        place: ask.place,
        revoked: revoke.signal,
        probe: false,
        ...(predicted === undefined ? {} : { predicted }),
        ...(hedgeAfterMs === undefined ? {} : { hedgeAfterMs }),
        ...(patient ? { patient } : {}),
      };
      controllers.set(lease, revoke);
      leases.push(lease);
      return { granted: true, lease };
    },
    release(lease, outcome) {
      releases.push({ lease, outcome });
    },
    revoke(lease, cause) {
      if (lease !== undefined) controllers.get(lease)?.abort(cause);
    },
    wronglyReleased: () =>
      leases
        .filter((lease) => releases.filter((one) => one.lease === lease).length !== 1)
        .map((lease) => `${lease.id} ${lease.endpoint}`),
  };
}

/**
 * Which of a request's attempts are slow: overdue (longer than predicted, or than a hedge waits) or late (their time is up).
 *
 * Sets the alarms that say so and remembers what they said; what follows is the conductor's. Where it was measured how long the work
 * takes, nothing is called overdue: a hedge or the attempt's own timeout comes first. State lives in the request.
 */
import type { Snapshot } from "../config/snapshot.ts";
import type { Attempt } from "./attempt.ts";
import type { Lease } from "./ports.ts";
import type { RequestClock } from "./request-clock.ts";

export type Slow =
  /** The attempt takes longer than it was predicted to. */
  | { readonly event: "overdue"; readonly attempt: Attempt }
  /** Its time is up: the next leg has to start. */
  | { readonly event: "late"; readonly attempt: Attempt }
  /** From now on a second attempt would pay. */
  | { readonly event: "hedge-due"; readonly attempt: Attempt };

export interface PaceOf {
  readonly clock: RequestClock;
  readonly models: Snapshot["content"]["catalog"]["models"];
  /** Legs may overlap; without it nothing is overdue or late. */
  readonly overlap: boolean;
  /** Could the attempt be hedged at all? */
  canHedge(attempt: Attempt): boolean;
  post(slow: Slow): void;
}

export interface Pace {
  /** The attempt begins. */
  begun(attempt: Attempt): void;
  /** It has its slot, and the lease says what to expect. */
  granted(attempt: Attempt, lease: Lease): void;
  markOverdue(attempt: Attempt): void;
  markLate(attempt: Attempt): void;
  /** Are all of these, and does the policy let another leg start beside them? */
  areOverdue(running: ReadonlySet<Attempt>): boolean;
  areLate(running: ReadonlySet<Attempt>): boolean;
}

/** The pace of a request that has no attempts yet. */
export function createPace({ clock, models, overlap, canHedge, post }: PaceOf): Pace {
  const overdue = new Set<Attempt>();
  const late = new Set<Attempt>();

  function areAll(slow: ReadonlySet<Attempt>, running: ReadonlySet<Attempt>): boolean {
    return overlap && [...running].every((attempt) => slow.has(attempt));
  }

  return {
    begun(attempt) {
      const { nextLegAtMs, endsAtMs } = attempt.ask;
      if (overlap && nextLegAtMs < endsAtMs) clock.alarm(nextLegAtMs, () => post({ event: "late", attempt }));
    },
    granted(attempt, { hedgeAfterMs, predicted }) {
      const { leg, kind } = attempt.ask;
      const nowMs = clock.nowMs();
      if (hedgeAfterMs !== undefined && kind !== "hedge" && canHedge(attempt)) {
        clock.alarm(nowMs + hedgeAfterMs, () => post({ event: "hedge-due", attempt }));
        return;
      }
      if (!overlap || leg.attemptMs !== undefined) return;
      const expectedMs = predicted === undefined ? undefined : predicted.waitMs + predicted.p95Ms;
      const overdueAtMs = nowMs + (expectedMs ?? models[leg.model]?.expected.p95Ms ?? 0);
      clock.alarm(overdueAtMs, () => post({ event: "overdue", attempt }));
    },
    markOverdue: (attempt) => void overdue.add(attempt),
    markLate: (attempt) => void late.add(attempt),
    areOverdue: (running) => areAll(overdue, running),
    areLate: (running) => areAll(late, running),
  };
}

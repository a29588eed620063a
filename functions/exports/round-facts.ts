/**
 * What a round has to say of the upstreams that it asked, in the words of the job's ledger. Pure.
 */
import {
  type ExecuteResult,
  isDear,
  type JobAttempt,
  type RequestFailure,
  type Snapshot,
  traitsOf,
  upstreamStepOf,
} from "../../routing/index.ts";
import type { Round, RoundResult } from "./job-host.ts";

/** A round's lines in the ledger. */
export interface RoundLedger {
  readonly attempts: readonly JobAttempt[];
  readonly costUsd: number;
}

/** Of a round that asked nobody. */
export const NOBODY_ASKED: RoundLedger = { attempts: [], costUsd: 0 };

/** The lines of what was tried. */
export function ledgerOf(result: ExecuteResult, { job }: Round, startedAtMs: number): RoundLedger {
  const attempts: JobAttempt[] = result.trail
    .filter(({ endpoint }) => endpoint !== "none")
    .map(({ endpoint, model, place, leg, kind, outcome, startedAfterMs, elapsedMs }) => ({
      step: upstreamStepOf(job),
      round: job.round,
      endpoint,
      model,
      place,
      leg,
      kind,
      // Its picture was still coming in when the trail was made; it is stored now.
      outcome: outcome === "running" ? "ok" : outcome,
      startedAtMs: startedAtMs + Math.round(startedAfterMs),
      elapsedMs: Math.round(elapsedMs),
    }));
  return { attempts, costUsd: result.costUsd };
}

/** The same, where the attempt that brought the picture ended otherwise than it looked. */
export function withoutPicture({ attempts, costUsd }: RoundLedger, outcome: string): RoundLedger {
  return {
    attempts: attempts.map((attempt) => (attempt.outcome === "ok" ? { ...attempt, outcome } : attempt)),
    costUsd,
  };
}

/** A round that brought nothing. `dear`: it may have been billed for a dear picture. */
export function noPicture(
  failure: RequestFailure,
  { ledger = NOBODY_ASKED, ...more }: { ledger?: RoundLedger; dear?: boolean; drawnIsGone?: boolean } = {},
): RoundResult {
  return { dear: false, ...more, ...ledger, ok: false, failure };
}

/** May one of the failed attempts have been billed for a dear picture? */
export function isDearBill({ trail }: ExecuteResult, { order }: Round, { content }: Snapshot): boolean {
  const { models } = content.catalog;
  return trail.some(
    ({ failure, model }) =>
      failure !== undefined && traitsOf(failure).maybeBilled && isDear(models[model], order.width * order.height),
  );
}

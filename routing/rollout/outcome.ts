/**
 * What one request says about its arm: good, bad or nothing, for each metric.
 *
 * Counted by the assigned arm (intention to treat): a request of the canary that another model saved is still the canary's, with
 * its latency and its cost. What the client or the prompt caused, and answers from the cache, say nothing about a model.
 */
import type { ModelId } from "../config/snapshot.ts";
import { ATTEMPT_FAILURE_TRAITS, type AttemptFailure } from "../failure/index.ts";
import type { Arm } from "./assign.ts";
import type { Metric } from "./spec.ts";

/** One line of a request's trail; an `AttemptRecord` of the executor fits as it is. */
export interface OutcomeAttempt {
  readonly model: ModelId;
  readonly outcome: "ok" | "running" | AttemptFailure["reason"];
  /** Needed for `cancelled` and `not_admitted`, whose cause decides. */
  readonly failure?: AttemptFailure;
  /** Before it had a slot, ms. */
  readonly waitedMs?: number;
  /** It was over before it had one. */
  readonly hadSlot?: false;
}

interface OutcomeBase {
  /** When the request ended, epoch ms. */
  readonly atMs: number;
  /** As assigned. */
  readonly arm: Arm;
  /** Share of the canary that the assignment used: outcomes of another share than the present one are left out. */
  readonly share: number;
  /** `unitKey` of the assigned unit; absent with `excluded: "no-unit"`. */
  readonly unit?: number;
  readonly excluded?: "no-unit" | "forced";
}

export interface RequestOutcome extends OutcomeBase {
  readonly kind: "request";
  /** From admission to the end of the answer, all legs, ms. */
  readonly elapsedMs: number;
  /** Latency objective of the route by the baseline's snapshot, ms. */
  readonly sloMs: number;
  /** All attempts together, USD. */
  readonly costUsd: number;
  /** The client got a picture. */
  readonly delivered: boolean;
  /** The model whose picture it was. */
  readonly servedBy?: ModelId;
  readonly attempts: readonly OutcomeAttempt[];
  /** Picture checks that ran before the answer ended; later ones come as a `CheckOutcome`. */
  readonly checks?: "passed" | "failed";
  /** The configuration refused it before anything was tried. Told of two configurations, whose callers are alike; never of two models. */
  readonly refused?: true;
}

/** A picture check that ran after the answer (typography, aliasing). */
export interface CheckOutcome extends OutcomeBase {
  readonly kind: "check";
  readonly passed: boolean;
}

export type Outcome = RequestOutcome | CheckOutcome;

/** `true` bad, `false` good, absent: the metric had no chance to show. */
export type Verdict = Readonly<Partial<Record<Metric, boolean>>>;

const BLAMES_MODEL: ReadonlySet<string> = new Set(["hard", "timeout", "config"]);

/** The arm's model was at fault: typed failures by their traits; no endpoint left (all ejected) is its own doing too. */
export function isBlamed(attempt: OutcomeAttempt): boolean {
  const { outcome, failure } = attempt;
  if (outcome === "ok" || outcome === "running") return false;
  if (failure?.reason === "not_admitted") return failure.why === "no_endpoint";
  return BLAMES_MODEL.has(ATTEMPT_FAILURE_TRAITS[outcome].blames);
}

/** Turned away before any work: full, shed, late by prediction, still waiting for a slot, or not able to do what was asked. */
function isTurnedAway({ outcome, hadSlot }: OutcomeAttempt): boolean {
  return hadSlot === false || outcome === "not_admitted" || outcome === "overloaded" || outcome === "unsupported";
}

const ranIntoDeadline = (attempt: OutcomeAttempt): boolean =>
  attempt.failure?.reason === "cancelled" && attempt.failure.cause === "deadline";

/**
 * Judges one request. `model` stands for its arm; `undefined`: any does (two configurations).
 * An empty verdict: the request says nothing about the arm.
 */
export function judgeRequest(outcome: RequestOutcome, model: ModelId | undefined): Verdict {
  if (outcome.refused) return { unserved: false, errors: true };
  const own = model === undefined ? outcome.attempts : outcome.attempts.filter((attempt) => attempt.model === model);
  const blamed = own.some(isBlamed);
  if (own.length === 0 && outcome.attempts.length === 0) return {};
  if (!blamed && own.every(isTurnedAway)) return { unserved: true };

  const made = own.some((attempt) => attempt.outcome === "ok");
  const overDeadline = own.some(ranIntoDeadline);
  if (!blamed && !outcome.delivered && !overDeadline) return {};

  // Another model's leg won while the arm's own was still at work: late by its own prediction, even where the client was in time.
  const overtaken = outcome.delivered && !made && !blamed;
  const { elapsedMs, sloMs } = outcome;
  // Late for want of a slot alone: being full is not being bad. Of two configurations it is, for they say who goes where.
  const waitedMs = model === undefined ? 0 : own.reduce((sum, attempt) => sum + (attempt.waitedMs ?? 0), 0);
  if (made && !blamed && outcome.delivered && elapsedMs > sloMs && elapsedMs - waitedMs <= sloMs)
    return { unserved: true };
  const late = outcome.delivered ? elapsedMs > sloMs || overtaken : overDeadline;
  return {
    unserved: false,
    ...(blamed || made ? { errors: blamed } : {}),
    ...(outcome.delivered || overDeadline ? { sloMisses: late } : {}),
    ...(outcome.checks === undefined ? {} : { checks: outcome.checks === "failed" }),
  };
}

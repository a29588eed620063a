/**
 * What has happened to one request: which attempts were made, what failed how, what is used up.
 *
 * It decides nothing; it answers the questions that choose-leg.ts and repeat.ts ask. State lives in the request.
 */
import type { EndpointId, ModelId } from "../config/snapshot.ts";
import { type AttemptFailure, traitsOf } from "../failure/index.ts";
import type { Attempt } from "./attempt.ts";
import { type ChooseAsk, isDear, type SkipReason } from "./choose-leg.ts";
import type { ExecuteInput } from "./executed.ts";
import { degradedReason } from "./outcome.ts";
import { askAgainAtMs, type Repeat, type Tried } from "./repeat.ts";

/** Retries and hedges of one request, all together: attempts never exceed legs + 1. */
const MAX_REPEATS = 1;

export interface History {
  /** All that were begun, in order, but for extra ones that got no slot. */
  readonly attempts: readonly Attempt[];
  /** Of attempts and of legs that got no slot, in order. */
  readonly failures: readonly AttemptFailure[];
  /** Attempts that a retry may go back to, in order. */
  readonly failed: readonly Tried[];
  /** Why the first leg did not serve, in words. */
  degradedBy(): string | undefined;
  repeatsLeft(): number;
  /** The question for choose-leg.ts and repeat.ts. */
  ask(running: ReadonlySet<Attempt>): ChooseAsk;

  legBegun(index: number): void;
  legSkipped(index: number, why: SkipReason): void;
  /** The first leg runs later than predicted and another one starts beside it. */
  firstLegLate(): void;
  repeatChosen(repeat: Repeat): void;
  /** `extra`: it is more than the plan asks for, and the budget may refuse it. `legIndex`: the plan's leg that it stands in for. */
  begun(attempt: Attempt, extra?: Pick<Repeat, "legIndex">): void;
  /** A second step of a leg that was begun: it uses nothing up. */
  stageBegun(attempt: Attempt): void;
  /** `false`: an extra attempt that got no slot, which counts as never made. */
  ended(attempt: Attempt, failure: AttemptFailure): boolean;
}

export interface HistoryOf {
  readonly input: ExecuteInput;
  /** Deadline less reserve, epoch ms. */
  readonly answerByMs: number;
  nowMs(): number;
  random(): number;
}

/** The history of a request that has none yet. */
export function createHistory({ input, answerByMs, nowMs, random }: HistoryOf): History {
  const { plan, request } = input;
  const { models } = input.snapshot.content.catalog;
  const pixels = request.width * request.height;
  const attempts: Attempt[] = [];
  const stages = new Set<Attempt>();
  const extras = new Map<Attempt, Pick<Repeat, "legIndex">>();
  const failures: AttemptFailure[] = [];
  const failed: Tried[] = [];
  const tried = new Map<EndpointId, number>();
  const gone = new Set<ModelId>();
  const done = new Set<number>();
  const passedOver = new Set<number>();
  let dearBill = false;
  let attemptsLeft = plan.policy.maxAttempts;
  let repeatsLeft = MAX_REPEATS;
  let degradedBy: string | undefined;

  /** The leg that a refused one stood in for is still to be had. */
  function forget(attempt: Attempt, { legIndex }: Pick<Repeat, "legIndex">): void {
    attempts.splice(attempts.indexOf(attempt), 1);
    if (legIndex !== undefined) done.delete(legIndex);
  }

  function remember(attempt: Attempt, failure: AttemptFailure): void {
    const { leg, endsAtMs, nextLegAtMs, elsewhere } = attempt.ask;
    failures.push(failure);
    if (attempt.ask.kind !== "hedge") degradedBy ??= degradedReason(failure);
    if (failure.reason === "model_gone") gone.add(leg.model);
    const endpoint = attempt.endpoint();
    if (elsewhere && failure.reason === "not_admitted" && failure.why === "no_endpoint") {
      passedOver.add(plan.legs.indexOf(leg));
    }
    if (endpoint === undefined) return;
    if (traitsOf(failure).maybeBilled) dearBill ||= isDear(models[leg.model], pixels);
    tried.set(endpoint, askAgainAtMs({ failure, nowMs: nowMs(), answerByMs, random: random() }));
    if (!stages.has(attempt)) failed.push({ leg, endpoint, endsAtMs, nextLegAtMs });
  }

  return {
    attempts,
    failures,
    failed,
    degradedBy: () => degradedBy,
    repeatsLeft: () => repeatsLeft,
    ask(running) {
      const runsDear = [...running].some((attempt) => isDear(models[attempt.ask.leg.model], pixels));
      return {
        plan,
        models,
        pixels,
        progress: {
          nowMs: nowMs(),
          answerByMs,
          done,
          tried,
          gone,
          dearBill: dearBill || runsDear,
          attemptsLeft,
          isRunning: running.size > 0,
          passedOver,
        },
      };
    },
    legBegun(index) {
      done.add(index);
      passedOver.delete(index);
    },
    legSkipped(index, why) {
      done.add(index);
      if (index === 0) degradedBy ??= why;
    },
    firstLegLate() {
      degradedBy ??= "running-late";
    },
    repeatChosen({ legIndex }) {
      repeatsLeft -= 1;
      if (legIndex !== undefined) done.add(legIndex);
    },
    begun(attempt, extra) {
      attempts.push(attempt);
      attemptsLeft -= 1;
      if (extra !== undefined) extras.set(attempt, extra);
    },
    stageBegun(attempt) {
      attempts.push(attempt);
      stages.add(attempt);
    },
    ended(attempt, failure) {
      const gotSlot = attempt.endpoint() !== undefined;
      if (!gotSlot && !stages.has(attempt)) attemptsLeft += 1;
      const extra = extras.get(attempt);
      const neverMade = !gotSlot && extra !== undefined;
      if (neverMade) forget(attempt, extra);
      else remember(attempt, failure);
      // What stood in for a leg failed at one endpoint of it; another one is still to be had.
      const { leg, kind } = attempt.ask;
      const hasMore = leg.candidates.some((endpoint) => !tried.has(endpoint));
      if (kind === "hedge" && extra?.legIndex !== undefined && hasMore) done.delete(extra.legIndex);
      return !neverMade;
    },
  };
}

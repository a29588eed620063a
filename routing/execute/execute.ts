/**
 * Runs a plan: legs under one deadline, one attempt at a time unless the policy overlaps them or the scheduler asks for a hedge.
 *
 * Everything that happens arrives in one inbox and is answered in one loop: a picture ends the request, a failure moves it on, a late
 * attempt lets the next leg start beside it. The first good picture wins; the others are stopped, their upstreams see an abort, their
 * slots are given back. Which leg comes next is decided in choose-leg.ts, whether anything is repeated in repeat.ts.
 *
 * Beside: what starts while another attempt runs and is not past its slice of the deadline is an extra attempt: a hedge where the lease asks
 * for one, else, where such work was never measured, the next leg. The one budget pays for both and may refuse.
 *
 * Money: a dear model (cost.ts) is not called after, or beside, an attempt that may be billed for a dear picture, unless the policy
 * accepts a second bill. Repeats (retries and hedges) are at most one a request, and the scheduler's budget may refuse that one.
 */
import { type AttemptFailure, type CancelCause, type Result, traitsOf } from "../failure/index.ts";
import type { Leg } from "../plan/plan.ts";
import { failedResult, servedResult, tally } from "./answer.ts";
import { type Attempt, type AttemptAsk, causeOf, type Served } from "./attempt.ts";
import { type ChosenLeg, chooseLeg } from "./choose-leg.ts";
import type { Execute, ExecuteInput, ExecuteResult } from "./executed.ts";
import { createHistory } from "./history.ts";
import { createInbox } from "./inbox.ts";
import { cancelledFailure, requestFailure } from "./outcome.ts";
import { createPace, type Slow } from "./pace.ts";
import type { ExecutePorts, StalePicture } from "./ports.ts";
import { chooseHedge, chooseLastRetry, chooseRetryInLeg, type Repeat } from "./repeat.ts";
import { createRequestClock } from "./request-clock.ts";
import { startAttempt } from "./run-attempt.ts";
import { findStale, staleResult } from "./stale.ts";
import { enlargingAsk, MAX_SMALL_BYTES, openingOf, type Stage } from "./upscale.ts";

export type * from "./executed.ts";

type Happening =
  | { readonly event: "ended"; readonly attempt: Attempt; readonly end: Result<Served, AttemptFailure> }
  | Slow
  /** The time has come that an endpoint asked us to wait for. */
  | { readonly event: "due"; readonly beginNow: () => void }
  | { readonly event: "stale-looked-up"; readonly leg: Leg; readonly picture: StalePicture | undefined }
  | { readonly event: "called-off"; readonly cause: CancelCause }
  | { readonly event: "broke"; readonly error: unknown };

/** Runs the plan. Resolves before the deadline, with a checked picture or a typed failure; never rejects for what upstreams do. */
export const execute: Execute = async (input, ports) => {
  const request = openRequest(input, ports);
  try {
    return await request.run();
  } catch (error: unknown) {
    // A bug: nothing that runs may outlive the request, whoever is told.
    request.abandon();
    throw error;
  }
};

function openRequest(
  input: ExecuteInput,
  ports: ExecutePorts,
): {
  run(): Promise<ExecuteResult>;
  /** Stops all that runs. */
  abandon(): void;
} {
  const { plan, snapshot } = input;
  const { policy } = plan;
  const { endpoints } = snapshot.content.catalog;
  const answerByMs = input.deadlineAtMs - policy.reserveMs;
  const clock = createRequestClock(ports.clock, answerByMs);
  const context = { input, ports, clock };
  const inbox = createInbox<Happening>();
  const history = createHistory({ input, answerByMs, nowMs: clock.nowMs, random: ports.random });
  const running = new Set<Attempt>();
  const pace = createPace({
    clock,
    models: snapshot.content.catalog.models,
    overlap: policy.overlap,
    canHedge: (attempt) => hedgeOf(attempt) !== undefined,
    post: inbox.post,
  });
  const stages = new Map<Attempt, Stage>();
  let serving: Attempt | undefined;

  return { run, abandon };

  async function run(): Promise<ExecuteResult> {
    if (input.signal.aborted) return calledOff(causeOf(input.signal, "client_gone"));
    input.signal.addEventListener("abort", onAbort);
    let result = beginNext() ? undefined : giveUp();
    while (result === undefined) result = answerTo(await inbox.next());
    return result;
  }

  function onAbort(): void {
    const cause = causeOf(input.signal, "client_gone");
    if (serving === undefined) inbox.post({ event: "called-off", cause });
    else serving.stop({ reason: "cancelled", cause });
  }

  /** One step of the loop: the request's result, or nothing yet. */
  function answerTo(happening: Happening): ExecuteResult | undefined {
    switch (happening.event) {
      case "ended":
        // One that was stopped has nothing more to say.
        if (!running.delete(happening.attempt)) return undefined;
        return happening.end.ok
          ? afterPicture(happening.attempt, happening.end.value)
          : afterFailure(happening.attempt, happening.end.failure);
      case "overdue":
        return afterOverdue(happening.attempt);
      case "late":
        pace.markLate(happening.attempt);
        return afterOverdue(happening.attempt);
      case "hedge-due":
        return hedge(happening.attempt);
      case "due":
        happening.beginNow();
        return undefined;
      case "stale-looked-up":
        if (happening.picture !== undefined) return show(happening.leg, happening.picture);
        return beginNext() ? undefined : giveUp();
      case "called-off":
        return calledOff(happening.cause);
      case "broke":
        throw happening.error;
    }
  }

  // ---------------------------------------------------------------- beginning

  /** Begins the next leg that can be; `false` when there is none. */
  function beginNext(): boolean {
    const { chosen, skipped } = chooseLeg(history.ask(running));
    for (const { index, why } of skipped) {
      history.legSkipped(index, why);
      ports.observe?.({ event: "leg-skipped", leg: plan.legs[index]?.kind ?? "", why });
    }
    if (chosen === undefined) return false;
    history.legBegun(chosen.index);
    if (chosen.leg.kind === "stale") lookForStale(chosen);
    else beginLeg(chosen);
    return true;
  }

  function beginLeg({ index, leg, window, notBeforeMs, avoid, elsewhere }: ChosenLeg): void {
    const kind = history.attempts.length === 0 ? "first" : "fallback";
    beginAt(notBeforeMs, () => {
      const beside = running.size > 0 && !pace.areLate(running);
      const attempt = begin({ leg, elsewhere, kind, avoid, ...window, beside });
      history.begun(attempt, beside ? { legIndex: index } : undefined);
    });
  }

  function beginRepeat(repeat: Repeat): void {
    history.repeatChosen(repeat);
    beginAt(repeat.notBeforeMs, () => history.begun(begin({ ...repeat, beside: false }), repeat));
  }

  function beginAt(notBeforeMs: number, beginNow: () => void): void {
    if (notBeforeMs <= clock.nowMs()) beginNow();
    else clock.alarm(notBeforeMs, () => inbox.post({ event: "due", beginNow }));
  }

  function begin(part: Omit<AttemptAsk, "number" | "request" | "headBytes">): Attempt {
    const ask = { ...part, number: history.attempts.length + 1, request: input.request, headBytes: policy.headBytes };
    const { opening, upscaling } = openingOf(input, ask, clock.nowMs());
    const attempt = start(opening);
    if (upscaling !== undefined) stages.set(attempt, { upscaling, ask });
    return attempt;
  }

  function start(ask: AttemptAsk): Attempt {
    const attempt = startAttempt(context, ask, {
      granted: pace.granted,
      ended: (ended, end) => inbox.post({ event: "ended", attempt: ended, end }),
      broke: (error) => inbox.post({ event: "broke", error }),
    });
    running.add(attempt);
    pace.begun(attempt);
    return attempt;
  }

  function lookForStale({ leg, window }: ChosenLeg): void {
    const looking = findStale({ input, ports, clock, untilMs: window.endsAtMs });
    void looking.then((picture) => inbox.post({ event: "stale-looked-up", leg, picture }));
  }

  // ---------------------------------------------------------------- what happens meanwhile

  /** With overlap, the next leg starts beside attempts that are all overdue. */
  function afterOverdue(attempt: Attempt): undefined {
    if (!running.has(attempt)) return;
    pace.markOverdue(attempt);
    if (!pace.areOverdue(running)) return;
    history.firstLegLate();
    beginNext();
  }

  function hedge(attempt: Attempt): undefined {
    pace.markOverdue(attempt);
    const repeat = running.size === 1 && running.has(attempt) ? hedgeOf(attempt) : undefined;
    if (repeat !== undefined) beginRepeat(repeat);
  }

  function hedgeOf(attempt: Attempt): Repeat | undefined {
    const endpoint = attempt.endpoint();
    if (policy.hedge === undefined || endpoint === undefined || history.repeatsLeft() === 0) return undefined;
    return chooseHedge({ ask: history.ask(running), endpoints, running: { ...attempt.ask, endpoint } });
  }

  function afterPicture(attempt: Attempt, served: Served): ExecuteResult | undefined {
    const stage = stages.get(attempt);
    if (stage === undefined || stage.small !== undefined || input.enlargesLater) return serve(attempt, served);
    const { held, header } = served.made;
    if (!held.whole) {
      attempt.stop({ reason: "too_large", limitBytes: MAX_SMALL_BYTES });
      return afterFailure(attempt, { reason: "too_large", limitBytes: MAX_SMALL_BYTES });
    }
    const small = { bytes: held.head, format: header.format };
    const enlarging = start(enlargingAsk(stage, { ...input, small, number: history.attempts.length + 1 }));
    history.stageBegun(enlarging);
    stages.set(enlarging, { ...stage, small: served });
    return undefined;
  }

  function afterFailure(attempt: Attempt, failure: AttemptFailure): ExecuteResult | undefined {
    if (failure.reason === "cancelled" && failure.cause !== "revoked") return calledOff(failure.cause);
    const counts = history.ended(attempt, failure);
    if (!counts)
      ports.observe?.({ event: "leg-skipped", leg: attempt.ask.leg.kind, why: `${attempt.ask.kind}-refused` });
    if (!traitsOf(failure).tryElsewhere && failure.reason !== "cancelled") return giveUp();
    if (counts && retryInLeg(attempt, failure)) return undefined;
    // What runs goes on alone where the budget refused another one beside it.
    if (running.size > 0 && !(counts ? pace.areOverdue(running) : pace.areLate(running))) return undefined;
    if (beginNext() || running.size > 0 || retryAtLast()) return undefined;
    return giveUp();
  }

  function retryInLeg(attempt: Attempt, failure: AttemptFailure): boolean {
    const endpoint = attempt.endpoint();
    if (endpoint === undefined || history.repeatsLeft() === 0 || stages.get(attempt)?.small !== undefined) return false;
    const repeat = chooseRetryInLeg({ ask: history.ask(running), tried: { ...attempt.ask, endpoint }, failure });
    if (repeat !== undefined) beginRepeat(repeat);
    return repeat !== undefined;
  }

  function retryAtLast(): boolean {
    const repeat = history.repeatsLeft() === 0 ? undefined : chooseLastRetry(history.ask(running), history.failed);
    if (repeat !== undefined) beginRepeat(repeat);
    return repeat !== undefined;
  }

  // ---------------------------------------------------------------- ending

  function serve(attempt: Attempt, served: Served): ExecuteResult {
    stopAll({ reason: "cancelled", cause: "lost_race" });
    const { picture, ended } = attempt.serve(served);
    if (ended === undefined) close();
    else serving = attempt;
    const stage = stages.get(attempt);
    return servedResult({
      attempt,
      served,
      picture,
      history,
      ended: ended?.finally(close),
      background: ports.background,
      ...(stage?.small === undefined ? {} : { small: { leg: stage.ask.leg, served: stage.small } }),
    });
  }

  function show(leg: Leg, picture: StalePicture): ExecuteResult {
    close();
    return staleResult({ picture, leg, reason: history.degradedBy() ?? "planned", tally: tally(history) });
  }

  function giveUp(): ExecuteResult {
    abandon();
    return failedResult({ failure: requestFailure(history.failures), history });
  }

  function calledOff(cause: CancelCause): ExecuteResult {
    ports.observe?.({ event: "request-cancelled", cause });
    stopAll({ reason: "cancelled", cause });
    close();
    return failedResult({ failure: cancelledFailure(cause), cancelled: cause, history });
  }

  function abandon(): void {
    stopAll({ reason: "cancelled", cause: "revoked" });
    close();
  }

  function stopAll(failure: AttemptFailure): void {
    for (const attempt of running) attempt.stop(failure);
    running.clear();
  }

  function close(): void {
    input.signal.removeEventListener("abort", onAbort);
    clock.close();
  }
}

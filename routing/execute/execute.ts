/**
 * Runs a plan: legs under one deadline, one attempt at a time unless the policy overlaps them or the scheduler asks for a hedge.
 *
 * Everything that happens arrives in one inbox and is answered in one loop: a picture ends the request, a failure moves it on, a late
 * attempt lets the next leg start beside it. The first good picture wins; the others are stopped, their upstreams see an abort, their
 * slots are given back. Which leg comes next is decided in choose-leg.ts, whether anything is repeated in repeat.ts.
 *
 * Money: a dear model (cost.ts) is not called after, or beside, an attempt that may be billed for a dear picture, unless the policy
 * accepts a second bill. Repeats (retries and hedges) are at most one a request, and the scheduler's budget may refuse that one.
 */
import type { EndpointId, ModelId } from "../config/snapshot.ts";
import { type AttemptFailure, type CancelCause, type Result, traitsOf } from "../failure/index.ts";
import type { Leg } from "../plan/plan.ts";
import { type Attempt, type AttemptAsk, causeOf, type RequestContext, type Served, startAttempt } from "./attempt.ts";
import { type ChooseAsk, type ChosenLeg, chooseLeg, isDear } from "./choose-leg.ts";
import type { Execute, Executed, ExecuteInput, ExecuteResult } from "./executed.ts";
import { createInbox } from "./inbox.ts";
import { cancelledFailure, degradedReason, requestFailure } from "./outcome.ts";
import type { ExecutePorts, Lease, StalePicture } from "./ports.ts";
import { askAgainAtMs, chooseHedge, chooseLastRetry, chooseRetryInLeg, type Repeat, type Tried } from "./repeat.ts";
import { createRequestClock } from "./request-clock.ts";
import { findStale, staleResult } from "./stale.ts";

export type * from "./executed.ts";

/** Retries and hedges of one request, all together: attempts never exceed legs + 1. */
const MAX_REPEATS = 1;

type Happening =
  | { readonly event: "ended"; readonly attempt: Attempt; readonly end: Result<Served, AttemptFailure> }
  /** The attempt takes longer than it was predicted to, or the next leg's time has come. */
  | { readonly event: "late"; readonly attempt: Attempt }
  | { readonly event: "hedge-due"; readonly attempt: Attempt }
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

interface OpenRequest {
  run(): Promise<ExecuteResult>;
  /** Stops all that runs. */
  abandon(): void;
}

function openRequest(input: ExecuteInput, ports: ExecutePorts): OpenRequest {
  const { plan, snapshot } = input;
  const { policy } = plan;
  const { models, endpoints } = snapshot.content.catalog;
  const pixels = input.request.width * input.request.height;
  const answerByMs = input.deadlineAtMs - policy.reserveMs;
  const clock = createRequestClock(ports.clock);
  const context: RequestContext = { input, ports, clock, warnings: new Set() };
  const inbox = createInbox<Happening>();

  /** All that were begun, in order; refused repeats are taken out again. */
  const attempts: Attempt[] = [];
  const running = new Set<Attempt>();
  /** Of the running ones, those that take longer than predicted. */
  const late = new Set<Attempt>();
  const repeats = new Map<Attempt, Repeat>();
  const failed: Tried[] = [];
  const tried = new Map<EndpointId, number>();
  const failures: AttemptFailure[] = [];
  const done = new Set<number>();
  const gone = new Set<ModelId>();
  let dearBill = false;
  let attemptsLeft = policy.maxAttempts;
  let repeatsLeft = MAX_REPEATS;
  /** Why the first leg did not serve, in words. */
  let degradedBy: string | undefined;
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
          ? serve(happening.attempt, happening.end.value)
          : afterFailure(happening.attempt, happening.end.failure);
      case "late":
        return afterLate(happening.attempt);
      case "hedge-due":
        if (running.size === 1 && running.has(happening.attempt)) hedge(happening.attempt);
        return undefined;
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
    const { chosen, skipped } = chooseLeg(progressNow());
    for (const { index, why } of skipped) {
      done.add(index);
      if (index === 0) degradedBy ??= why;
      ports.observe?.({ event: "leg-skipped", leg: plan.legs[index]?.kind ?? "", why });
    }
    if (chosen === undefined) return false;
    done.add(chosen.index);
    if (chosen.leg.kind === "stale") lookForStale(chosen);
    else beginLeg(chosen);
    return true;
  }

  function beginLeg({ leg, window, notBeforeMs, avoid, elsewhere }: ChosenLeg): void {
    const kind = attempts.length === 0 ? "first" : "fallback";
    beginAt(notBeforeMs, () => {
      const attempt = begin({ leg, elsewhere, kind, avoid, endsAtMs: window.endsAtMs });
      if (policy.overlap && window.nextLegAtMs < window.endsAtMs) lateAt(attempt, window.nextLegAtMs);
    });
  }

  function beginRepeat(repeat: Repeat): void {
    repeatsLeft -= 1;
    beginAt(repeat.notBeforeMs, () => repeats.set(begin({ ...repeat, elsewhere: false }), repeat));
  }

  function beginAt(notBeforeMs: number, beginNow: () => void): void {
    if (notBeforeMs <= clock.nowMs()) beginNow();
    else clock.alarm(notBeforeMs, () => inbox.post({ event: "due", beginNow }));
  }

  function begin(ask: Pick<AttemptAsk, "leg" | "kind" | "avoid" | "endsAtMs" | "elsewhere">): Attempt {
    attemptsLeft -= 1;
    const attempt = startAttempt(
      context,
      { ...ask, number: attempts.length + 1, request: input.request },
      {
        granted,
        ended: (ended, end) => inbox.post({ event: "ended", attempt: ended, end }),
        broke: (error) => inbox.post({ event: "broke", error }),
      },
    );
    attempts.push(attempt);
    running.add(attempt);
    return attempt;
  }

  /** The lease says what to expect of the attempt: from when on it is late, and when a hedge would pay. */
  function granted(attempt: Attempt, lease: Lease): void {
    const nowMs = clock.nowMs();
    if (policy.overlap) {
      const { predicted } = lease;
      const expectedMs = predicted === undefined ? undefined : predicted.waitMs + predicted.p95Ms;
      lateAt(attempt, nowMs + (expectedMs ?? models[attempt.ask.leg.model]?.expected.p95Ms ?? 0));
    }
    if (lease.hedgeAfterMs !== undefined && policy.hedge !== undefined && attempt.ask.kind !== "hedge") {
      clock.alarm(nowMs + lease.hedgeAfterMs, () => inbox.post({ event: "hedge-due", attempt }));
    }
  }

  function lateAt(attempt: Attempt, atMs: number): void {
    clock.alarm(atMs, () => inbox.post({ event: "late", attempt }));
  }

  function lookForStale({ leg, window }: ChosenLeg): void {
    const looking = findStale({ input, ports, clock, untilMs: window.endsAtMs });
    void looking.then((picture) => inbox.post({ event: "stale-looked-up", leg, picture }));
  }

  // ---------------------------------------------------------------- what happens meanwhile

  /** With overlap, the next leg starts beside attempts that are all late. */
  function afterLate(attempt: Attempt): undefined {
    if (!running.has(attempt) || late.has(attempt)) return;
    late.add(attempt);
    if (!areAllLate()) return;
    degradedBy ??= "running-late";
    beginNext();
  }

  function areAllLate(): boolean {
    return policy.overlap && [...running].every((attempt) => late.has(attempt));
  }

  function hedge(attempt: Attempt): void {
    const endpoint = attempt.endpoint();
    if (repeatsLeft === 0 || endpoint === undefined) return;
    const { leg, endsAtMs } = attempt.ask;
    const repeat = chooseHedge({ ask: progressNow(), endpoints, running: { leg, endpoint, endsAtMs } });
    if (repeat === undefined) return;
    if (repeat.legIndex !== undefined) done.add(repeat.legIndex);
    beginRepeat(repeat);
  }

  function afterFailure(attempt: Attempt, failure: AttemptFailure): ExecuteResult | undefined {
    if (failure.reason === "cancelled" && failure.cause !== "revoked") return calledOff(failure.cause);
    const wasRefusedRepeat = forget(attempt);
    if (!wasRefusedRepeat) remember(attempt, failure);
    const traits = traitsOf(failure);
    if (!traits.tryElsewhere && failure.reason !== "cancelled") return giveUp();

    const progress = progressNow();
    const one = toTried(attempt);
    const retry =
      one === undefined || repeatsLeft === 0 ? undefined : chooseRetryInLeg({ ask: progress, tried: one, failure });
    if (retry !== undefined) {
      beginRepeat(retry);
      return undefined;
    }
    if (running.size > 0 && !areAllLate()) return undefined;
    if (beginNext() || running.size > 0) return undefined;
    const last = repeatsLeft === 0 ? undefined : chooseLastRetry(progressNow(), failed);
    if (last === undefined) return giveUp();
    beginRepeat(last);
    return undefined;
  }

  /** A repeat that got no slot was never made: the leg that it stood in for is still to be had. `true` if it was one. */
  function forget(attempt: Attempt): boolean {
    late.delete(attempt);
    if (attempt.endpoint() !== undefined) return false;
    attemptsLeft += 1;
    const repeat = repeats.get(attempt);
    if (repeat === undefined) return false;
    attempts.splice(attempts.indexOf(attempt), 1);
    if (repeat.legIndex !== undefined) done.delete(repeat.legIndex);
    ports.observe?.({ event: "leg-skipped", leg: repeat.leg.kind, why: `${repeat.kind}-refused` });
    return true;
  }

  function remember(attempt: Attempt, failure: AttemptFailure): void {
    const { leg } = attempt.ask;
    failures.push(failure);
    const one = toTried(attempt);
    if (one !== undefined) {
      failed.push(one);
      tried.set(one.endpoint, askAgainAtMs({ failure, nowMs: clock.nowMs(), answerByMs, random: ports.random() }));
    }
    if (failure.reason === "model_gone") gone.add(leg.model);
    if (one !== undefined && traitsOf(failure).maybeBilled) dearBill ||= isDear(models[leg.model], pixels);
    if (attempt === attempts[0] || attempts.length === 1) degradedBy ??= degradedReason(failure);
  }

  function toTried(attempt: Attempt): Tried | undefined {
    const endpoint = attempt.endpoint();
    const { leg, endsAtMs } = attempt.ask;
    return endpoint === undefined ? undefined : { leg, endpoint, endsAtMs };
  }

  function progressNow(): ChooseAsk {
    const runsDear = [...running].some((attempt) => isDear(models[attempt.ask.leg.model], pixels));
    return {
      plan,
      models,
      pixels,
      progress: {
        nowMs: clock.nowMs(),
        answerByMs,
        done,
        tried,
        gone,
        dearBill: dearBill || runsDear,
        attemptsLeft,
        isRunning: running.size > 0,
      },
    };
  }

  // ---------------------------------------------------------------- ending

  function serve(attempt: Attempt, served: Served): ExecuteResult {
    stopAll({ reason: "cancelled", cause: "lost_race" });
    const { picture, ended } = attempt.serve(served);
    const { leg, kind } = attempt.ask;
    const whole = { whole: true, costUsd: costUsd(), bytes: picture.lengthBytes ?? 0 };
    if (ended === undefined) close();
    else serving = attempt;
    const finished =
      ended === undefined
        ? Promise.resolve(whole)
        : ended.then((end) => {
            close();
            return { whole: end.whole, costUsd: costUsd(), bytes: end.bytes };
          });
    if (ended !== undefined) ports.background(finished);
    const { endpoint, pin, reported } = served;
    const what = leg.degraded;
    return {
      ok: true,
      picture,
      leg,
      endpoint,
      pin,
      reported,
      ...(what === undefined
        ? {}
        : { degraded: { what, reason: kind === "hedge" ? "hedge" : (degradedBy ?? "planned") } }),
      ...tally(),
      finished,
    };
  }

  function show(leg: Leg, picture: StalePicture): ExecuteResult {
    close();
    return staleResult({ picture, leg, reason: degradedBy ?? "planned", ...tally() });
  }

  function abandon(): void {
    stopAll({ reason: "cancelled", cause: "revoked" });
    close();
  }

  function giveUp(): ExecuteResult {
    abandon();
    return { ok: false, failure: requestFailure(failures), ...tally() };
  }

  function calledOff(cause: CancelCause): ExecuteResult {
    ports.observe?.({ event: "request-cancelled", cause });
    stopAll({ reason: "cancelled", cause });
    close();
    return { ok: false, failure: cancelledFailure(cause), cancelled: cause, ...tally() };
  }

  function stopAll(failure: AttemptFailure): void {
    for (const attempt of running) attempt.stop(failure);
    running.clear();
  }

  function close(): void {
    input.signal.removeEventListener("abort", onAbort);
    clock.close();
  }

  function tally(): Executed {
    return {
      trail: attempts.map((attempt) => attempt.record()),
      warnings: [...context.warnings],
      costUsd: costUsd(),
    };
  }

  function costUsd(): number {
    return attempts.reduce((sum, attempt) => sum + attempt.costUsd(), 0);
  }
}

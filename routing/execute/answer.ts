/**
 * The answers: what `execute` says about a picture, or about there being none.
 */
import type { CancelCause, RequestFailure } from "../failure/index.ts";
import type { Leg } from "../plan/plan.ts";
import type { Attempt, Served, ServedEnd } from "./attempt.ts";
import type { Executed, ExecuteResult, Picture } from "./executed.ts";
import type { History } from "./history.ts";

/** What every answer says: what was tried, and what it cost so far. */
export function tally(history: History, warnings: readonly string[] = []): Executed {
  return { trail: history.attempts.map((attempt) => attempt.record()), warnings, costUsd: costUsd(history) };
}

function costUsd(history: History): number {
  return history.attempts.reduce((sum, attempt) => sum + attempt.costUsd(), 0);
}

export interface ServedAnswer {
  readonly attempt: Attempt;
  readonly served: Served;
  readonly picture: Picture;
  readonly history: History;
  /** Of a picture that streams. */
  readonly ended: Promise<ServedEnd> | undefined;
  /** Set where the picture was drawn small and then enlarged: the plan's leg, and the drawing. */
  readonly small?: { readonly leg: Leg; readonly served: Served };
  background(work: Promise<unknown>): void;
}

/** A picture. */
export function servedResult(answer: ServedAnswer): ExecuteResult {
  const { attempt, served, picture, history, ended, small } = answer;
  const leg = small?.leg ?? attempt.ask.leg;
  const reason = attempt.ask.kind === "hedge" ? "hedge" : (history.degradedBy() ?? "planned");
  const now = tally(history, [...(small?.served.warnings ?? []), ...served.warnings]);
  const pin = small?.served.pin === "unverified" ? "unverified" : served.pin;
  const isSmallKnown = small?.served.pin !== "unverified";
  const finished =
    ended === undefined
      ? Promise.resolve({
          whole: true,
          verified: pin === "verified",
          costUsd: now.costUsd,
          bytes: picture.lengthBytes ?? 0,
        })
      : ended.then((end) => ({ ...end, verified: end.verified && isSmallKnown, costUsd: costUsd(history) }));
  if (ended !== undefined) answer.background(finished);
  return {
    ok: true,
    picture,
    leg,
    endpoint: small?.served.endpoint ?? served.endpoint,
    pin,
    reported: small?.served.reported ?? served.reported,
    ...(leg.degraded === undefined ? {} : { degraded: { what: leg.degraded, reason } }),
    ...now,
    finished,
  };
}

/** No picture. */
export function failedResult(answer: {
  readonly failure: RequestFailure;
  readonly cancelled?: CancelCause;
  readonly history: History;
}): ExecuteResult {
  const { failure, cancelled, history } = answer;
  return { ok: false, failure, ...(cancelled === undefined ? {} : { cancelled }), ...tally(history) };
}

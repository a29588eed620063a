/**
 * Whether anything is repeated: a retry at another endpoint of the same leg, a last retry when no leg is left, a hedge.
 *
 * Pure. All draw on the request's few repeats, and the scheduler's budget has the last word. Only failures whose traits allow it are
 * repeated; an upstream's Retry-After is obeyed or the retry is not made; a hedge goes to another failure domain with the same seed.
 */
import type { Endpoint, EndpointId, ModelId } from "../config/snapshot.ts";
import { type AttemptFailure, traitsOf } from "../failure/index.ts";
import type { Leg } from "../plan/plan.ts";
import { type ChooseAsk, isDear, leadsElsewhere } from "./choose-leg.ts";
import { MIN_ATTEMPT_MS } from "./deadline.ts";

/** Wait before the same endpoint is asked again when it names no time: a share of what is left, so that jobs wait longer. */
const BACKOFF = { share: 0.05, capMs: 5_000 } as const;

/** When the endpoint may be asked again after this failure, epoch ms; infinite: not by this request. `random` in [0, 1). */
export function askAgainAtMs(after: {
  readonly failure: AttemptFailure;
  readonly nowMs: number;
  readonly answerByMs: number;
  readonly random: number;
}): number {
  const { failure, nowMs } = after;
  if (!traitsOf(failure).retrySame) return Number.POSITIVE_INFINITY;
  if (failure.reason === "overloaded" && failure.retryAfterMs !== undefined) return nowMs + failure.retryAfterMs;
  const backoffMs = Math.min(BACKOFF.capMs, Math.max(0, after.answerByMs - nowMs) * BACKOFF.share);
  return nowMs + backoffMs * (0.5 + after.random / 2);
}

/** An attempt that ended without a picture, or one that runs. */
export interface Tried {
  readonly leg: Leg;
  readonly endpoint: EndpointId;
  /** When the slice of the deadline that it was lent runs out, epoch ms. */
  readonly endsAtMs: number;
  /** When the next leg has to start at the latest, epoch ms. */
  readonly nextLegAtMs: number;
}

/** One more attempt than the plan has legs. */
export interface Repeat {
  readonly kind: "retry" | "hedge";
  readonly leg: Leg;
  /** The plan's leg that it stands in for, so that it is not begun twice. */
  readonly legIndex?: number;
  readonly avoid: readonly EndpointId[];
  readonly endsAtMs: number;
  readonly nextLegAtMs: number;
  /** Another leg could still serve if this one does not. */
  readonly elsewhere: boolean;
  /** Not before, epoch ms. */
  readonly notBeforeMs: number;
}

export interface RetryAsk {
  readonly ask: ChooseAsk;
  readonly tried: Tried;
  readonly failure: AttemptFailure;
}

/** After a quick failure: another endpoint of the same leg, where the plan's next leg is not that anyway. */
export function chooseRetryInLeg({ ask, tried, failure }: RetryAsk): Repeat | undefined {
  const { plan, progress } = ask;
  const { leg, endsAtMs, nextLegAtMs } = tried;
  if (!traitsOf(failure).tryElsewhere || NOT_THE_ENDPOINTS_FAULT.has(failure.reason)) return undefined;
  if (!mayCall(ask, leg.model)) return undefined;
  if (endsAtMs - progress.nowMs < leastMs(leg)) return undefined;
  if (leg.candidates.every((endpoint) => progress.tried.has(endpoint))) return undefined;
  const isPlanned = plan.legs.some(
    (other, index) => !progress.done.has(index) && other.model === leg.model && other.place === leg.place,
  );
  if (isPlanned) return undefined;
  const elsewhere = leadsElsewhere(ask);
  const avoid = triedOf(ask);
  return { kind: "retry", leg, avoid, endsAtMs, nextLegAtMs, elsewhere, notBeforeMs: progress.nowMs };
}

/** When no leg is left and none runs: the first failed attempt that may be made again at the same endpoint, if time allows. */
export function chooseLastRetry(ask: ChooseAsk, failed: readonly Tried[]): Repeat | undefined {
  const { progress } = ask;
  for (const { leg, endpoint } of failed) {
    const notBeforeMs = Math.max(progress.nowMs, progress.tried.get(endpoint) ?? 0);
    if (!mayCall(ask, leg.model) || progress.answerByMs - notBeforeMs < leastMs(leg)) continue;
    const avoid = leg.candidates.filter((other) => (progress.tried.get(other) ?? 0) > notBeforeMs);
    const endsAtMs = progress.answerByMs;
    return { kind: "retry", leg, avoid, endsAtMs, nextLegAtMs: endsAtMs, elsewhere: false, notBeforeMs };
  }
  return undefined;
}

export interface HedgeAsk {
  readonly ask: ChooseAsk;
  readonly endpoints: Readonly<Record<EndpointId, Endpoint>>;
  readonly running: Tried;
}

/** A second attempt on the same model in another failure domain: in the same leg, else in the next leg that has one. */
export function chooseHedge({ ask, endpoints, running }: HedgeAsk): Repeat | undefined {
  const { plan, progress } = ask;
  const domain = endpoints[running.endpoint]?.failureDomain;
  const isAvoided = (endpoint: EndpointId): boolean =>
    progress.tried.has(endpoint) || endpoints[endpoint]?.failureDomain === domain;
  if (!mayCall(ask, running.leg.model) || running.endsAtMs - progress.nowMs < MIN_ATTEMPT_MS) return undefined;

  const others = plan.legs.flatMap((leg, legIndex) => (progress.done.has(legIndex) ? [] : [{ leg, legIndex }]));
  const places: readonly { readonly leg: Leg; readonly legIndex?: number }[] = [{ leg: running.leg }, ...others];
  for (const { leg, legIndex } of places) {
    const isSameWork = leg.model === running.leg.model && leg.upscale === running.leg.upscale;
    const open = leg.candidates.filter((endpoint) => !isAvoided(endpoint));
    if (!isSameWork || open.length === 0) continue;
    return {
      kind: "hedge",
      leg,
      ...(legIndex === undefined ? {} : { legIndex }),
      avoid: [...new Set([...triedOf(ask), ...leg.candidates.filter(isAvoided)])],
      endsAtMs: running.endsAtMs,
      nextLegAtMs: running.nextLegAtMs,
      elsewhere: open.length > 1 || leadsElsewhere(ask, legIndex),
      notBeforeMs: progress.nowMs,
    };
  }
  return undefined;
}

/** These would be the same at any endpoint of the model. */
const NOT_THE_ENDPOINTS_FAULT: ReadonlySet<AttemptFailure["reason"]> = new Set([
  "model_gone",
  "unsupported",
  "too_large",
  "not_admitted",
]);

function mayCall(ask: ChooseAsk, model: ModelId): boolean {
  const { progress, plan } = ask;
  if (progress.attemptsLeft <= 0 || plan.policy.extraAttempts <= 0) return false;
  return !progress.dearBill || plan.policy.acceptSecondBill || !isDear(ask.models[model], ask.pixels);
}

function triedOf(ask: ChooseAsk): readonly EndpointId[] {
  return [...ask.progress.tried.keys()];
}

function leastMs(leg: Leg): number {
  return Math.max(MIN_ATTEMPT_MS, Math.min(leg.minMs, leg.capMs));
}

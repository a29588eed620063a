/**
 * Whether an endpoint is well enough to be given work: outlier ejection made for low rates (control.md §3).
 *
 * closed → open (3 failures in a row, or the Wilson bound) → half-open (one probe at a time) → slow start → closed; `out` is apart:
 * the endpoint is wrong rather than unwell (pin, key, model), is never used as a last resort, and comes back by a look or a probe.
 * Throttling (429/503) only holds back. Pure; ejecting is not refusing: whether an ejected endpoint is used after all is `choose`'s say.
 */
import { countAttempt, type FailureRing, sumOf, wilsonLowerBound } from "./failure-ring.ts";
import type { Verdict } from "./verdict.ts";

/** Trips: so many in a row, or the bound above this with so many attempts. */
export const CONSECUTIVE_TRIP = 3;
export const WILSON_TRIP = 0.25;
export const WILSON_MIN_ATTEMPTS = 5;
/** Open for min(15 s · 2^(k−1), 300 s) · U(0.8, 1.2); k falls by one for each healthy minute. */
export const OPEN_MS = 15_000;
export const OPEN_CAP_MS = 300_000;
export const OPEN_JITTER = 0.2;
export const FORGIVE_MS = 60_000;
/** Most that a Retry-After is believed, and the first hold where none is given. */
export const RETRY_AFTER_CAP_MS = 120_000;
export const THROTTLE_HOLD_MS = 1_000;
/** Probes that must succeed, then three stages of this length at these shares of the slots. */
export const PROBES_TO_CLOSE = 2;
export const SLOW_START_STAGE_MS = 20_000;
export const SLOW_START_SHARES = [0.25, 0.5, 1] as const;
/** A timeout on too short a slice counts this much of a failure in a row, and not in the ratio. */
const SHORT_TIMEOUT_WEIGHT = 0.5;

export interface Probe {
  readonly leaseId: string;
  readonly expiresAtMs: number;
}

/** Why an endpoint is out: what must be put right. */
export type OutReason = Extract<Verdict, { verdict: "config" }>["reason"];

/** Each state carries only its own data. Times are epoch ms. */
export type BreakerState =
  | { readonly kind: "closed" }
  | { readonly kind: "open"; readonly openedAtMs: number; readonly untilMs: number; readonly cause: TripCause }
  | { readonly kind: "half-open"; readonly openedAtMs: number; readonly successes: number; readonly probe?: Probe }
  | { readonly kind: "slow-start"; readonly sinceMs: number }
  | {
      readonly kind: "out";
      readonly reason: OutReason;
      readonly sinceMs: number;
      /** When it may be looked at or probed again. */
      readonly lookAtMs: number;
      readonly tries: number;
      readonly probe?: Probe;
    };

export type TripCause = "consecutive" | "ratio" | "probe_failed";

export interface Breaker {
  readonly state: BreakerState;
  readonly ring: FailureRing;
  /** Failures in a row. */
  readonly consecutive: number;
  /** How often it was ejected lately: the k of the open time. */
  readonly ejections: number;
  /** Since when the last forgiveness counts, epoch ms. */
  readonly healthySinceMs: number;
  /** Held back by a throttle until then, epoch ms; 0 = not. */
  readonly notBeforeMs: number;
  /** Throttles in a row. */
  readonly throttles: number;
}

/** Time and chance of a step. */
export interface At {
  readonly nowMs: number;
  random(): number;
}

/** A healthy endpoint of which nothing is known. */
export function closedBreaker(nowMs: number): Breaker {
  return {
    state: { kind: "closed" },
    ring: [],
    consecutive: 0,
    ejections: 0,
    healthySinceMs: nowMs,
    notBeforeMs: 0,
    throttles: 0,
  };
}

const backOffMs = (k: number, at: At): number =>
  Math.min(OPEN_MS * 2 ** Math.max(0, k - 1), OPEN_CAP_MS) * (1 - OPEN_JITTER + 2 * OPEN_JITTER * at.random());

function eject(breaker: Breaker, cause: TripCause, at: At): Breaker {
  const ejections = breaker.ejections + 1;
  const untilMs = at.nowMs + backOffMs(ejections, at);
  const state: BreakerState = { kind: "open", openedAtMs: at.nowMs, untilMs, cause };
  return { ...breaker, state, ejections, healthySinceMs: at.nowMs };
}

function putOut(breaker: Breaker, config: { reason: OutReason; retryAfterMs?: number }, at: At): Breaker {
  const former = breaker.state.kind === "out" ? breaker.state : undefined;
  const tries = (former?.tries ?? 0) + 1;
  const lookAtMs = at.nowMs + Math.max(config.retryAfterMs ?? 0, backOffMs(tries, at));
  const sinceMs = former?.sinceMs ?? at.nowMs;
  return { ...breaker, state: { kind: "out", reason: config.reason, sinceMs, lookAtMs, tries } };
}

/** Clean slate at a quarter of the slots: what was counted before the ejection must not eject again. */
function startSlowly(breaker: Breaker, nowMs: number): Breaker {
  const state: BreakerState = { kind: "slow-start", sinceMs: nowMs };
  return { ...breaker, state, ring: [], consecutive: 0, throttles: 0, notBeforeMs: 0, healthySinceMs: nowMs };
}

const lives = (probe: Probe | undefined, nowMs: number): Probe | undefined =>
  probe !== undefined && probe.expiresAtMs > nowMs ? probe : undefined;

type Probing = Extract<BreakerState, { kind: "half-open" | "out" }>;

function withoutProbe(state: Probing): Probing {
  const { probe: _former, ...rest } = state;
  return rest;
}

/** The state as of now: open ends, slow start ends, an unheard-of probe returns, ejections are forgiven. */
export function settle(breaker: Breaker, nowMs: number): Breaker {
  const { state } = breaker;
  switch (state.kind) {
    case "open":
      if (nowMs < state.untilMs) return breaker;
      return { ...breaker, state: { kind: "half-open", openedAtMs: state.openedAtMs, successes: 0 } };
    case "half-open":
    case "out":
      if (state.probe === undefined || lives(state.probe, nowMs) !== undefined) return breaker;
      return { ...breaker, state: withoutProbe(state) };
    case "slow-start":
      if (nowMs - state.sinceMs < SLOW_START_STAGE_MS * SLOW_START_SHARES.length) return breaker;
      return forgive({ ...breaker, state: { kind: "closed" } }, nowMs);
    case "closed":
      return forgive(breaker, nowMs);
  }
}

function forgive(breaker: Breaker, nowMs: number): Breaker {
  const minutes = Math.floor((nowMs - breaker.healthySinceMs) / FORGIVE_MS);
  if (minutes < 1 || breaker.ejections === 0) return breaker;
  const ejections = Math.max(0, breaker.ejections - minutes);
  return { ...breaker, ejections, healthySinceMs: breaker.healthySinceMs + minutes * FORGIVE_MS };
}

/** How an endpoint may be used: as a normal one, by one probe, not now, or not at all until it is ejected no more. */
export type Admission = "normal" | "probe" | "ejected" | "out";

/** Admission of a settled breaker. A throttle's hold is apart: see `notBeforeMs`. */
export function admissionOf(breaker: Breaker, nowMs: number): Admission {
  const { state } = breaker;
  switch (state.kind) {
    case "closed":
    case "slow-start":
      return "normal";
    case "open":
      return "ejected";
    case "half-open":
      return state.probe === undefined ? "probe" : "ejected";
    case "out":
      return state.probe === undefined && nowMs >= state.lookAtMs ? "probe" : "out";
  }
}

/** Marks the one probe as under way. Only where `admissionOf` says `probe`. */
export function takeProbe(breaker: Breaker, probe: Probe): Breaker {
  const { state } = breaker;
  if (state.kind !== "half-open" && state.kind !== "out") return breaker;
  return { ...breaker, state: { ...state, probe } };
}

/** Share of the slots that may be used, 0…1. */
export function slotShare(breaker: Breaker, nowMs: number): number {
  const { state } = breaker;
  if (state.kind !== "slow-start") return 1;
  const stage = Math.max(0, Math.floor((nowMs - state.sinceMs) / SLOW_START_STAGE_MS));
  return SLOW_START_SHARES[Math.min(stage, SLOW_START_SHARES.length - 1)]!;
}

/** A probe that told nothing goes back, so that the next request may take it. */
function returnProbe(breaker: Breaker, leaseId: string): Breaker {
  const { state } = breaker;
  if ((state.kind !== "half-open" && state.kind !== "out") || state.probe?.leaseId !== leaseId) return breaker;
  return { ...breaker, state: withoutProbe(state) };
}

/** Which attempt a verdict is about. */
export interface Judged {
  readonly leaseId: string;
  /** When it was granted, epoch ms: what was begun before an ejection says nothing about the recovery. */
  readonly grantedAtMs: number;
}

/** Takes the end of one attempt into account. */
export function recordVerdict(former: Breaker, verdict: Verdict, judged: Judged, at: At): Breaker {
  const breaker = settle(former, at.nowMs);
  const { state } = breaker;
  switch (verdict.verdict) {
    case "ignored":
      return returnProbe(breaker, judged.leaseId);
    case "throttle":
      return hold(returnProbe(breaker, judged.leaseId), verdict.retryAfterMs, at);
    case "config":
      return putOut(breaker, verdict, at);
    case "ok":
      return recordOk(breaker, judged, at.nowMs);
    case "hard":
    case "timeout":
    case "short_timeout":
      if (state.kind === "half-open" && state.probe?.leaseId === judged.leaseId)
        return eject(breaker, "probe_failed", at);
      if (state.kind === "closed" || state.kind === "slow-start") return recordFailure(breaker, verdict.verdict, at);
      return returnProbe(breaker, judged.leaseId);
  }
}

function hold(breaker: Breaker, retryAfterMs: number | undefined, at: At): Breaker {
  const ownMs = THROTTLE_HOLD_MS * 2 ** breaker.throttles * (1 - OPEN_JITTER + 2 * OPEN_JITTER * at.random());
  const holdMs = Math.min(RETRY_AFTER_CAP_MS, Math.max(0, retryAfterMs ?? ownMs));
  return {
    ...breaker,
    notBeforeMs: Math.max(breaker.notBeforeMs, at.nowMs + holdMs),
    throttles: Math.min(10, breaker.throttles + 1),
  };
}

function recordOk(breaker: Breaker, judged: Judged, nowMs: number): Breaker {
  const { state } = breaker;
  const well = { ...breaker, consecutive: 0, throttles: 0 };
  if (state.kind === "closed" || state.kind === "slow-start")
    return { ...well, ring: countAttempt(well.ring, false, nowMs) };
  if (state.kind === "out") return state.probe?.leaseId === judged.leaseId ? startSlowly(well, nowMs) : breaker;
  // A last-resort attempt begun after the ejection tells as much as a probe does.
  if (judged.grantedAtMs < state.openedAtMs) return returnProbe(breaker, judged.leaseId);
  const successes = (state.kind === "half-open" ? state.successes : 0) + 1;
  if (successes >= PROBES_TO_CLOSE) return startSlowly(well, nowMs);
  const probe = state.kind === "half-open" && state.probe?.leaseId !== judged.leaseId ? state.probe : undefined;
  const { openedAtMs } = state;
  return { ...well, state: { kind: "half-open", openedAtMs, successes, ...(probe === undefined ? {} : { probe }) } };
}

function recordFailure(breaker: Breaker, verdict: "hard" | "timeout" | "short_timeout", at: At): Breaker {
  const short = verdict === "short_timeout";
  const consecutive = breaker.consecutive + (short ? SHORT_TIMEOUT_WEIGHT : 1);
  const ring = short ? breaker.ring : countAttempt(breaker.ring, true, at.nowMs);
  const counted = { ...breaker, consecutive, ring, healthySinceMs: Math.max(breaker.healthySinceMs, at.nowMs) };
  if (consecutive >= CONSECUTIVE_TRIP) return eject(counted, "consecutive", at);
  const { attempts, failures } = sumOf(counted.ring, at.nowMs);
  const outlying = attempts >= WILSON_MIN_ATTEMPTS && wilsonLowerBound(failures, attempts) > WILSON_TRIP;
  return !short && outlying ? eject(counted, "ratio", at) : counted;
}

/** Takes a look at the endpoint's pin into account: a good one brings an endpoint back that is out, a bad one puts it out. */
export function recordLook(
  breaker: Breaker,
  look: { readonly ok: true } | { readonly ok: false; readonly reason: OutReason },
  at: At,
): Breaker {
  if (!look.ok) return putOut(breaker, look, at);
  return breaker.state.kind === "out" ? startSlowly(breaker, at.nowMs) : breaker;
}

function rebaseState(state: BreakerState, nowMs: number): BreakerState {
  switch (state.kind) {
    case "closed":
      return state;
    case "open": {
      const latestMs = nowMs + OPEN_CAP_MS * (1 + OPEN_JITTER);
      return { ...state, openedAtMs: Math.min(state.openedAtMs, nowMs), untilMs: Math.min(state.untilMs, latestMs) };
    }
    case "half-open":
      return { kind: "half-open", openedAtMs: Math.min(state.openedAtMs, nowMs), successes: state.successes };
    case "slow-start":
      return { ...state, sinceMs: Math.min(state.sinceMs, nowMs) };
    case "out": {
      const { probe: _former, ...rest } = state;
      return { ...rest, sinceMs: Math.min(state.sinceMs, nowMs), lookAtMs: Math.min(state.lookAtMs, nowMs) };
    }
  }
}

/** After the clock was set back by much: no hold may last longer than one made now could, and no probe is still waited for. */
export function rebase(breaker: Breaker, nowMs: number): Breaker {
  return {
    ...breaker,
    state: rebaseState(breaker.state, nowMs),
    ring: [],
    healthySinceMs: Math.min(breaker.healthySinceMs, nowMs),
    notBeforeMs: Math.min(breaker.notBeforeMs, nowMs + RETRY_AFTER_CAP_MS),
  };
}

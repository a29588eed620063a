/**
 * Shadow traffic: which previews are copied to the candidate with the answer thrown away, what that may cost, and what the pairs say.
 *
 * Sampled by a salt of its own, so that shadows do not follow the arms. Only when nobody waits for the candidate's pool, within a day's GPU
 * time, never for exports or whatever has an effect outside. Nothing here is billed to a tenant; only figures are kept, never pictures.
 * Fails safe: whatever is not known to be allowed is not copied.
 */
import type { ModelId, Priority } from "../config/snapshot.ts";
import { bucketOf, bucketsIn } from "./assign.ts";
import { isBlamed, type OutcomeAttempt } from "./outcome.ts";
import { createMoments, type Moments, recordMoment } from "./sequence.ts";
import { createSignTest, recordPair, type SignTest } from "./sign-test.ts";

const DAY_MS = 86_400_000;

/** Two latencies of one request closer than this are a tie: service times of the same work vary by 2–5 % (control.md §8). */
const TIE = 0.05;

export interface ShadowAsk {
  readonly experiment: string;
  /** The canary's salt; the purpose is added here. */
  readonly salt: string;
  readonly requestId: string;
  /** Share of eligible requests to copy, 0…1; from `Experiment.shadowNow`. */
  readonly share: number;
  /** GPU time that is left today, ms; from `Experiment.shadowNow`. */
  readonly remainingGpuMs: number;
  /** GPU time that this copy is expected to take, ms. */
  readonly expectedGpuMs: number;
  readonly mode: "inline" | "job";
  readonly priority: Priority;
  readonly pictures: number;
  readonly hasCallback: boolean;
  /** Nobody waits at the candidate's pool and a slot is free. */
  readonly poolIdle: boolean;
}

export type ShadowChoice =
  | { readonly copy: true }
  | { readonly copy: false; readonly why: "not-a-preview" | "not-sampled" | "pool-busy" | "cap-reached" };

/** Decides whether one request is copied. */
export function chooseShadow(ask: ShadowAsk): ShadowChoice {
  const isPreview = ask.mode === "inline" && ask.priority === "interactive" && ask.pictures === 1 && !ask.hasCallback;
  if (!isPreview) return { copy: false, why: "not-a-preview" };
  const bucket = bucketOf(ask.experiment, `${ask.salt}/shadow`, ask.requestId);
  if (bucket >= bucketsIn(ask.share)) return { copy: false, why: "not-sampled" };
  if (ask.remainingGpuMs < ask.expectedGpuMs) return { copy: false, why: "cap-reached" };
  return ask.poolIdle ? { copy: true } : { copy: false, why: "pool-busy" };
}

/** One side of a pair. */
export interface ShadowSide {
  /** The model was at fault (typed failure). */
  readonly failed: boolean;
  /** From the slot to the picture, ms. Compared only where both sides made one. */
  readonly serviceMs?: number;
  readonly checks?: "passed" | "failed";
}

/** What became of one of the two requests. */
export interface ShadowRun {
  readonly attempts: readonly OutcomeAttempt[];
  /** All bytes of a picture came. */
  readonly whole: boolean;
  readonly serviceMs?: number;
}

/** A run as one side of a pair; `undefined` where it says nothing of the model: turned away, stopped, or served by another. */
export function toShadowSide(model: ModelId, { attempts, whole, serviceMs }: ShadowRun): ShadowSide | undefined {
  const own = attempts.filter((attempt) => attempt.model === model);
  const failed = own.some(isBlamed);
  const made = whole && own.some(({ outcome }) => outcome === "ok" || outcome === "running");
  if (!failed && !made) return undefined;
  const isBad = own.some(({ outcome }) => outcome === "bad_picture");
  return {
    failed,
    ...(made && serviceMs !== undefined ? { serviceMs } : {}),
    ...(isBad ? { checks: "failed" } : made ? { checks: "passed" } : {}),
  };
}

/** The same prompt and seed through both models. */
export interface ShadowPair {
  readonly baseline: ShadowSide;
  readonly candidate: ShadowSide;
}

/** One copy that was tried for. */
export interface ShadowCopy {
  readonly atMs: number;
  /** GPU time that it took, ms, and what `claimShadow` had set aside for it. */
  readonly gpuMs: number;
  readonly claimedMs: number;
  /** Absent: the pool was not idle, or the copy gave way to somebody's request. */
  readonly pair?: ShadowPair;
}

/** JSON state, mutable. */
export interface ShadowLedger {
  /** UTC day number of `spentMs`. */
  day: number;
  /** Taken or set aside, ms. */
  spentMs: number;
  pairs: number;
  /** Copies that found the pool busy, or gave way. */
  gaveWay: number;
  readonly failures: SignTest;
  readonly checks: SignTest;
  readonly slower: SignTest;
  /** log of service time, candidate / baseline. */
  readonly logLatency: Moments;
}

/** What a day has cost so far: it outlives a run of the experiment. */
export type ShadowSpent = Pick<ShadowLedger, "day" | "spentMs">;

/** A ledger with nothing in it but, perhaps, what the day has cost already. */
export function createShadowLedger(spent: ShadowSpent = { day: 0, spentMs: 0 }): ShadowLedger {
  return {
    ...spent,
    pairs: 0,
    gaveWay: 0,
    failures: createSignTest(),
    checks: createSignTest(),
    slower: createSignTest(),
    logLatency: createMoments(),
  };
}

/** Sets GPU time aside for a copy; `false` where the day's does not suffice. What is never settled stays spent. */
export function claimShadow(
  ledger: ShadowLedger,
  { gpuMs, capMs, nowMs }: { readonly gpuMs: number; readonly capMs: number; readonly nowMs: number },
): boolean {
  if (shadowRemainingMs(ledger, capMs, nowMs) < gpuMs) return false;
  turnDay(ledger, nowMs);
  ledger.spentMs += gpuMs;
  return true;
}

/** Records one finished copy: settles its claim, and compares. */
export function recordShadowCopy(ledger: ShadowLedger, { atMs, gpuMs, claimedMs, pair }: ShadowCopy): void {
  const isSameDay = !turnDay(ledger, atMs);
  ledger.spentMs = Math.max(0, ledger.spentMs + gpuMs - (isSameDay ? claimedMs : 0));
  if (pair === undefined) {
    ledger.gaveWay += 1;
    return;
  }
  const { baseline, candidate } = pair;
  ledger.pairs += 1;
  recordPair(ledger.failures, Number(candidate.failed) - Number(baseline.failed));
  if (candidate.checks !== undefined && baseline.checks !== undefined) {
    recordPair(ledger.checks, Number(candidate.checks === "failed") - Number(baseline.checks === "failed"));
  }
  if (candidate.serviceMs !== undefined && baseline.serviceMs !== undefined) {
    const difference = candidate.serviceMs - baseline.serviceMs;
    recordPair(ledger.slower, Math.abs(difference) <= TIE * baseline.serviceMs ? 0 : difference);
    recordMoment(ledger.logLatency, Math.log(Math.max(1, candidate.serviceMs) / Math.max(1, baseline.serviceMs)));
  }
}

/** GPU time that is left on the UTC day of `nowMs`, ms. */
export function shadowRemainingMs(ledger: ShadowSpent, capMs: number, nowMs: number): number {
  const spentMs = Math.floor(nowMs / DAY_MS) > ledger.day ? 0 : ledger.spentMs;
  return Math.max(0, capMs - spentMs);
}

/** Begins the day of `nowMs`; `false` where it has begun already. */
function turnDay(ledger: ShadowLedger, nowMs: number): boolean {
  const day = Math.floor(nowMs / DAY_MS);
  if (day <= ledger.day) return false;
  ledger.day = day;
  ledger.spentMs = 0;
  return true;
}

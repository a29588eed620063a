/**
 * Shadow traffic: which previews are copied to the candidate with the answer thrown away, what that may cost, and what the pairs say.
 *
 * Sampled by a salt of its own, so that shadows do not follow the arms. Only when nobody waits for the candidate's pool, within a day's GPU
 * time, never for exports or whatever has an effect outside. Nothing here is billed to a tenant; only figures are kept, never pictures.
 * Fails safe: whatever is not known to be allowed is not copied.
 */
import type { Priority } from "../config/snapshot.ts";
import { bucketOf, bucketsIn } from "./assign.ts";
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
  /** Service time, without waiting, ms. Compared only where both sides made a picture. */
  readonly serviceMs?: number;
  readonly checks?: "passed" | "failed";
}

/** The same prompt and seed through both models. */
export interface ShadowPair {
  readonly atMs: number;
  readonly baseline: ShadowSide;
  readonly candidate: ShadowSide;
  /** GPU time that the copy took, ms. */
  readonly gpuMs: number;
}

/** JSON state, mutable. */
export interface ShadowLedger {
  /** UTC day number of `spentMs`. */
  day: number;
  spentMs: number;
  pairs: number;
  readonly failures: SignTest;
  readonly checks: SignTest;
  readonly slower: SignTest;
}

export function createShadowLedger(): ShadowLedger {
  return {
    day: 0,
    spentMs: 0,
    pairs: 0,
    failures: createSignTest(),
    checks: createSignTest(),
    slower: createSignTest(),
  };
}

/** Records one finished pair. */
export function recordShadowPair(ledger: ShadowLedger, pair: ShadowPair): void {
  const { baseline, candidate } = pair;
  const day = Math.floor(pair.atMs / DAY_MS);
  if (day > ledger.day) {
    ledger.day = day;
    ledger.spentMs = 0;
  }
  ledger.spentMs += pair.gpuMs;
  ledger.pairs += 1;
  recordPair(ledger.failures, Number(candidate.failed) - Number(baseline.failed));
  if (candidate.checks !== undefined && baseline.checks !== undefined) {
    recordPair(ledger.checks, Number(candidate.checks === "failed") - Number(baseline.checks === "failed"));
  }
  if (candidate.serviceMs !== undefined && baseline.serviceMs !== undefined) {
    const difference = candidate.serviceMs - baseline.serviceMs;
    recordPair(ledger.slower, Math.abs(difference) <= TIE * baseline.serviceMs ? 0 : difference);
  }
}

/** GPU time that is left on the UTC day of `nowMs`, ms. */
export function shadowRemainingMs(ledger: ShadowLedger, capMs: number, nowMs: number): number {
  const spentMs = Math.floor(nowMs / DAY_MS) > ledger.day ? 0 : ledger.spentMs;
  return Math.max(0, capMs - spentMs);
}

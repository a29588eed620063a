/**
 * The three built-in policies, which policy a purpose gets when its route names none, and the built-in rules of inference.
 *
 * Free of zod and yaml: the Worker looks up `defaultPolicyName` for requests that a cluster serves by default.
 * Numbers without a word of their own are from control.md, "Recommended defaults".
 */
import type { Condition, Downgrade, Policy, PolicyName, Purpose } from "./snapshot.ts";

/** The built-in policies: the case study's fast preview and quality render, and the draft for automation. */
export type Tier = "fast-preview" | "quality-render" | "draft";

/** Enter 1.0 @ 3 × 5 s, exit 0.7 @ 12 × 5 s, dwell 30 s, 2 % keep testing the upper tier. */
const DOWNGRADE: Downgrade = {
  enterAt: 1,
  enterTicks: 3,
  leaveAt: 0.7,
  leaveTicks: 12,
  tickMs: 5000,
  dwellMs: 30_000,
  keepUpper: 0.02,
};

const FAST_PREVIEW: Omit<Policy, "name"> = {
  mode: "inline",
  priority: "interactive",
  deadlineMs: 8000,
  reserveMs: 300,
  maxAttempts: 4,
  fallback: [{ step: "sibling-region" }, { step: "faster-model" }, { step: "any-region" }, { step: "stale" }],
  // Below about 8 s, overlapping the fallback beats cancelling first (control.md §2, table).
  overlap: true,
  hedge: { afterQuantile: 0.95, budget: 0.05 },
  extraAttempts: 0.1,
  headBytes: 4 * 1024 * 1024,
  seed: "random",
  staleMaxAgeMs: 10 * 60_000,
  downgrade: DOWNGRADE,
  cacheMs: 0,
  promote: false,
  acceptSecondBill: false,
  sloMs: 8000,
};

/** P1: 30 s. Never hedged: only interactive previews are. */
const { hedge: _interactiveOnly, ...UNHEDGED } = FAST_PREVIEW;

const DRAFT: Omit<Policy, "name"> = {
  ...UNHEDGED,
  priority: "automation",
  deadlineMs: 30_000,
  maxAttempts: 3,
  fallback: [{ step: "sibling-region" }, { step: "faster-model" }, { step: "any-region" }],
  overlap: false,
  sloMs: 30_000,
};

/** A 4K export of a hosted model takes tens of seconds; a fifth of the deadline leaves room for all four attempts. */
const QUALITY_RENDER: Omit<Policy, "name"> = {
  ...UNHEDGED,
  mode: "job",
  priority: "export",
  deadlineMs: 10 * 60_000,
  attemptTimeoutMs: 2 * 60_000,
  maxAttempts: 4,
  fallback: [{ step: "same-model" }],
  overlap: false,
  sloMs: 10 * 60_000,
};

/** The built-in policies by name. A file may set any number of them, or build its own on one of them (`tier`). */
export const TIERS: Readonly<Record<Tier, Policy>> = {
  "fast-preview": { name: "fast-preview", ...FAST_PREVIEW },
  "quality-render": { name: "quality-render", ...QUALITY_RENDER },
  draft: { name: "draft", ...DRAFT },
};

const POLICY_OF_PURPOSE: Readonly<Record<Purpose, Tier>> = {
  preview: "fast-preview",
  compositing: "fast-preview",
  "draft-art": "draft",
  "high-res-export": "quality-render",
};

/** The policy of a purpose where none is named; an owner's own purposes are previews until a route says otherwise. */
export function defaultPolicyName(purpose: Purpose | undefined): PolicyName {
  if (purpose === undefined || !Object.hasOwn(POLICY_OF_PURPOSE, purpose)) return "fast-preview";
  return POLICY_OF_PURPOSE[purpose] ?? "fast-preview";
}

/** Is this the name of a built-in policy? */
export function isTier(name: string): name is Tier {
  return Object.hasOwn(TIERS, name);
}

/** A picture of 4 megapixels or more is an export: twice what the preview models draw in one go. */
const EXPORT_PIXELS = 4_000_000;

/** Rules of inference where the file has none. The last one always holds. */
export const DEFAULT_INFER: readonly { readonly when: Condition; readonly purpose: Purpose }[] = [
  // Said outright, so it outranks what the prompt looks like.
  { when: { exportFlag: true }, purpose: "high-res-export" },
  { when: { hasText: true }, purpose: "compositing" },
  { when: { minPixels: EXPORT_PIXELS }, purpose: "high-res-export" },
  { when: { automation: true }, purpose: "draft-art" },
  { when: {}, purpose: "preview" },
];

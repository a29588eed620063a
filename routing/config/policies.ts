/**
 * Policies: the three built-in ones, and those of the file, each built on one of the three.
 */
import { parseFallback } from "./fallback.ts";
import { isTier, TIERS, type Tier } from "./policy-defaults.ts";
import type { Report } from "./report.ts";
import { type RoutingSurroundings, resolveModel } from "./resolve-model.ts";
import { policySchema, type RawPolicy } from "./routing-schema.ts";
import type { Downgrade, Policy, PolicyName } from "./snapshot.ts";

/** Longest that a finished picture is kept, ms: the bucket's lifecycle rule deletes it a day later (wrangler.toml). */
const MAX_CACHE_MS = 30 * 24 * 3_600_000;

interface BuiltPolicies {
  /** By name, the built-in ones always among them. A bad one keeps its tier's numbers. */
  readonly policies: Record<PolicyName, Policy>;
  /** Names of the bad ones: nothing follows from their numbers. */
  readonly unsound: ReadonlySet<PolicyName>;
}

/** Reads every policy. */
export function buildPolicies(raw: Readonly<Record<string, unknown>>, around: RoutingSurroundings): BuiltPolicies {
  const { report } = around;
  const policies: Record<PolicyName, Policy> = { ...TIERS };
  const unsound = new Set<PolicyName>();
  for (const [name, entry] of Object.entries(raw)) {
    const path = ["policies", name];
    const { fields, whole } = report.parseBlock(policySchema, entry, path);
    if (!report.checkId(name, path)) continue;
    if (whole === undefined) unsound.add(name);
    if (isTier(name) && fields.tier !== undefined && fields.tier !== name) {
      const message = `\`${name}\` is a tier itself`;
      const hint = "remove `tier`, or give the policy a name of its own";
      report.error({ path: [...path, "tier"], message, expected: "`tier` only in policies of your own", hint });
    }
    const policy = buildPolicy(name, isTier(name) ? name : tierOf(fields), fields, around);
    policies[name] = policy;
    if (whole !== undefined && !checkPolicy(policy, report)) unsound.add(name);
  }
  return { policies, unsound };
}

/** Where a policy of the owner's own name starts from. */
function tierOf(raw: RawPolicy): Tier {
  return raw.tier ?? (raw.mode === "job" ? "quality-render" : "fast-preview");
}

function buildPolicy(name: PolicyName, tier: Tier, raw: RawPolicy, around: RoutingSurroundings): Policy {
  const path = ["policies", name];
  const { hedge: tierHedge, attemptTimeoutMs: tierTimeoutMs, progressive: _never, ...base } = TIERS[tier];
  const deadlineMs = raw.deadline ?? base.deadlineMs;
  const mode = raw.mode ?? base.mode;
  const hedge =
    raw.hedge === undefined
      ? mode === "inline"
        ? tierHedge
        : undefined
      : raw.hedge === null
        ? undefined
        : { afterQuantile: raw.hedge.after, budget: raw.hedge.budget };
  // A tier's own timeout must not make a shorter deadline wrong.
  const timeoutMs = raw.attempt_timeout === undefined ? atMost(tierTimeoutMs, deadlineMs) : raw.attempt_timeout;
  const draft = raw.progressive?.draft;
  const draftModel = draft === undefined ? undefined : resolveModel(draft, [...path, "progressive", "draft"], around);
  return {
    ...base,
    name,
    mode,
    priority: raw.priority ?? base.priority,
    deadlineMs,
    ...(timeoutMs === undefined || timeoutMs === null ? {} : { attemptTimeoutMs: timeoutMs }),
    reserveMs: raw.reserve ?? base.reserveMs,
    maxAttempts: raw.attempts ?? base.maxAttempts,
    fallback: raw.fallback === undefined ? base.fallback : parseFallback(raw.fallback, [...path, "fallback"], around),
    overlap: raw.overlap ?? base.overlap,
    ...(hedge === undefined ? {} : { hedge }),
    extraAttempts: raw.extra_attempts ?? base.extraAttempts,
    headBytes: raw.head ?? base.headBytes,
    seed: raw.seed ?? base.seed,
    staleMaxAgeMs: raw.stale_max_age ?? base.staleMaxAgeMs,
    downgrade: toDowngrade(base.downgrade, raw.downgrade),
    cacheMs: raw.cache ?? base.cacheMs,
    promote: raw.promote ?? base.promote,
    ...(draftModel === undefined ? {} : { progressive: { draft: draftModel } }),
    acceptSecondBill: raw.accept_second_bill ?? base.acceptSecondBill,
    sloMs: raw.slo ?? deadlineMs,
  };
}

function atMost(value: number | undefined, limit: number): number | undefined {
  return value === undefined ? undefined : Math.min(value, limit);
}

function toDowngrade(base: Downgrade, raw: RawPolicy["downgrade"]): Downgrade {
  return {
    enterAt: raw?.enter_at ?? base.enterAt,
    enterTicks: raw?.enter_ticks ?? base.enterTicks,
    leaveAt: raw?.leave_at ?? base.leaveAt,
    leaveTicks: raw?.leave_ticks ?? base.leaveTicks,
    tickMs: raw?.tick ?? base.tickMs,
    dwellMs: raw?.dwell ?? base.dwellMs,
    keepUpper: raw?.keep_upper ?? base.keepUpper,
  };
}

/** Numbers that are fine one by one and cannot hold together; `false` when there are any. */
function checkPolicy(policy: Policy, report: Report): boolean {
  let sound = true;
  const wrong = (key: string, message: string, expected: string, hint: string) => {
    sound = false;
    report.error({ path: ["policies", policy.name, key], message, expected, hint });
  };
  const { deadlineMs, reserveMs, attemptTimeoutMs, hedge, extraAttempts, downgrade, mode, fallback } = policy;
  if (reserveMs >= deadlineMs) {
    wrong(
      "reserve",
      `a reserve of ${reserveMs} ms leaves nothing of a deadline of ${deadlineMs} ms`,
      "reserve < deadline",
      "a reserve of `300ms` suits most",
    );
  }
  if (attemptTimeoutMs !== undefined && (attemptTimeoutMs > deadlineMs || attemptTimeoutMs === 0)) {
    wrong(
      "attempt_timeout",
      `an attempt of ${attemptTimeoutMs} ms does not fit a deadline of ${deadlineMs} ms`,
      "0 < attempt_timeout ≤ deadline",
      "shorten it, or write `none`",
    );
  }
  if (policy.sloMs > deadlineMs || policy.sloMs === 0) {
    wrong(
      "slo",
      `no answer comes after the deadline of ${deadlineMs} ms, so an objective of ${policy.sloMs} ms is never missed`,
      "0 < slo ≤ deadline",
      "leave it out: it is the deadline then",
    );
  }
  if (hedge !== undefined && hedge.budget > extraAttempts) {
    wrong(
      "hedge",
      `hedges may cost ${percent(hedge.budget)} and all extra attempts together ${percent(extraAttempts)}`,
      "a hedge budget within `extra_attempts`",
      "they share one budget: lower the one, or raise the other",
    );
  }
  if (hedge !== undefined && mode === "job") {
    wrong("hedge", "jobs are never hedged", "`hedge` only with `mode: inline`", "remove it");
  }
  if (policy.promote && mode === "job") {
    wrong("promote", "a job is a job already", "`promote` only with `mode: inline`", "remove it");
  }
  if (mode === "job" && fallback.some(({ step }) => step === "stale")) {
    wrong("fallback", "an export never shows an old picture", "no `stale` with `mode: job`", "remove `stale`");
  }
  if (policy.cacheMs > 0 && mode === "job") {
    wrong("cache", "an export keeps its picture by itself", "`cache` only with `mode: inline`", "remove it");
  }
  if (policy.cacheMs > MAX_CACHE_MS) {
    wrong("cache", "pictures are deleted after 30 days", "cache ≤ 30d", "shorten it");
  }
  if (downgrade.leaveAt >= downgrade.enterAt) {
    wrong(
      "downgrade",
      `it enters at ${percent(downgrade.enterAt)} and leaves at ${percent(downgrade.leaveAt)}, so it would flap`,
      "leave_at < enter_at",
      "`enter_at: 100%, leave_at: 70%` suits most",
    );
  }
  return sound;
}

function percent(share: number): string {
  return `${Number((share * 100).toFixed(2))}%`;
}

import { describe, expect, it } from "vitest";
import { assign } from "../../routing/rollout/assign.ts";
import type { OutcomeAttempt } from "../../routing/rollout/outcome.ts";
import {
  chooseShadow,
  claimShadow,
  createShadowLedger,
  recordShadowCopy,
  type ShadowAsk,
  type ShadowCopy,
  type ShadowPair,
  type ShadowRun,
  shadowRemainingMs,
  toShadowSide,
} from "../../routing/rollout/shadow.ts";
import { createSignTest, recordPair, signLogE } from "../../routing/rollout/sign-test.ts";
import { broken, HOUR_MS, ok, START_MS, seeded } from "./world.ts";

const ask = (change: Partial<ShadowAsk> = {}): ShadowAsk => ({
  experiment: "sd35-next",
  salt: "sd35-next",
  requestId: "r1",
  share: 1,
  remainingGpuMs: 10_000,
  expectedGpuMs: 1_500,
  mode: "inline",
  priority: "interactive",
  pictures: 1,
  hasCallback: false,
  poolIdle: true,
  ...change,
});

const copy = (change: Partial<ShadowPair & ShadowCopy> = {}): ShadowCopy => {
  const { atMs = START_MS, gpuMs = 1_000, claimedMs = 0 } = change;
  const { baseline = SOUND, candidate = SOUND } = change;
  return { atMs, gpuMs, claimedMs, pair: { baseline, candidate } };
};

const SOUND = { failed: false, serviceMs: 1_000, checks: "passed" } as const;

describe("chooseShadow", () => {
  it("copies a preview when the pool is idle and the day's time suffices", () => {
    expect(chooseShadow(ask())).toEqual({ copy: true });
  });

  it.each<[string, Partial<ShadowAsk>]>([
    ["an export", { mode: "job" }],
    ["automation", { priority: "automation" }],
    ["several pictures", { pictures: 2 }],
    ["a webhook", { hasCallback: true }],
  ])("never copies %s", (_, change) => {
    expect(chooseShadow(ask(change))).toEqual({ copy: false, why: "not-a-preview" });
  });

  it("never lets anybody wait for a shadow", () => {
    expect(chooseShadow(ask({ poolIdle: false }))).toEqual({ copy: false, why: "pool-busy" });
  });

  it("stops at the day's GPU time", () => {
    expect(chooseShadow(ask({ remainingGpuMs: 1_500 }))).toEqual({ copy: true });
    expect(chooseShadow(ask({ remainingGpuMs: 1_499 }))).toEqual({ copy: false, why: "cap-reached" });
  });

  it("copies its share of the requests, independently of their arms", () => {
    const requests = 60_000;
    let copied = 0;
    let copiedCanary = 0;
    for (let at = 0; at < requests; at++) {
      const requestId = `request-${at}`;
      if (!chooseShadow(ask({ requestId, share: 0.02 })).copy) continue;
      copied += 1;
      const { arm } = assign({ experiment: "sd35-next", salt: "sd35-next", unit: requestId, share: 0.3 });
      if (arm === "canary") copiedCanary += 1;
    }
    expect(Math.abs(copied - 0.02 * requests) / Math.sqrt(requests * 0.02 * 0.98)).toBeLessThan(4);
    expect(Math.abs(copiedCanary - 0.3 * copied) / Math.sqrt(copied * 0.21)).toBeLessThan(4);
  });

  it("copies nothing at a share of 0", () => {
    expect(chooseShadow(ask({ share: 0 }))).toEqual({ copy: false, why: "not-sampled" });
  });
});

describe("the shadow ledger", () => {
  it("spends the day's GPU time and gets a new one at midnight UTC", () => {
    const ledger = createShadowLedger();
    recordShadowCopy(ledger, copy({ gpuMs: 700 }));
    recordShadowCopy(ledger, copy({ gpuMs: 400, atMs: START_MS + HOUR_MS }));
    expect(shadowRemainingMs(ledger, 1_000, START_MS + HOUR_MS)).toBe(0);
    expect(shadowRemainingMs(ledger, 2_000, START_MS + HOUR_MS)).toBe(900);
    const midnight = Date.UTC(2026, 0, 6);
    expect(shadowRemainingMs(ledger, 2_000, midnight - 1)).toBe(900);
    expect(shadowRemainingMs(ledger, 2_000, midnight)).toBe(2_000);
    recordShadowCopy(ledger, copy({ gpuMs: 300, atMs: midnight }));
    expect(shadowRemainingMs(ledger, 2_000, midnight)).toBe(1_700);
  });

  it("sets time aside before a copy, and gives back what it did not take", () => {
    const ledger = createShadowLedger();
    const claim = (gpuMs: number, nowMs = START_MS) => claimShadow(ledger, { gpuMs, capMs: 3_000, nowMs });
    expect([claim(1_500), claim(1_500), claim(1)]).toEqual([true, true, false]);
    recordShadowCopy(ledger, copy({ gpuMs: 900, claimedMs: 1_500 }));
    expect(shadowRemainingMs(ledger, 3_000, START_MS)).toBe(600);
    const midnight = Date.UTC(2026, 0, 6);
    expect(claim(3_000, midnight)).toBe(true);
    recordShadowCopy(ledger, copy({ gpuMs: 900, claimedMs: 1_500, atMs: midnight - 1 }));
    expect(shadowRemainingMs(ledger, 3_000, midnight)).toBe(600);
  });

  it("counts a copy that gave way, and compares nothing", () => {
    const ledger = createShadowLedger();
    recordShadowCopy(ledger, { atMs: START_MS, gpuMs: 0, claimedMs: 0 });
    expect(ledger).toMatchObject({ pairs: 0, gaveWay: 1 });
  });

  it("compares pairs: failures and checks where they differ, latency beyond 5 %", () => {
    const ledger = createShadowLedger();
    const bad = { failed: true } as const;
    recordShadowCopy(ledger, copy({ candidate: bad }));
    recordShadowCopy(ledger, copy({ candidate: bad, baseline: bad }));
    recordShadowCopy(ledger, copy({ candidate: { failed: false, serviceMs: 1_050, checks: "failed" } }));
    recordShadowCopy(ledger, copy({ candidate: { failed: false, serviceMs: 1_051 } }));
    recordShadowCopy(ledger, copy({ candidate: { failed: false, serviceMs: 900 } }));
    expect(ledger.failures).toMatchObject({ worse: 1, better: 0, ties: 4 });
    expect(ledger.checks).toMatchObject({ worse: 1, better: 0, ties: 0 });
    expect(ledger.slower).toMatchObject({ worse: 1, better: 1, ties: 1 });
    expect(ledger.pairs).toBe(5);
  });
});

describe("toShadowSide", () => {
  const OK = { model: "next", outcome: "ok" } as const;
  const run = (attempts: readonly OutcomeAttempt[], change: Partial<ShadowRun> = {}) =>
    toShadowSide("next", { attempts, whole: true, serviceMs: 900, ...change });

  it("says of a picture how long it took and that it passed", () => {
    expect(run([OK])).toEqual({ failed: false, serviceMs: 900, checks: "passed" });
    expect(run([{ ...OK, outcome: "running" }])).toEqual({ failed: false, serviceMs: 900, checks: "passed" });
  });

  it.each([
    ["a model's own failure", [broken("next"), ok("fast")], { failed: true }],
    ["a broken picture", [{ ...OK, outcome: "bad_picture" as const }], { failed: true, checks: "failed" }],
  ])("blames %s", (_what, attempts, side) => {
    expect(run(attempts, { whole: attempts.length > 1 })).toMatchObject(side);
  });

  it.each([
    ["that another model served", [ok("fast")], {}],
    ["that was turned away", [{ ...OK, outcome: "overloaded" as const }], {}],
    ["that broke off", [OK], { whole: false }],
  ])("says nothing of a request %s", (_what, attempts, change) => {
    expect(run(attempts, change)).toBeUndefined();
  });
});

describe("the sign test", () => {
  it("raises a false alarm in at most 1 % of runs where neither is worse", () => {
    const runs = 800;
    let alarms = 0;
    for (let run = 0; run < runs; run++) {
      const random = seeded(run);
      const sign = createSignTest();
      for (let at = 0; at < 200; at++) {
        recordPair(sign, random() - 0.5);
        if (signLogE(sign) >= Math.log(100)) {
          alarms += 1;
          break;
        }
      }
    }
    expect(alarms / runs).toBeLessThanOrEqual(0.01 + 3 * Math.sqrt((0.01 * 0.99) / runs));
  });

  it("is sure after a dozen pairs that are all worse, and never after ties", () => {
    const sign = createSignTest();
    for (let at = 0; at < 1_000; at++) recordPair(sign, 0);
    expect(signLogE(sign)).toBeCloseTo(0, 9);
    for (let at = 0; at < 12; at++) recordPair(sign, 1);
    expect(signLogE(sign)).toBeGreaterThan(Math.log(100));
  });
});

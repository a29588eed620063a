import { describe, expect, test } from "vitest";
import {
  admissionOf,
  type Breaker,
  type BreakerState,
  closedBreaker,
  recordLook,
  recordVerdict,
  settle,
  slotShare,
  takeProbe,
} from "../../routing/scheduler/breaker.ts";
import { sumOf, wilsonLowerBound } from "../../routing/scheduler/failure-ring.ts";
import type { Verdict } from "../../routing/scheduler/verdict.ts";
import { seeded, T0 } from "./support.ts";

const OK: Verdict = { verdict: "ok" };
const HARD: Verdict = { verdict: "hard" };
const IGNORED: Verdict = { verdict: "ignored" };
const middle = () => 0.5;

/** Records verdicts one a second from `fromMs` on, all of attempts that began then. */
function after(breaker: Breaker, verdicts: readonly Verdict[], fromMs = T0): Breaker {
  return verdicts.reduce(
    (former, verdict, index) =>
      recordVerdict(
        former,
        verdict,
        { leaseId: `l${index}`, grantedAtMs: fromMs },
        { nowMs: fromMs + index * 1_000, random: middle },
      ),
    breaker,
  );
}

const tripped = (): Breaker => after(closedBreaker(T0), [HARD, HARD, HARD]);
/** Tripped at T0 + 2 s with a chance of 0.5: open for exactly 15 s. */
const HALF_OPEN_AT = T0 + 2_000 + 15_000;
const halfOpen = (): Breaker => settle(tripped(), HALF_OPEN_AT);
const probing = (): Breaker => takeProbe(halfOpen(), { leaseId: "probe", expiresAtMs: HALF_OPEN_AT + 9_000 });
const probed = (breaker: Breaker, verdict: Verdict, nowMs = HALF_OPEN_AT + 1_000): Breaker =>
  recordVerdict(breaker, verdict, { leaseId: "probe", grantedAtMs: HALF_OPEN_AT }, { nowMs, random: middle });
const slowStarting = (): Breaker =>
  probed(takeProbe(probed(probing(), OK), { leaseId: "probe", expiresAtMs: HALF_OPEN_AT + 9_000 }), OK);

describe("wilson bound", () => {
  test("trips at 3 of 5, 5 of 10 and 9 of 20, and one failure fewer does not", () => {
    for (const [failures, attempts] of [
      [3, 5],
      [5, 10],
      [9, 20],
    ] as const) {
      expect(wilsonLowerBound(failures, attempts)).toBeGreaterThan(0.25);
      expect(wilsonLowerBound(failures - 1, attempts)).toBeLessThanOrEqual(0.25);
    }
  });

  test("trips falsely 2.6e-4, 5e-6 and 2e-9 of the time at 3 % failures, and finds 80 % with .94, .99 and 1.0", () => {
    const atLeast = (failures: number, attempts: number, share: number): number => {
      let sum = 0;
      for (let k = failures; k <= attempts; k += 1) {
        let ways = 1;
        for (let i = 0; i < k; i += 1) ways = (ways * (attempts - i)) / (i + 1);
        sum += ways * share ** k * (1 - share) ** (attempts - k);
      }
      return sum;
    };
    expect(atLeast(3, 5, 0.03)).toBeCloseTo(2.6e-4, 5);
    expect(atLeast(5, 10, 0.03)).toBeCloseTo(5e-6, 6);
    expect(atLeast(9, 20, 0.03) / 2e-9).toBeCloseTo(1, 0);
    expect(atLeast(3, 5, 0.8)).toBeCloseTo(0.94, 2);
    expect(atLeast(5, 10, 0.8)).toBeCloseTo(0.99, 2);
    expect(atLeast(9, 20, 0.8)).toBeCloseTo(1, 3);
  });
});

describe("breaker: what trips", () => {
  test.each<[string, readonly Verdict[], BreakerState["kind"]]>([
    ["two failures in a row do not", [HARD, HARD], "closed"],
    ["three failures in a row do", [HARD, HARD, HARD], "open"],
    ["three timeouts in a row do", [{ verdict: "timeout" }, { verdict: "timeout" }, { verdict: "timeout" }], "open"],
    [
      "a success in between starts the count anew",
      [OK, OK, OK, OK, OK, OK, OK, OK, HARD, HARD, OK, HARD, HARD],
      "closed",
    ],
    ["3 of 5 do, though never three in a row", [HARD, OK, HARD, OK, HARD], "open"],
    ["2 of 5 do not", [HARD, OK, OK, OK, HARD], "closed"],
    ["ignored ends change nothing", [HARD, IGNORED, HARD, IGNORED, IGNORED], "closed"],
    ["throttling does not, however often", new Array<Verdict>(20).fill({ verdict: "throttle" }), "closed"],
    ["five timeouts on too short a slice do not", new Array<Verdict>(5).fill({ verdict: "short_timeout" }), "closed"],
    ["six of them in a row do", new Array<Verdict>(6).fill({ verdict: "short_timeout" }), "open"],
    ["one wrong pin does", [{ verdict: "config", reason: "pin_mismatch" }], "out"],
  ])("%s", (_name, verdicts, kind) => {
    expect(after(closedBreaker(T0), verdicts).state.kind).toBe(kind);
  });

  test("failures older than a minute do not count", () => {
    const breaker = after(closedBreaker(T0), [HARD, OK, HARD, OK, OK, OK]);
    expect(sumOf(breaker.ring, T0 + 5_000)).toEqual({ attempts: 6, failures: 2 });
    const later = after(breaker, [HARD, OK, OK, OK, OK], T0 + 70_000);
    expect(sumOf(later.ring, T0 + 75_000)).toEqual({ attempts: 5, failures: 1 });
    expect(later.state.kind).toBe("closed");
  });
});

describe("breaker: the way back", () => {
  test("opens for 15 s, then lets one probe through and nothing else", () => {
    expect(admissionOf(settle(tripped(), HALF_OPEN_AT - 1), HALF_OPEN_AT - 1)).toBe("ejected");
    expect(admissionOf(halfOpen(), HALF_OPEN_AT)).toBe("probe");
    expect(admissionOf(probing(), HALF_OPEN_AT)).toBe("ejected");
  });

  test.each<[string, Verdict, BreakerState["kind"]]>([
    ["a failed probe ejects again", HARD, "open"],
    ["a probe that times out ejects again", { verdict: "timeout" }, "open"],
    ["a good probe is not enough", OK, "half-open"],
    ["an ignored probe goes back", IGNORED, "half-open"],
    ["a throttled probe goes back", { verdict: "throttle" }, "half-open"],
    ["a probe that finds the wrong model puts the endpoint out", { verdict: "config", reason: "model_gone" }, "out"],
  ])("%s", (_name, verdict, kind) => {
    const breaker = probed(probing(), verdict);
    expect(breaker.state.kind).toBe(kind);
    if (kind === "half-open") expect(admissionOf(breaker, HALF_OPEN_AT + 1_000)).toBe("probe");
  });

  test("a probe of which nothing is heard goes back when it expires, blaming nobody", () => {
    expect(admissionOf(settle(probing(), HALF_OPEN_AT + 8_999), HALF_OPEN_AT + 8_999)).toBe("ejected");
    expect(admissionOf(settle(probing(), HALF_OPEN_AT + 9_000), HALF_OPEN_AT + 9_000)).toBe("probe");
  });

  test("a late failure of an attempt from before the ejection does not fail the probe", () => {
    const breaker = recordVerdict(
      probing(),
      HARD,
      { leaseId: "old", grantedAtMs: T0 },
      { nowMs: HALF_OPEN_AT + 1_000, random: middle },
    );
    expect(breaker.state).toEqual(probing().state);
  });

  test("an attempt from before the ejection that succeeds late is no evidence; one from after it is", () => {
    const at = { nowMs: T0 + 10_000, random: middle };
    expect(recordVerdict(tripped(), OK, { leaseId: "old", grantedAtMs: T0 }, at).state.kind).toBe("open");
    const breaker = recordVerdict(tripped(), OK, { leaseId: "last-resort", grantedAtMs: T0 + 5_000 }, at);
    expect(breaker.state).toMatchObject({ kind: "half-open", successes: 1 });
  });

  test("two good probes lead to slow start at 25, 50 and 100 %, 20 s each, then closed", () => {
    const breaker = slowStarting();
    const sinceMs = HALF_OPEN_AT + 1_000;
    expect(breaker.state).toEqual({ kind: "slow-start", sinceMs });
    expect(admissionOf(breaker, sinceMs)).toBe("normal");
    const shares = [0, 19_999, 20_000, 39_999, 40_000, 59_999].map((ms) => slotShare(breaker, sinceMs + ms));
    expect(shares).toEqual([0.25, 0.25, 0.5, 0.5, 1, 1]);
    expect(settle(breaker, sinceMs + 59_999).state.kind).toBe("slow-start");
    expect(settle(breaker, sinceMs + 60_000).state.kind).toBe("closed");
  });

  test("failures from before the ejection do not count in slow start", () => {
    expect(after(slowStarting(), [HARD, HARD], HALF_OPEN_AT + 2_000).state.kind).toBe("slow-start");
    expect(after(slowStarting(), [HARD, HARD, HARD], HALF_OPEN_AT + 2_000).state.kind).toBe("open");
  });
});

describe("breaker: how long it stays open", () => {
  const openMs = (ejections: number, chance: number): number => {
    const state = recordVerdict(
      { ...closedBreaker(T0), ejections: ejections - 1, consecutive: 2 },
      HARD,
      { leaseId: "l", grantedAtMs: T0 },
      { nowMs: T0, random: () => chance },
    ).state;
    return state.kind === "open" ? state.untilMs - T0 : Number.NaN;
  };

  test("doubles with each ejection up to 300 s", () => {
    expect([1, 2, 3, 4, 5, 6, 7, 20].map((k) => Math.round(openMs(k, 0.5) / 1_000))).toEqual([
      15, 30, 60, 120, 240, 300, 300, 300,
    ]);
  });

  test("is jittered by a fifth either way and never more", () => {
    expect(openMs(1, 0)).toBeCloseTo(12_000, 6);
    expect(openMs(1, 1 - 1e-12)).toBeCloseTo(18_000, 3);
    const random = seeded(11);
    const drawn = Array.from({ length: 1_000 }, () => openMs(3, random()));
    expect(Math.min(...drawn)).toBeGreaterThanOrEqual(48_000);
    expect(Math.max(...drawn)).toBeLessThanOrEqual(72_000);
    expect(Math.max(...drawn) - Math.min(...drawn)).toBeGreaterThan(20_000);
  });

  test("a healthy minute takes one ejection back", () => {
    const closed = settle(slowStarting(), HALF_OPEN_AT + 61_000);
    expect(settle({ ...closed, ejections: 3 }, closed.healthySinceMs + 59_999).ejections).toBe(3);
    expect(settle({ ...closed, ejections: 3 }, closed.healthySinceMs + 60_000).ejections).toBe(2);
    expect(settle({ ...closed, ejections: 3 }, closed.healthySinceMs + 600_000).ejections).toBe(0);
  });
});

describe("breaker: throttling", () => {
  const throttled = (retryAfterMs?: number, breaker = closedBreaker(T0)): Breaker =>
    after(breaker, [{ verdict: "throttle", ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }]);

  test("holds back for the Retry-After, capped at 120 s, and leaves the breaker alone", () => {
    expect(throttled(7_000)).toMatchObject({ state: { kind: "closed" }, notBeforeMs: T0 + 7_000, ring: [] });
    expect(throttled(3_600_000).notBeforeMs).toBe(T0 + 120_000);
  });

  test("without a Retry-After holds for a second, doubling until a success", () => {
    expect(throttled().notBeforeMs).toBe(T0 + 1_000);
    const thrice = after(closedBreaker(T0), [
      { verdict: "throttle" },
      { verdict: "throttle" },
      { verdict: "throttle" },
    ]);
    expect(thrice.notBeforeMs).toBe(T0 + 2_000 + 4_000);
    expect(throttled(undefined, after(thrice, [OK])).throttles).toBe(1);
  });
});

describe("breaker: out by configuration", () => {
  const out = (): Breaker => after(closedBreaker(T0), [{ verdict: "config", reason: "pin_mismatch" }]);

  test("is never admitted before its time, then by one probe", () => {
    expect(admissionOf(out(), T0 + 14_999)).toBe("out");
    expect(admissionOf(out(), T0 + 15_000)).toBe("probe");
    const probing = takeProbe(out(), { leaseId: "probe", expiresAtMs: T0 + 30_000 });
    expect(admissionOf(probing, T0 + 20_000)).toBe("out");
  });

  test("comes back by one good probe, into slow start", () => {
    const probing = takeProbe(out(), { leaseId: "probe", expiresAtMs: T0 + 30_000 });
    const at = { nowMs: T0 + 16_000, random: middle };
    expect(recordVerdict(probing, OK, { leaseId: "probe", grantedAtMs: T0 + 15_000 }, at).state.kind).toBe(
      "slow-start",
    );
    expect(recordVerdict(probing, OK, { leaseId: "other", grantedAtMs: T0 }, at).state.kind).toBe("out");
  });

  test("comes back at once by a good look, and waits longer after each bad one", () => {
    const at = { nowMs: T0 + 1_000, random: middle };
    expect(recordLook(out(), { ok: true }, at).state.kind).toBe("slow-start");
    const looked = recordLook(out(), { ok: false, reason: "pin_mismatch" }, at);
    expect(looked.state).toMatchObject({ kind: "out", sinceMs: T0, tries: 2, lookAtMs: T0 + 31_000 });
  });

  test("a bad look puts a healthy endpoint out, a good one changes nothing", () => {
    const at = { nowMs: T0, random: middle };
    expect(recordLook(closedBreaker(T0), { ok: false, reason: "model_gone" }, at).state.kind).toBe("out");
    expect(recordLook(closedBreaker(T0), { ok: true }, at)).toEqual(closedBreaker(T0));
  });

  test("a used-up quota stays out as long as the provider says", () => {
    const breaker = after(closedBreaker(T0), [
      { verdict: "config", reason: "quota_exhausted", retryAfterMs: 7_200_000 },
    ]);
    expect(breaker.state).toMatchObject({ kind: "out", lookAtMs: T0 + 7_200_000 });
  });
});

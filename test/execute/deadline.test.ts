import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type LegTimes, legWindow, MIN_ATTEMPT_MS } from "../../routing/execute/deadline.ts";

const leg = (minMs: number, capMs = 60_000): LegTimes => ({ minMs, capMs });
const base = { nowMs: 0, tailMs: 0, overlap: false, later: [] as readonly LegTimes[] };

describe("the window of a leg", () => {
  it.each([
    ["all that is left, for the last leg", { leg: leg(1_000, 2_000), answerByMs: 7_700 }, 7_700],
    ["what later legs can spare", { leg: leg(1_000), later: [leg(2_000), leg(500)], answerByMs: 7_700 }, 5_200],
    ["its cap", { leg: leg(1_000, 3_000), later: [leg(2_000)], answerByMs: 7_700 }, 3_000],
    [
      "its minimum at least, when it and one later leg fit",
      { leg: leg(3_000), later: [leg(3_000), leg(1_000), leg(3_000)], answerByMs: 7_700 },
      3_700,
    ],
    ["what a stale picture at the end does not need", { leg: leg(1_000), answerByMs: 7_700, tailMs: 50 }, 7_650],
    ["all of it when it is the best chance left", { leg: leg(3_000), later: [leg(5_000)], answerByMs: 2_000 }, 2_000],
    [
      "its chance although its cap is below its minimum",
      { leg: leg(3_000, 1_000), later: [leg(2_000)], answerByMs: 7_700 },
      1_000,
    ],
  ])("is %s", (_what, ask, endsAtMs) => {
    expect(legWindow({ ...base, ...ask })).toMatchObject({ endsAtMs });
  });

  it.each([
    ["too little is left for anything", { leg: leg(10), answerByMs: MIN_ATTEMPT_MS - 1 }],
    ["a later leg fits and this one does not", { leg: leg(4_000), later: [leg(500)], answerByMs: 2_000 }],
    ["it would leave no room for the one that fits", { leg: leg(1_800), later: [leg(500)], answerByMs: 2_000 }],
    ["none fits, but a later one is shorter", { leg: leg(4_000), later: [leg(3_000)], answerByMs: 2_000 }],
  ])("is none when %s", (_what, ask) => {
    expect(legWindow({ ...base, ...ask })).toBeUndefined();
  });

  it("lets a leg run beside the next one where the policy overlaps them", () => {
    const ask = { ...base, leg: leg(1_000), later: [leg(2_000)], answerByMs: 7_700 };
    const measured = { ...ask, leg: { ...ask.leg, attemptMs: 3_000 } };
    expect(legWindow({ ...measured, overlap: true })).toEqual({ endsAtMs: 7_700, nextLegAtMs: 5_700 });
    expect(legWindow({ ...ask, overlap: false })).toEqual({ endsAtMs: 5_700, nextLegAtMs: 5_700 });
  });

  it("starts the next one at half time where times are guessed, but not before the leg had its minimum", () => {
    const ask = { ...base, leg: leg(1_000), later: [leg(2_000)], answerByMs: 7_700, overlap: true };
    expect(legWindow(ask)).toEqual({ endsAtMs: 7_700, nextLegAtMs: 3_850 });
    expect(legWindow({ ...ask, leg: leg(5_000) })?.nextLegAtMs).toBe(5_000);
    expect(legWindow({ ...ask, later: [leg(6_000)] })?.nextLegAtMs).toBe(1_700);
  });

  it("begins a leg that overlapping alone makes possible", () => {
    const ask = { ...base, leg: leg(1_800), later: [leg(500)], answerByMs: 2_000, overlap: true };
    expect(legWindow(ask)).toEqual({ endsAtMs: 2_000, nextLegAtMs: 1_500 });
  });

  it("never passes the deadline, and leaves the next leg its minimum whenever it begins with its own", () => {
    const times = fc.record({ minMs: fc.integer({ min: 1, max: 9_000 }), capMs: fc.integer({ min: 1, max: 12_000 }) });
    fc.assert(
      fc.property(
        times,
        fc.array(times, { maxLength: 4 }),
        fc.integer({ min: 0, max: 12_000 }),
        fc.boolean(),
        (first, later, answerByMs, overlap) => {
          const window = legWindow({ ...base, leg: first, later, answerByMs, overlap });
          if (window === undefined) return;
          expect(window.endsAtMs).toBeLessThanOrEqual(answerByMs);
          expect(window.nextLegAtMs).toBeLessThanOrEqual(answerByMs);
          const lastChance = later.every((other) => Math.min(other.minMs, other.capMs) > answerByMs);
          if (later.length === 0 || lastChance) return;
          const leastLater = Math.min(
            ...later.map((other) => Math.max(MIN_ATTEMPT_MS, Math.min(other.minMs, other.capMs))),
          );
          expect(answerByMs - window.nextLegAtMs).toBeGreaterThanOrEqual(leastLater);
        },
      ),
      { seed: 1, numRuns: 2_000 },
    );
  });
});

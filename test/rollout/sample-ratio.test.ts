import { describe, expect, it } from "vitest";
import { assign, unitKey } from "../../routing/rollout/assign.ts";
import {
  createSampleRatio,
  isSampleRatioOff,
  recordSampledUnit,
  type SampleRatio,
  sampleRatioBar,
  startSampleRatioEpoch,
} from "../../routing/rollout/sample-ratio.ts";
import { seeded } from "./world.ts";

const ALPHA = 0.001;
const PLAN = { share: 0.3, strength: 100 };

/** Units until the alarm where the canary's true share is `share`. */
function unitsToAlarm(check: SampleRatio, share: number, seed: number, most: number): number | undefined {
  const random = seeded(seed);
  for (let units = 1; units <= most; units++) {
    recordSampledUnit(check, { ...PLAN, arm: random() < share ? "canary" : "baseline" });
    if (isSampleRatioOff(check, ALPHA)) return units;
  }
  return undefined;
}

const median = (values: readonly (number | undefined)[]) =>
  values.map((value) => value ?? Number.POSITIVE_INFINITY).sort((one, other) => one - other)[values.length >> 1]!;

describe("the sample-ratio check", () => {
  it("stays silent while the split is as planned, looked at after every unit", () => {
    const runs = 400;
    const alarms = Array.from({ length: runs }, (_, run) => unitsToAlarm(createSampleRatio(), 0.3, run, 3_000));
    expect(alarms.filter(Boolean).length / runs).toBeLessThanOrEqual(
      ALPHA + 3 * Math.sqrt((ALPHA * (1 - ALPHA)) / runs),
    );
  });

  it.each([
    [0.4, 500],
    [0.35, 1_600],
    [0.33, 4_000],
  ])("finds a true share of %d within about %d units", (share, reference) => {
    const units = Array.from({ length: 41 }, (_, run) => unitsToAlarm(createSampleRatio(), share, run, 20_000));
    // The first epoch spends half of α, and a median of 41 runs is rough.
    expect(median(units)).toBeLessThan(reference * 1.3);
  });

  it("equals the Bayes factor written with gamma functions", () => {
    const check = createSampleRatio();
    const counts = { canary: 7, baseline: 5 };
    for (let at = 0; at < 12; at++) recordSampledUnit(check, { ...PLAN, arm: at < 7 ? "canary" : "baseline" });
    const rising = (from: number, times: number) =>
      Array.from({ length: times }, (_, at) => Math.log(from + at)).reduce((sum, log) => sum + log, 0);
    const expected =
      rising(30, counts.canary) + rising(70, counts.baseline) - rising(100, 12) - 7 * Math.log(0.3) - 5 * Math.log(0.7);
    expect(check.logBayes).toBeCloseTo(expected, 9);
  });

  it("finds a broken salt: edges that disagree about it", () => {
    const check = createSampleRatio();
    let at = 0;
    while (!isSampleRatioOff(check, ALPHA) && at < 5_000) {
      const unit = `user-${at++}`;
      // Every fifth edge still has the former salt and asks twice: what either calls canary is served as canary.
      const arms = ["current", "former"].map((salt) => assign({ experiment: "x", salt, unit, share: PLAN.share }).arm);
      const arm = at % 5 === 0 && arms.includes("canary") ? "canary" : arms[0]!;
      recordSampledUnit(check, { ...PLAN, arm, unit: unitKey("x", unit) });
    }
    expect(at).toBeLessThan(5_000);
  });

  it("counts a sticky unit once", () => {
    const check = createSampleRatio();
    for (let at = 0; at < 500; at++) recordSampledUnit(check, { ...PLAN, arm: "canary", unit: 77 });
    expect(check.counts).toEqual({ baseline: 0, canary: 1 });
    expect(isSampleRatioOff(check, ALPHA)).toBe(false);
  });

  it("begins anew when its memory of units is half full, with a stricter bar", () => {
    const check = createSampleRatio();
    const before = sampleRatioBar(check, ALPHA);
    for (let unit = 0; unit < 17_000; unit++)
      recordSampledUnit(check, { ...PLAN, arm: unit % 10 < 3 ? "canary" : "baseline", unit });
    expect(check.epoch).toBe(2);
    expect(check.counts.baseline + check.counts.canary).toBe(17_000 - 16_384);
    expect(sampleRatioBar(check, ALPHA)).toBeGreaterThan(before);
  });

  it("spends no more than α over all epochs", () => {
    const check = createSampleRatio();
    let spent = 0;
    for (let epoch = 0; epoch < 1_000; epoch++) {
      spent += Math.exp(-sampleRatioBar(check, ALPHA));
      startSampleRatioEpoch(check);
    }
    expect(spent).toBeLessThanOrEqual(ALPHA);
  });

  it("has nothing to check at a share of 0 or 1", () => {
    const check = createSampleRatio();
    recordSampledUnit(check, { strength: 100, share: 1, arm: "canary" });
    recordSampledUnit(check, { strength: 100, share: 0, arm: "baseline" });
    expect(check.counts).toEqual({ baseline: 0, canary: 0 });
  });
});

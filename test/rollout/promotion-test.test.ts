import { describe, expect, it } from "vitest";
import { createPromotionTest, promotionLogE, recordPromotionBlock } from "../../routing/rollout/promotion-test.ts";
import { seeded } from "./world.ts";

const SHARE = 0.3;
const AGAINST = { margin: 1.5, negligibleRate: 0.002 };
const BAR = Math.log(20);

/** Bad events until promotion where the true ratio is `ratio`; `undefined` if `most` did not do. Base rate 5 %. */
function eventsToPromotion(ratio: number, seed: number, most: number): number | undefined {
  const random = seeded(seed);
  const test = createPromotionTest();
  const chance = (SHARE * ratio) / (SHARE * ratio + 1 - SHARE);
  for (let events = 1; events <= most; events++) {
    const canary = random() < chance ? 1 : 0;
    const block = { canaryBad: canary, baselineBad: 1 - canary, share: SHARE, canaryTrials: 6 };
    recordPromotionBlock(test, block, AGAINST);
    if (promotionLogE(test) >= BAR) return events;
  }
  return undefined;
}

describe("the promotion test", () => {
  it("promotes at the margin in at most 5 % of runs, looked at after every event", () => {
    const runs = 600;
    const promoted = Array.from({ length: runs }, (_, run) => eventsToPromotion(1.5, run, 500)).filter(Boolean).length;
    expect(promoted / runs).toBeLessThanOrEqual(0.05 + 3 * Math.sqrt((0.05 * 0.95) / runs));
    expect(promoted).toBeGreaterThan(0);
  });

  it("never promotes a candidate that is clearly worse than the margin", () => {
    const promoted = Array.from({ length: 100 }, (_, run) => eventsToPromotion(3, run, 500)).filter(Boolean).length;
    expect(promoted).toBeLessThanOrEqual(3);
  });

  it("promotes an equal candidate about as soon as the reference (median 126, p90 401)", () => {
    const events = Array.from({ length: 301 }, (_, run) => eventsToPromotion(1, run, 5_000) ?? 1e9).sort(
      (a, b) => a - b,
    );
    expect(events[150]).toBeLessThan(126 * 1.3);
    expect(events[270]).toBeLessThan(401 * 1.3);
  });

  it("promotes by the canary's own rate where nothing ever goes bad in either arm", () => {
    const test = createPromotionTest();
    const quiet = { canaryBad: 0, baselineBad: 0, share: SHARE, canaryTrials: 100 };
    for (let requests = 0; requests < 2_000; requests += 100) recordPromotionBlock(test, quiet, AGAINST);
    expect(promotionLogE(test)).toBeLessThan(BAR);
    for (let requests = 0; requests < 1_000; requests += 100) recordPromotionBlock(test, quiet, AGAINST);
    expect(promotionLogE(test)).toBeGreaterThan(BAR);
  });

  it("promotes a canary with a negligible rate in at most 5 % of runs where the rate is at the limit", () => {
    const runs = 400;
    let promoted = 0;
    for (let run = 0; run < runs; run++) {
      const random = seeded(run);
      const test = createPromotionTest();
      for (let block = 0; block < 200; block++) {
        let canaryBad = 0;
        for (let request = 0; request < 30; request++) if (random() < AGAINST.negligibleRate) canaryBad += 1;
        // The ratio's null holds too: the canary has all the bad events there are.
        recordPromotionBlock(test, { canaryBad, baselineBad: 0, share: SHARE, canaryTrials: 30 }, AGAINST);
        if (promotionLogE(test) >= BAR) {
          promoted += 1;
          break;
        }
      }
    }
    expect(promoted / runs).toBeLessThanOrEqual(0.05 + 3 * Math.sqrt((0.05 * 0.95) / runs));
  });
});

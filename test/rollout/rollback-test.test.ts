import { describe, expect, it } from "vitest";
import { blockLogRatio, logMeanExp, logWeightedSumExp, toEValue } from "../../routing/rollout/likelihood.ts";
import {
  createRollbackTest,
  MAX_ROLLBACK_STARTS,
  ROLLBACK_RATIOS,
  type RollbackTest,
  recordRollbackBlock,
  rollbackLogE,
  startRollbackProcess,
} from "../../routing/rollout/rollback-test.ts";
import { seeded } from "./world.ts";

const SHARE = 0.3;
const event = (canary: boolean, share = SHARE) => ({ canaryBad: canary ? 1 : 0, baselineBad: canary ? 0 : 1, share });

/** Records events until the bar or `most`; how many it took, `undefined` if it did not. */
function eventsToAlarm(
  test: RollbackTest,
  chance: number,
  alpha: number,
  seed: number,
  most = 3_000,
): number | undefined {
  const random = seeded(seed);
  for (let events = 1; events <= most; events++) {
    recordRollbackBlock(test, event(random() < chance));
    if (rollbackLogE(test) >= Math.log(1 / alpha)) return events;
  }
  return undefined;
}

const chanceAt = (ratio: number, share = SHARE) => (share * ratio) / (share * ratio + 1 - share);

const median = (values: readonly number[]) => [...values].sort((one, other) => one - other)[values.length >> 1]!;

describe("blockLogRatio", () => {
  it("is the log-likelihood ratio of independent bad events", () => {
    const theta = chanceAt(2);
    const expected = 3 * Math.log(theta / SHARE) + 5 * Math.log((1 - theta) / (1 - SHARE));
    expect(blockLogRatio({ canaryBad: 3, baselineBad: 5, share: SHARE }, 2, 1)).toBeCloseTo(expected, 12);
  });

  it("says nothing where only one arm was at risk", () => {
    expect(blockLogRatio({ canaryBad: 4, baselineBad: 0, share: 1 }, 3, 1)).toBeCloseTo(0, 12);
    expect(blockLogRatio({ canaryBad: 0, baselineBad: 4, share: 0 }, 3, 1)).toBeCloseTo(0, 12);
  });

  it.each([1.25, 3, 10])("has an expected e-value of 1 under the null for ratio %d", (ratio) => {
    for (const share of [0.01, 0.3, 0.9]) {
      const up = Math.exp(blockLogRatio(event(true, share), ratio, 1));
      const down = Math.exp(blockLogRatio(event(false, share), ratio, 1));
      expect(share * up + (1 - share) * down).toBeCloseTo(1, 12);
    }
  });

  it("expects at most 1 where the bad events of a block are drawn without replacement", () => {
    // 30 requests, 9 of the canary, 5 bad ones: the hypergeometric draw of exchangeable requests.
    const choose = (n: number, k: number): number => (k === 0 ? 1 : (choose(n - 1, k - 1) * n) / k);
    for (const ratio of ROLLBACK_RATIOS) {
      let expected = 0;
      for (let bad = 0; bad <= 5; bad++) {
        const chance = (choose(9, bad) * choose(21, 5 - bad)) / choose(30, 5);
        expected += chance * Math.exp(blockLogRatio({ canaryBad: bad, baselineBad: 5 - bad, share: 0.3 }, ratio, 1));
      }
      expect(expected).toBeLessThanOrEqual(1);
      expect(expected).toBeGreaterThan(0.3);
    }
  });
});

describe("log sums", () => {
  it("neither overflow nor underflow", () => {
    expect(logMeanExp([1000, 1000])).toBeCloseTo(1000, 9);
    expect(logMeanExp([-1000, -1000])).toBeCloseTo(-1000, 9);
    expect(
      logWeightedSumExp([
        { log: 0, weight: 0.25 },
        { log: Math.log(2), weight: 0.5 },
      ]),
    ).toBeCloseTo(Math.log(1.25), 12);
    expect(toEValue(1_000)).toBe(1e12);
  });
});

describe("the rollback test", () => {
  it("starts from no evidence", () => {
    expect(rollbackLogE(createRollbackTest())).toBeCloseTo(0, 12);
  });

  it("raises a false alarm in at most α of A/A runs, looked at after every event", () => {
    const runs = 1_000;
    const highest = Array.from({ length: runs }, (_, run) => {
      const random = seeded(run);
      const test = createRollbackTest();
      let top = 0;
      for (let events = 0; events < 400; events++) {
        recordRollbackBlock(test, event(random() < SHARE));
        top = Math.max(top, rollbackLogE(test));
      }
      return top;
    });
    for (const alpha of [0.05, 0.01]) {
      const alarms = highest.filter((top) => top >= Math.log(1 / alpha)).length;
      expect(alarms / runs).toBeLessThanOrEqual(alpha + 3 * Math.sqrt((alpha * (1 - alpha)) / runs));
    }
    expect(Math.max(...highest)).toBeGreaterThan(Math.log(5));
  });

  it.each([
    [5, 17, 24],
    [3, 32, 52],
    [2, 85, 140],
  ])(
    "finds a rate ratio of %d about as soon as the reference (α .01 median %d, α .05 p90 %d)",
    (ratio, median01, p90At05) => {
      const runs = 201;
      const at = (alpha: number) =>
        Array.from(
          { length: runs },
          (_, run) => eventsToAlarm(createRollbackTest(), chanceAt(ratio), alpha, run) ?? 1e9,
        );
      expect(median(at(0.01))).toBeLessThanOrEqual(median01 * 1.2);
      const sorted = at(0.05).sort((one, other) => one - other);
      expect(sorted[Math.floor(0.9 * runs)]!).toBeLessThanOrEqual(p90At05 * 1.25);
    },
  );

  it("stays an e-process while the share changes with the ramp", () => {
    const runs = 400;
    let alarms = 0;
    for (let run = 0; run < runs; run++) {
      const random = seeded(run);
      const test = createRollbackTest();
      let alarmed = false;
      for (const share of [0.01, 0.05, 0.15, 0.3]) {
        for (let events = 0; events < 100; events++) {
          recordRollbackBlock(test, event(random() < share, share));
          alarmed ||= rollbackLogE(test) >= Math.log(100);
        }
        startRollbackProcess(test);
      }
      if (alarmed) alarms += 1;
    }
    expect(alarms / runs).toBeLessThanOrEqual(0.01 + 3 * Math.sqrt((0.01 * 0.99) / runs));
  });

  it("finds a candidate that turns bad after a long good time, thanks to fresh processes", () => {
    const events = (restart: boolean) =>
      Array.from({ length: 31 }, (_, run) => {
        const test = createRollbackTest();
        const random = seeded(run + 100);
        for (let past = 0; past < 1_500; past++) recordRollbackBlock(test, event(random() < SHARE));
        if (restart) startRollbackProcess(test);
        return eventsToAlarm(test, chanceAt(3), 0.01, run) ?? 1e9;
      });
    expect(median(events(true))).toBeLessThan(80);
    expect(median(events(false))).toBeGreaterThan(2 * median(events(true)));
  });

  it("keeps a bounded number of processes, whose weights never exceed 1", () => {
    const test = createRollbackTest();
    for (let start = 0; start < 200; start++) startRollbackProcess(test);
    expect(test.logs).toHaveLength(MAX_ROLLBACK_STARTS);
    expect(rollbackLogE(test)).toBeCloseTo(0, 9);
  });
});

import { describe, expect, test } from "vitest";
import { slowOnes } from "../../routing/scheduler/outlier.ts";
import { completionMs, learnBias, NOTHING_SMOOTHED, residualMs, waitMs } from "../../routing/scheduler/predict.ts";

describe("predicted wait", () => {
  test("is nothing while a slot is free", () => {
    expect(waitMs({ freeInMs: [0, 700], serviceMs: 1_000 }, 0)).toBe(0);
  });

  test("is the rest of the job that makes room, plus whole rounds of those ahead", () => {
    const lane = { freeInMs: [300, 700], serviceMs: 1_000 };
    expect([0, 1, 2, 3, 4, 5].map((ahead) => waitMs(lane, ahead))).toEqual([300, 700, 1_300, 1_700, 2_300, 2_700]);
  });

  test("matches a simulated queue of equal jobs", () => {
    const freeAt = [400, 100, 900];
    const lane = { freeInMs: [...freeAt].sort((a, b) => a - b), serviceMs: 1_000 };
    for (let ahead = 0; ahead < 12; ahead += 1) {
      freeAt.sort((a, b) => a - b);
      expect(waitMs(lane, ahead)).toBe(freeAt[0]);
      freeAt[0] = freeAt[0]! + 1_000;
    }
  });

  test("adds up to a completion with round trip, cold start and learned bias", () => {
    expect(completionMs(300, 1_000, { rttMs: 40, coldMs: 5_000, biasMs: -100 })).toBe(300 + 900 + 40 + 5_000);
  });
});

describe("residual", () => {
  const service = { q50Ms: 1_000, q95Ms: 1_400 };

  test("is what is missing to the median, then shrinks towards the p95", () => {
    expect(residualMs(0, service)).toBe(1_000);
    expect(residualMs(900, service)).toBe(100);
    expect(residualMs(1_000, service)).toBe(200);
    expect(residualMs(1_390, service)).toBe(5);
  });

  test("of what is overdue is half a service time, then as long again as it is overdue", () => {
    expect(residualMs(1_400, service)).toBe(500);
    expect(residualMs(11_400, service)).toBe(10_000);
  });
});

describe("bias", () => {
  test("settles at the steady error, and a straggler counts at most as one prediction", () => {
    let bias = NOTHING_SMOOTHED;
    for (let step = 0; step < 100; step += 1) bias = learnBias(bias, 1_300, 1_000);
    expect(bias.value).toBeCloseTo(300, 6);
    expect(learnBias(bias, 60_000, 1_000).value).toBeCloseTo(300 + 0.1 * 700, 6);
  });
});

describe("slow endpoints", () => {
  const speed = (endpoint: string, q50Ms: number, samples = 8) => ({ endpoint, q50Ms, samples });

  test("are those beyond 2.5 times the median of their siblings", () => {
    expect([...slowOnes([speed("a", 1_000), speed("b", 1_100), speed("c", 2_700)])]).toEqual(["c"]);
    expect([...slowOnes([speed("a", 1_000), speed("b", 1_100), speed("c", 2_600)])]).toEqual([]);
  });

  test("need eight samples, and a sibling to be compared with", () => {
    expect([...slowOnes([speed("a", 1_000), speed("b", 9_000, 7)])]).toEqual([]);
    expect([...slowOnes([speed("a", 1_000, 7), speed("b", 9_000)])]).toEqual([]);
    expect([...slowOnes([speed("b", 9_000)])]).toEqual([]);
  });
});

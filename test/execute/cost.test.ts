import { describe, expect, it } from "vitest";
import type { Price } from "../../routing/config/snapshot.ts";
import { attemptCostUsd, DEAR_PICTURE_USD, listPriceUsd } from "../../routing/execute/cost.ts";
import type { AttemptFailure } from "../../routing/failure/index.ts";
import { aModel, anEndpoint } from "../support/snapshot.ts";

const MEGAPIXEL = 1_000_000;
const model = (price: Price) => aModel({ id: "m", price, expected: { p50Ms: 2_000, p95Ms: 3_000 } });
const endpoint = anEndpoint({ id: "e" });
const cancelled: AttemptFailure = { reason: "cancelled", cause: "lost_race" };

interface Bill {
  readonly price: Price;
  readonly failure?: AttemptFailure;
  readonly workedMs?: number;
  readonly serviceMs?: number;
  readonly costUsd?: number;
  readonly honoursCancel?: boolean;
}

function cost({ price, failure, workedMs, serviceMs, costUsd, honoursCancel = true }: Bill): number {
  return attemptCostUsd({
    model: model(price),
    endpoint: { ...endpoint, honoursCancel },
    pixels: 2 * MEGAPIXEL,
    failure,
    workedMs,
    reported: { ...(serviceMs === undefined ? {} : { serviceMs }), ...(costUsd === undefined ? {} : { costUsd }) },
  });
}

describe("the cost of an attempt", () => {
  const bills: readonly (readonly [string, Bill, number])[] = [
    ["is what the upstream reports", { price: { perImageUsd: 1 }, costUsd: 0.3, workedMs: 10 }, 0.3],
    ["adds the parts of the list price", { price: { perImageUsd: 0.01, perMegapixelUsd: 0.02 }, workedMs: 10 }, 0.05],
    [
      "takes the GPU's own word for its time",
      { price: { perGpuSecondUsd: 0.1 }, workedMs: 9_000, serviceMs: 3_000 },
      0.3,
    ],
    ["takes the wall's time where the GPU says nothing", { price: { perGpuSecondUsd: 0.1 }, workedMs: 4_000 }, 0.4],
    ["is nothing without a call", { price: { perImageUsd: 1 }, failure: cancelled }, 0],
    [
      "is nothing when the work was surely not taken on",
      { price: { perImageUsd: 1 }, failure: { reason: "connect_failed" }, workedMs: 3 },
      0,
    ],
    [
      "is all of it when a broken answer may be billed",
      { price: { perImageUsd: 1 }, failure: { reason: "upstream_error", status: 500 }, workedMs: 3 },
      1,
    ],
    ["is the part done when cut off", { price: { perImageUsd: 1 }, failure: cancelled, workedMs: 500 }, 0.25],
    [
      "is never more than one picture when cut off late",
      { price: { perImageUsd: 1 }, failure: cancelled, workedMs: 50_000 },
      1,
    ],
    [
      "is all of it where hanging up stops nothing",
      { price: { perImageUsd: 1, perGpuSecondUsd: 0.1 }, failure: cancelled, workedMs: 500, honoursCancel: false },
      1.2,
    ],
  ];
  it.each(bills)("%s", (_what, bill, usd) => {
    expect(cost(bill)).toBeCloseTo(usd);
  });

  it("tells dear models from interactive ones by the providers' prices", () => {
    const perPicture = (price: Price): number => listPriceUsd(model(price), MEGAPIXEL);
    expect(perPicture({ perMillionOutputTokensUsd: 120 })).toBeGreaterThan(DEAR_PICTURE_USD);
    expect(perPicture({ perMillionOutputTokensUsd: 30 })).toBeLessThan(DEAR_PICTURE_USD);
    expect(perPicture({ perImageUsd: 0.025 })).toBeLessThan(DEAR_PICTURE_USD);
  });
});

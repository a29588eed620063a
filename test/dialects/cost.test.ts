import { expect, it } from "vitest";
import { costOf } from "../../routing/dialects/cost.ts";
import { aModel } from "../support/snapshot-parts.ts";

const square = { width: 1000, height: 1000 };

it.each([
  ["a picture", { perImageUsd: 0.04 }, {}, 0.04],
  ["its megapixels", { perMegapixelUsd: 0.01 }, {}, 0.01],
  ["GPU time", { perGpuSecondUsd: 0.001 }, { gpuMs: 2_500 }, 0.0025],
  [
    "tokens",
    { perMillionInputTokensUsd: 2, perMillionOutputTokensUsd: 120 },
    { inputTokens: 100, outputTokens: 1_120 },
    0.1346,
  ],
  ["all together", { perImageUsd: 0.01, perGpuSecondUsd: 0.001 }, { gpuMs: 1_000 }, 0.011],
  ["nothing where no price is given", {}, { gpuMs: 1_000 }, 0],
])("charges %s", (_what, price, usage, usd) => {
  expect(costOf(aModel({ id: "m", price }), square, usage)).toBeCloseTo(usd, 8);
});

it.each([
  ["GPU time", { perImageUsd: 0.01, perGpuSecondUsd: 0.001 }, {}],
  ["output tokens", { perMillionInputTokensUsd: 2, perMillionOutputTokensUsd: 120 }, { inputTokens: 5 }],
])("does not guess unmeasured %s", (_what, price, usage) => {
  expect(costOf(aModel({ id: "m", price }), square, usage)).toBeUndefined();
});

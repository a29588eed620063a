/**
 * What a picture costs, in USD, by the model's price and what the upstream reported.
 *
 * The parts of a price add up. A part that needs a measurement which nobody made leaves the cost unknown; guessing is execute's matter.
 */
import type { Model } from "../config/snapshot.ts";
import type { Size } from "../image/size.ts";

/** What the upstream used up, as it says. */
export interface Usage {
  readonly inputTokens?: number;
  readonly outputTokens?: number;
  /** Time on the GPU, ms. */
  readonly gpuMs?: number;
}

/** USD; `undefined` when a part of the price cannot be computed. `size` is that of the picture, px. */
export function costOf(model: Model, size: Size, usage: Usage = {}): number | undefined {
  const { price } = model;
  const parts = [
    part(price.perImageUsd, 1),
    part(price.perMegapixelUsd, (size.width * size.height) / 1e6),
    part(price.perGpuSecondUsd, usage.gpuMs === undefined ? undefined : usage.gpuMs / 1000),
    part(price.perMillionInputTokensUsd, usage.inputTokens === undefined ? undefined : usage.inputTokens / 1e6),
    part(price.perMillionOutputTokensUsd, usage.outputTokens === undefined ? undefined : usage.outputTokens / 1e6),
  ];
  let sum = 0;
  for (const usd of parts) {
    if (usd === undefined) return undefined;
    sum += usd;
  }
  return sum;
}

/** A part without a price costs nothing, whether it was measured or not. */
function part(unitUsd: number | undefined, units: number | undefined): number | undefined {
  if (unitUsd === undefined) return 0;
  return units === undefined ? undefined : unitUsd * units;
}

/**
 * What attempts cost, and which of them are too dear to be repeated blindly.
 *
 * An attempt costs what the upstream reports by usage; else the list price, where work that was cut off costs the part done if the
 * endpoint stops working when we hang up, and all of it if not. Estimates err towards dear.
 */
import type { Endpoint, Model } from "../config/snapshot.ts";
import type { Reported } from "../dialects/dialect.ts";
import { type AttemptFailure, traitsOf } from "../failure/index.ts";

/**
 * From this price a picture is dear, USD: an attempt that may have been billed is then not followed by another dear one, unless the
 * policy accepts a second bill. Interactive models cost 0.001–0.07, print models 0.13–0.24 (facts: providers, prices).
 */
export const DEAR_PICTURE_USD = 0.1;

/** Output tokens of one picture, upper end of what token-priced models bill (facts: providers §1.1: 1,120–2,000). */
const TOKENS_PER_PICTURE = 2_000;

/** List price of a whole picture, USD. */
export function listPriceUsd(model: Model, pixels: number): number {
  const { price } = model;
  return (
    (price.perImageUsd ?? 0) +
    ((price.perMegapixelUsd ?? 0) * pixels) / 1e6 +
    ((price.perGpuSecondUsd ?? 0) * model.expected.p50Ms) / 1_000 +
    ((price.perMillionOutputTokensUsd ?? 0) * TOKENS_PER_PICTURE) / 1e6
  );
}

export interface AttemptBill {
  readonly model: Model;
  readonly endpoint: Endpoint;
  readonly pixels: number;
  /** How it failed; `undefined` when it made a picture. */
  readonly failure: AttemptFailure | undefined;
  readonly reported: Reported | undefined;
  /** From the first call to the end, ms; `undefined` when no call was made. */
  readonly workedMs: number | undefined;
}

/** Cost of one attempt, USD. */
export function attemptCostUsd(bill: AttemptBill): number {
  const { model, failure, reported, workedMs } = bill;
  if (reported?.costUsd !== undefined) return reported.costUsd;
  if (workedMs === undefined || (failure !== undefined && !traitsOf(failure).maybeBilled)) return 0;

  const isCut = failure !== undefined && (failure.reason === "cancelled" || failure.reason === "timed_out");
  const expectedMs = model.expected.p50Ms;
  const stopsWork = isCut && bill.endpoint.honoursCancel;
  const shareDone = stopsWork ? Math.min(1, workedMs / Math.max(1, expectedMs)) : 1;
  const gpuMs = reported?.serviceMs ?? (isCut && !stopsWork ? Math.max(workedMs, expectedMs) : workedMs);
  const perGpuSecondUsd = model.price.perGpuSecondUsd ?? 0;
  const byPicture = listPriceUsd(model, bill.pixels) - (perGpuSecondUsd * expectedMs) / 1_000;
  return byPicture * shareDone + (perGpuSecondUsd * gpuMs) / 1_000;
}

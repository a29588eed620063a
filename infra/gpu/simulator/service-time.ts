/** How long one picture takes on a simulated GPU. Pure: chance is passed in. */
import { between, type Chance, normal } from "./chance.ts";
import type { Timing } from "./families.ts";

/** What is drawn: decides how long it takes. */
export interface ServiceLoad {
  readonly steps: number;
  readonly pixels: number;
  /** Pictures drawn by one request, one after the other. */
  readonly pictures: number;
}

/** A share of jobs that take much longer than they should. */
export interface Stragglers {
  /** 0…1; real fleets show 0.005–0.01. */
  readonly share: number;
  readonly extraMs: readonly [low: number, high: number];
}

/** Service time without any spread, ms. */
export function meanServiceMs(timing: Timing, load: ServiceLoad): number {
  const megapixels = load.pixels / 1_000_000;
  const stepMs = timing.stepMs + timing.stepMsPerMegapixel * megapixels;
  return timing.overheadMs + load.pictures * (load.steps * stepMs + timing.decodeMsPerMegapixel * megapixels);
}

/** One service time, ms: the mean with a normal spread (cut at ±3 deviations), and now and then a straggler. */
export function drawServiceMs(
  timing: Timing,
  load: ServiceLoad,
  context: { readonly chance: Chance; readonly stragglers?: Stragglers; readonly factor?: number },
): number {
  const deviation = Math.max(-3, Math.min(3, normal(context.chance)));
  const usualMs = meanServiceMs(timing, load) * Math.max(0.1, 1 + timing.spread * deviation);
  const strays = context.stragglers && context.chance() < context.stragglers.share;
  const extraMs = strays ? between(context.chance, ...context.stragglers.extraMs) : 0;
  return usualMs * (context.factor ?? 1) + extraMs;
}

/**
 * Service times and attempt times by (endpoint, shape) and by (model, shape), and the quantiles that may be quoted from them.
 *
 * Each quantile comes from the first place that has enough samples for it: the endpoint, all endpoints of the model, the catalogue.
 * Service is what the GPU takes; elapsed is the whole attempt as the router saw it, stragglers and losers included.
 * Bounded: the classes that were fed longest ago are forgotten.
 */
import type { EndpointId, ModelId } from "../config/snapshot.ts";
import { type Shape, shapeKey } from "./size-class.ts";
import { meanExcess, quantileOf } from "./sketch.ts";
import {
  emptyWindowedSketch,
  fromStoredWindow,
  memoryWith,
  quotedQuantile,
  quotedSpread,
  recordValue,
  rollForward,
  type StoredWindowedSketch,
  toStoredWindow,
  type WindowedSketch,
} from "./windowed-sketch.ts";

/** Most classes remembered in each of the books. */
export const MAX_CLASSES = 192;

export interface LatencyBook {
  /** `endpoint shape` → service times. */
  readonly endpoints: Map<string, WindowedSketch>;
  /** `model shape` → service times of all its endpoints. */
  readonly models: Map<string, WindowedSketch>;
  /** `model shape` → whole attempts of all its endpoints: the tail that a hedge may cut. */
  readonly attempts: Map<string, WindowedSketch>;
  /** `model shape` → those of the attempts that we cut off before they came to an end. */
  readonly cut: Map<string, WindowedSketch>;
}

type StoredPart = readonly (readonly [string, StoredWindowedSketch])[];

/** `cut` is absent in what was stored before it was kept. */
export type StoredLatencyBook = Readonly<Record<Exclude<keyof LatencyBook, "cut">, StoredPart> & { cut?: StoredPart }>;

/** What the catalogue expects before anything was measured. */
export interface Expected {
  readonly p50Ms: number;
  readonly p95Ms: number;
}

/** Service time quantiles of one endpoint and shape, ms, not falling with q. */
export interface Estimate {
  readonly q50Ms: number;
  readonly q75Ms: number;
  readonly q90Ms: number;
  readonly q95Ms: number;
  /** Where the median comes from. */
  readonly source: "endpoint" | "model" | "catalogue";
}

/** The tail of whole attempts of one model and shape. */
export interface Tail {
  readonly qhMs: number;
  /** E[T − q_h | T > q_h], ms. */
  readonly meanExcessMs: number;
  /** Those of them that we cut off in the end, 0…1 of all beyond q_h, and after how long at the median; absent while too few to tell. */
  readonly cut?: { readonly share: number; readonly medianMs: number };
}

/** What an ended attempt says about durations. */
export interface DurationSample {
  readonly endpoint: EndpointId;
  readonly model: ModelId;
  readonly shape: Shape;
  readonly elapsedMs: number;
  /** Absent: not known, or not typical (a cold start). */
  readonly serviceMs?: number;
  /** It did not end, it was ended: by its timeout, or because another one came first. */
  readonly cut?: "timed_out" | "lost_race";
}

/** A book with nothing in it. */
export function emptyLatencyBook(): LatencyBook {
  return { endpoints: new Map(), models: new Map(), attempts: new Map(), cut: new Map() };
}

const keyOf = (owner: string, shape: Shape): string => `${owner} ${shapeKey(shape)}`;

function sketchFor(book: Map<string, WindowedSketch>, key: string, nowMs: number): WindowedSketch {
  const found = book.get(key) ?? emptyWindowedSketch(nowMs);
  // Re-inserting keeps the map in order of last use, so that the first key is the one to forget.
  book.delete(key);
  book.set(key, found);
  if (book.size > MAX_CLASSES) book.delete(book.keys().next().value!);
  return found;
}

/** Records an attempt that ran to its end, or (without `serviceMs`) one that was cut off late enough to tell of a tail. */
export function recordDuration(book: LatencyBook, sample: DurationSample, nowMs: number): void {
  const { endpoint, model, shape, serviceMs } = sample;
  const attempts = sketchFor(book.attempts, keyOf(model, shape), nowMs);
  // A loser counts for what those that outlasted it took: hedging would otherwise hide the very tail that it is for.
  const unseenMs = sample.cut === "lost_race" ? meanExcess(attempts.long, sample.elapsedMs) : 0;
  recordValue(attempts, sample.elapsedMs + unseenMs, nowMs);
  if (sample.cut !== undefined) recordValue(sketchFor(book.cut, keyOf(model, shape), nowMs), sample.elapsedMs, nowMs);
  if (serviceMs === undefined) return;
  recordValue(sketchFor(book.endpoints, keyOf(endpoint, shape), nowMs), serviceMs, nowMs);
  recordValue(sketchFor(book.models, keyOf(model, shape), nowMs), serviceMs, nowMs);
}

/** Standard normal quantiles of p75, p90 and p95: the catalogue's two figures are read as a log-normal. */
const Z = { q75: 0.6745, q90: 1.2816, q95: 1.6449 } as const;

/** Service time of an endpoint for a shape; each quantile by the sample rule, else from further up. */
export function estimateService(
  book: LatencyBook,
  of: { readonly endpoint: EndpointId; readonly model: ModelId; readonly shape: Shape; readonly expected: Expected },
  nowMs: number,
): Estimate {
  const own = book.endpoints.get(keyOf(of.endpoint, of.shape));
  const pooled = book.models.get(keyOf(of.model, of.shape));
  const spread = Math.max(1, of.expected.p95Ms / of.expected.p50Ms);
  const ownQ50 = own && quotedQuantile(own, 0.5, nowMs);
  const measuredQ50 = ownQ50 ?? (pooled && quotedQuantile(pooled, 0.5, nowMs));
  const q50Ms = measuredQ50 ?? of.expected.p50Ms;
  // Higher quantiles stand on this one median as multiples of it: else, after a change, a fresh median would stand beside an old p75. The
  // spread of the pool is no endpoint's own, because its endpoints may differ in speed.
  const basis = ownQ50 !== undefined ? own : measuredQ50 !== undefined ? pooled : undefined;
  const quote = (q: number, z: number): number =>
    q50Ms * ((basis && quotedSpread(basis, q, nowMs)) ?? spread ** (z / Z.q95));
  const q75Ms = Math.max(q50Ms, quote(0.75, Z.q75));
  const q90Ms = Math.max(q75Ms, quote(0.9, Z.q90));
  const q95Ms = Math.max(q90Ms, quote(0.95, Z.q95));
  const source = ownQ50 !== undefined ? "endpoint" : measuredQ50 !== undefined ? "model" : "catalogue";
  return { q50Ms, q75Ms, q90Ms, q95Ms, source };
}

/** How many samples stand behind an estimate: the endpoint's own, or those of the model where the endpoint has too few to be quoted. */
export function samplesOf(
  book: LatencyBook,
  of: {
    readonly endpoint: EndpointId;
    readonly model: ModelId;
    readonly shape: Shape;
    readonly source: Estimate["source"];
  },
  nowMs: number,
): number {
  const { endpoint, model, shape, source } = of;
  if (source === "catalogue") return 0;
  const sketch =
    source === "endpoint" ? book.endpoints.get(keyOf(endpoint, shape)) : book.models.get(keyOf(model, shape));
  if (sketch === undefined) return 0;
  rollForward(sketch, nowMs);
  return Math.floor(Math.max(sketch.recent.total, sketch.long.total));
}

/** Median of an endpoint's recent service times for its most frequent shape, with the number of samples. */
export function recentMedian(
  book: LatencyBook,
  endpoint: EndpointId,
  shape: Shape,
  nowMs: number,
): { readonly q50Ms: number; readonly samples: number } | undefined {
  const own = book.endpoints.get(keyOf(endpoint, shape));
  if (own === undefined) return undefined;
  rollForward(own, nowMs);
  const q50Ms = quantileOf(own.recent, 0.5);
  return q50Ms === undefined ? undefined : { q50Ms, samples: own.recent.total };
}

/** The tail beyond the `q`-quantile, or `undefined` below `minSamples` (control.md §1: 50). */
export function tailOf(
  book: LatencyBook,
  of: { readonly model: ModelId; readonly shape: Shape; readonly q: number; readonly minSamples: number },
  nowMs: number,
): Tail | undefined {
  const attempts = book.attempts.get(keyOf(of.model, of.shape));
  const memory = attempts && memoryWith(attempts, of.minSamples, nowMs);
  if (attempts === undefined || memory === undefined) return undefined;
  const qhMs = quantileOf(memory, of.q)!;
  return { qhMs, meanExcessMs: meanExcess(attempts.long, qhMs), ...cutOf(book, of, nowMs) };
}

/** Fewer cut-off attempts than these may be chance. */
const LEAST_CUT = 3;

function cutOf(
  book: LatencyBook,
  of: { readonly model: ModelId; readonly shape: Shape; readonly q: number },
  nowMs: number,
): Pick<Tail, "cut"> {
  const key = keyOf(of.model, of.shape);
  const cut = book.cut.get(key);
  const attempts = book.attempts.get(key);
  if (cut === undefined || attempts === undefined) return {};
  rollForward(cut, nowMs);
  const late = (1 - of.q) * attempts.long.total;
  const medianMs = quantileOf(cut.long, 0.5);
  if (cut.long.total < LEAST_CUT || late <= 0 || medianMs === undefined) return {};
  return { cut: { share: Math.min(1, cut.long.total / late), medianMs } };
}

/** The book as JSON. */
export function toStoredBook(book: LatencyBook, nowMs: number): StoredLatencyBook {
  const store = (part: Map<string, WindowedSketch>) =>
    [...part].map(([key, sketch]) => [key, toStoredWindow(sketch, nowMs)] as const);
  return {
    endpoints: store(book.endpoints),
    models: store(book.models),
    attempts: store(book.attempts),
    cut: store(book.cut),
  };
}

/** Reads `toStoredBook`. */
export function fromStoredBook(stored: StoredLatencyBook, nowMs: number): LatencyBook {
  const read = (part: StoredLatencyBook["models"]) =>
    new Map(part.slice(-MAX_CLASSES).map(([key, sketch]) => [key, fromStoredWindow(sketch, nowMs)]));
  const { endpoints, models, attempts, cut = [] } = stored;
  return { endpoints: read(endpoints), models: read(models), attempts: read(attempts), cut: read(cut) };
}

/**
 * What a place's view tells the planner: how long a model's typical work takes there, measured.
 *
 * Says nothing about other sizes and steps, about a place that was not looked at lately, and where samples are few: then the catalogue's
 * guess holds. A small share of requests is planned by the guess all the same, so that a leg which measured too slow is tried again.
 */
import type { ModelId, PlaceId } from "../config/snapshot.ts";
import { shapeKey, sizeClassOf } from "./size-class.ts";
import type { EndpointView, View } from "./view.ts";

/** Fewest samples that are trusted (control.md §2). */
export const MEASURED_MIN_SAMPLES = 50;

/** Share of requests that is planned by the catalogue (control.md §4: 2 % stays on the upper tier). */
export const KEEP_GUESSING = 0.02;

/** Times of one attempt without the wait for a slot, ms. */
export interface MeasuredService {
  readonly q50Ms: number;
  readonly q75Ms: number;
  readonly q95Ms: number;
}

export interface MeasuredWork {
  readonly model: ModelId;
  readonly place: PlaceId;
  /** Width × height. */
  readonly pixels: number;
  readonly steps: number | undefined;
}

interface Typical extends MeasuredService {
  readonly shape: string;
}

/** One table a view: views are made once a second and read by every request. */
const tables = new WeakMap<View, ReadonlyMap<ModelId, Typical>>();

/** The times of a piece of work according to a view; `undefined` where it has none to trust. */
export function measuredIn(
  view: View,
  work: Pick<MeasuredWork, "model" | "pixels" | "steps">,
): MeasuredService | undefined {
  let table = tables.get(view);
  if (table === undefined) {
    table = toTable(view);
    tables.set(view, table);
  }
  const typical = table.get(work.model);
  if (typical === undefined) return undefined;
  const sizeClass = sizeClassOf(work.pixels, 1);
  const isTypical =
    typical.shape === shapeKey({ sizeClass, ...(work.steps === undefined ? {} : { steps: work.steps }) });
  return isTypical ? typical : undefined;
}

function toTable(view: View): ReadonlyMap<ModelId, Typical> {
  const table = new Map<ModelId, Typical>();
  for (const { model, typical } of view.pools) {
    const known = view.endpoints.filter((endpoint) => endpoint.model === model && isTrusted(endpoint));
    const normal = known.filter((endpoint) => endpoint.weight === 1);
    const of = normal.length > 0 ? normal : known;
    if (of.length === 0) continue;
    // The slowest of those that are chosen from: none of them shall be cut off for what is usual there.
    const slowest = (time: (endpoint: EndpointView) => number) =>
      Math.max(...of.map((one) => time(one) + overheadMs(one)));
    table.set(model, {
      shape: typical,
      q50Ms: slowest(({ q50Ms }) => q50Ms),
      q75Ms: slowest(({ q75Ms }) => q75Ms),
      q95Ms: slowest(({ q95Ms }) => q95Ms),
    });
  }
  return table;
}

const isTrusted = ({ state, samples }: EndpointView): boolean =>
  state !== "out" && state !== "open" && samples >= MEASURED_MIN_SAMPLES;

const overheadMs = ({ rttMs, biasMs }: EndpointView): number => rttMs + Math.max(0, biasMs);

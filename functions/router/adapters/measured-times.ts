/**
 * Measured service times for the planner, from the last views of this isolate. No look-up leaves the isolate.
 */
import { KEEP_GUESSING, type MeasuredWork, measuredIn } from "../../../routing/index.ts";
import type { IsolateMemory } from "./region-schedulers/memory.ts";

/** A view that is older says nothing of how a place is now, ms. */
const VIEW_MAX_AGE_MS = 60_000;

/** The look-up for one request; `undefined` for the small share that is planned by the catalogue. */
export function measuredTimes(memory: IsolateMemory, nowMs: number, random: () => number) {
  if (random() < KEEP_GUESSING) return undefined;
  return (work: MeasuredWork) => {
    const place = memory.places.get(work.place);
    if (place?.view === undefined || nowMs - place.viewAtMs > VIEW_MAX_AGE_MS) return undefined;
    return measuredIn(place.view, work);
  };
}

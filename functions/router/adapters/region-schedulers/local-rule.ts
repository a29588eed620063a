/**
 * The router's own decision where the place's scheduler does not answer: power of two choices on its last view, within a small budget.
 *
 * Fails open for first attempts and fallbacks. Never hedges: whether that pays needs the scheduler's view.
 */
import type { EndpointId, Reservation, ReserveAsk, Snapshot } from "../../../../routing/index.ts";
import type { IsolateMemory, PlaceMemory } from "./memory.ts";

/** An extra attempt for each ten requests, and most of them saved up, in thousandths. */
const EXTRA_MILLI = 100;
const EXTRA_CAP_MILLI = 5_000;
const ONE_MILLI = 1_000;

/** A first attempt earns its share of an extra one. */
export function earnExtra(memory: IsolateMemory): void {
  memory.extraMilli = Math.min(EXTRA_CAP_MILLI, memory.extraMilli + EXTRA_MILLI);
}

/** Draws on the isolate's own budget; `false` where it is used up. */
export function drawExtra(memory: IsolateMemory): boolean {
  if (memory.extraMilli < ONE_MILLI) return false;
  memory.extraMilli -= ONE_MILLI;
  return true;
}

/** Gives that back. */
export function refundExtra(memory: IsolateMemory): void {
  memory.extraMilli = Math.min(EXTRA_CAP_MILLI, memory.extraMilli + ONE_MILLI);
}

export interface LocalChoice {
  readonly memory: IsolateMemory;
  readonly place: PlaceMemory;
  readonly ask: ReserveAsk;
  readonly snapshot: Snapshot;
  readonly nowMs: number;
  random(): number;
}

/** An endpoint, or the refusal. */
export function chooseLocally(choice: LocalChoice): EndpointId | Extract<Reservation, { granted: false }> {
  const { memory, place, ask, snapshot, nowMs, random } = choice;
  const endpoint = memory.picker.pick(
    {
      candidates: ask.candidates,
      avoid: ask.avoid,
      expectedMs: expectedMsOf(snapshot, ask),
      nowMs,
      ...(place.view === undefined ? {} : { view: { atMs: place.viewAtMs, endpoints: place.view.endpoints } }),
      ...(ask.elsewhere === undefined ? {} : { elsewhere: ask.elsewhere }),
    },
    random,
  );
  return endpoint ?? { granted: false, why: "no_endpoint" };
}

/** What the catalogue expects of the asked model, ms. */
export function expectedMsOf(snapshot: Snapshot, ask: ReserveAsk): number {
  return snapshot.content.catalog.models[ask.model]?.expected.p50Ms ?? 1_000;
}

/**
 * How every place stands now, asked in parallel and waited for no longer than a request would.
 */
import type { PlaceId, SchedulerView } from "../../../../routing/index.ts";
import { createConversation } from "./conversation.ts";
import { placeOf } from "./memory.ts";
import type { SchedulerPorts } from "./scheduler.ts";

/** By place; `undefined` where its scheduler did not answer in time. */
export type PlaceViews = ReadonlyMap<PlaceId, SchedulerView | undefined>;

/** Asks the scheduler of each place of the snapshot. */
export async function placeViews(ports: SchedulerPorts): Promise<PlaceViews> {
  const talk = createConversation(ports);
  const places = Object.keys(ports.snapshot.content.catalog.places);
  const views = await Promise.all(
    places.map(async (place) => [place, await talk.view(placeOf(ports.memory, place))] as const),
  );
  return new Map(views);
}

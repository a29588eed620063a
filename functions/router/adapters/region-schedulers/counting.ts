/**
 * Counts what happened in this isolate without a scheduler's doing, with the scheduler of a place, whose counters outlive isolates.
 *
 * A count waits in the place's outbox and goes along with whatever is said next; where nothing is, it is sent after a moment.
 */
import type { PlaceId } from "../../../../routing/index.ts";
import { createConversation } from "./conversation.ts";
import { placeOf } from "./memory.ts";
import { FLUSH_AFTER_MS } from "./outbox.ts";
import type { SchedulerPorts } from "./scheduler.ts";

/** Adds one to a counter of the place. Lost where its scheduler cannot be reached. */
export function countSoon(ports: SchedulerPorts, placeId: PlaceId, name: string): void {
  const place = placeOf(ports.memory, placeId);
  place.outbox.counted(name);
  if (!place.outbox.claimFlush(ports.clock.nowMs())) return;
  ports.background(ports.clock.sleep(FLUSH_AFTER_MS).then(() => createConversation(ports).flush(place)));
}

/**
 * Work that waits for whichever slot comes free first: bound to an endpoint only when one does (late binding).
 *
 * Inside a class the earliest deadline goes first. Interactive work goes before automation, which is sure of 30 % of the turns while
 * both wait and of any that are left over; exports get what nobody else wants. Below saturation nothing waits, so anyone may burst.
 */
import type { Priority } from "../config/snapshot.ts";

/** Share of contended turns that automation is sure of (control.md §4: P0 70 %, P1 30 %). */
export const AUTOMATION_SHARE = 0.3;
/** Most that may wait for one model; beyond, the least urgent leaves. */
export const MAX_WAITING = 256;

/** Most urgent class first. */
export const PRIORITIES: readonly Priority[] = ["interactive", "automation", "export"];

export interface Waiting {
  readonly id: string;
  readonly priority: Priority;
  readonly deadlineAtMs: number;
}

export interface Queue<Item extends Waiting> {
  /** Ascending by deadline, then by arrival. */
  readonly lanes: Record<Priority, Item[]>;
  /** Tenths of a turn owed to automation: grows by 3 with each contended turn of interactive work, falls by 7 with its own. */
  owed: number;
}

/** A queue in which nothing waits. */
export function emptyQueue<Item extends Waiting>(): Queue<Item> {
  return { lanes: { interactive: [], automation: [], export: [] }, owed: 0 };
}

/** How many wait. */
export function waitingCount(queue: Queue<Waiting>): number {
  return PRIORITIES.reduce((sum, priority) => sum + queue.lanes[priority].length, 0);
}

/** Puts an item at its place. */
export function enqueue<Item extends Waiting>(queue: Queue<Item>, item: Item): void {
  const lane = queue.lanes[item.priority];
  const at = lane.findIndex((other) => other.deadlineAtMs > item.deadlineAtMs);
  lane.splice(at < 0 ? lane.length : at, 0, item);
}

/** Takes an item out by id. */
export function removeWaiting<Item extends Waiting>(queue: Queue<Item>, id: string): Item | undefined {
  for (const priority of PRIORITIES) {
    const at = queue.lanes[priority].findIndex((item) => item.id === id);
    if (at >= 0) return queue.lanes[priority].splice(at, 1)[0];
  }
  return undefined;
}

/** The item that would be served last: what leaves when the queue is too long. */
export function leastUrgent<Item extends Waiting>(queue: Queue<Item>): Item | undefined {
  for (const priority of [...PRIORITIES].reverse()) {
    const last = queue.lanes[priority].at(-1);
    if (last !== undefined) return last;
  }
  return undefined;
}

const OWED_PER_TURN = Math.round(AUTOMATION_SHARE * 10);
const OWED_FOR_TURN = 10 - OWED_PER_TURN;

const automationsTurn = (owed: number): boolean => owed >= OWED_FOR_TURN;

/** All that waits in the order in which slots would be given, `extra` at its place among them. */
export function serviceOrder<Item extends Waiting>(queue: Queue<Item>, extra?: Item): Item[] {
  const lane = (priority: Priority): readonly Item[] => {
    const items = queue.lanes[priority];
    if (extra?.priority !== priority) return items;
    const at = items.findIndex((other) => other.deadlineAtMs > extra.deadlineAtMs);
    return at < 0 ? [...items, extra] : [...items.slice(0, at), extra, ...items.slice(at)];
  };
  const interactive = lane("interactive");
  const automation = lane("automation");
  const order: Item[] = [];
  let { owed } = queue;
  let i = 0;
  let a = 0;
  while (i < interactive.length && a < automation.length) {
    if (automationsTurn(owed)) {
      order.push(automation[a++]!);
      owed -= OWED_FOR_TURN;
    } else {
      order.push(interactive[i++]!);
      owed += OWED_PER_TURN;
    }
  }
  return [...order, ...interactive.slice(i), ...automation.slice(a), ...lane("export")];
}

/** A slot went to `taken` (already out of the queue): whose turn it was counts only while both classes wanted it. */
export function recordTurn(queue: Queue<Waiting>, taken: Priority): void {
  if (taken === "export") return;
  const rival = taken === "interactive" ? queue.lanes.automation : queue.lanes.interactive;
  if (rival.length === 0) return;
  queue.owed = Math.max(
    -OWED_FOR_TURN,
    Math.min(10, queue.owed + (taken === "interactive" ? OWED_PER_TURN : -OWED_FOR_TURN)),
  );
}

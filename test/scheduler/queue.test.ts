import { describe, expect, test } from "vitest";
import type { Priority } from "../../routing/config/snapshot.ts";
import {
  emptyQueue,
  enqueue,
  leastUrgent,
  type Queue,
  recordTurn,
  removeWaiting,
  serviceOrder,
  type Waiting,
  waitingCount,
} from "../../routing/scheduler/queue.ts";
import { seeded } from "./support.ts";

const item = (id: string, priority: Priority, deadlineAtMs: number): Waiting => ({ id, priority, deadlineAtMs });

function queueOf(items: readonly Waiting[]): Queue<Waiting> {
  const queue = emptyQueue<Waiting>();
  for (const one of items) enqueue(queue, one);
  return queue;
}

/** Serves the queue until it is empty. */
function served(queue: Queue<Waiting>): Waiting[] {
  const order: Waiting[] = [];
  while (waitingCount(queue) > 0) {
    const next = serviceOrder(queue)[0]!;
    removeWaiting(queue, next.id);
    recordTurn(queue, next.priority);
    order.push(next);
  }
  return order;
}

describe("queue", () => {
  test("serves the earliest deadline first inside a class, and equals as they came", () => {
    const random = seeded(2);
    const items = Array.from({ length: 60 }, (_, index) => item(`i${index}`, "interactive", Math.floor(random() * 20)));
    const order = served(queueOf(items));
    const expected = [...items].sort((a, b) => a.deadlineAtMs - b.deadlineAtMs || items.indexOf(a) - items.indexOf(b));
    expect(order).toEqual(expected);
  });

  test("gives automation three of ten turns while both classes wait", () => {
    const items = Array.from({ length: 100 }, (_, index) => [
      item(`i${index}`, "interactive", index),
      item(`a${index}`, "automation", index),
    ]).flat();
    const first = served(queueOf(items)).slice(0, 100);
    expect(first.filter((one) => one.priority === "automation").length).toBe(30);
    for (let start = 0; start + 10 <= 100; start += 1) {
      const turns = first.slice(start, start + 10).filter((one) => one.priority === "automation").length;
      expect(turns).toBeLessThanOrEqual(4);
      expect(turns).toBeGreaterThanOrEqual(2);
    }
  });

  test("lets either class have all turns while the other does not want them", () => {
    const only = served(queueOf([item("a", "automation", 1), item("b", "automation", 2)]));
    expect(only.map((one) => one.id)).toEqual(["a", "b"]);
    const queue = queueOf([item("a", "automation", 1), item("b", "automation", 2)]);
    served(queue);
    expect(queue.owed).toBe(0);
  });

  test("begins with interactive work, and ends with exports", () => {
    const order = served(queueOf([item("e", "export", 0), item("a", "automation", 1), item("i", "interactive", 9)]));
    expect(order.map((one) => one.id)).toEqual(["i", "a", "e"]);
  });

  test("shows the order with an extra item at its place, without taking it in", () => {
    const queue = queueOf([item("i1", "interactive", 1), item("i3", "interactive", 3)]);
    const order = serviceOrder(queue, item("i2", "interactive", 2));
    expect(order.map((one) => one.id)).toEqual(["i1", "i2", "i3"]);
    expect(waitingCount(queue)).toBe(2);
  });

  test("names the least urgent: the lowest class, the latest deadline", () => {
    const queue = queueOf([item("i", "interactive", 99), item("a1", "automation", 1), item("a2", "automation", 2)]);
    expect(leastUrgent(queue)?.id).toBe("a2");
    expect(leastUrgent(emptyQueue())).toBeUndefined();
  });
});

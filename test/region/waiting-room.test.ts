import { describe, expect, it } from "vitest";
import { createWaitingRoom } from "../../functions/region/waiting-room.ts";
import { createFakeClock } from "../support/fake-clock.ts";
import { timersOn } from "../support/region-objects.ts";

function aRoom() {
  const clock = createFakeClock();
  return { clock, room: createWaitingRoom<string>(timersOn(clock)) };
}

describe("a waiting room", () => {
  it("hands an answer to whoever waits, and to whoever comes later", async () => {
    const { room } = aRoom();
    const early = room.wait("a", 1_000);
    room.settle("a", "one");
    room.settle("b", "two");
    expect([await early, await room.wait("b", 1_000)]).toEqual(["one", "two"]);
  });

  it("keeps nobody longer than he said", async () => {
    const { clock, room } = aRoom();
    const waiting = room.wait("a", 500);
    await clock.advance(500);
    expect(await waiting).toBeUndefined();
  });

  it("says at once that no answer will come", async () => {
    const { clock, room } = aRoom();
    const waiting = room.wait("a", 60_000);
    room.close("a");
    expect(await waiting).toBeUndefined();
    await clock.advance(0);
    expect(clock.sleeping()).toBe(0);
  });

  it("forgets the answer of what was closed", async () => {
    const { clock, room } = aRoom();
    room.settle("a", "one");
    room.close("a");
    const waiting = room.wait("a", 10);
    await clock.advance(10);
    expect(await waiting).toBeUndefined();
  });

  it("gives an answer once, and the newest waiter's place to a second one of the same name", async () => {
    const { clock, room } = aRoom();
    const first = room.wait("a", 100);
    const second = room.wait("a", 100);
    room.settle("a", "one");
    expect([await first, await second]).toEqual([undefined, "one"]);
    const third = room.wait("a", 100);
    await clock.advance(100);
    expect(await third).toBeUndefined();
  });

  it("keeps only the newest thousand answers that nobody fetched", async () => {
    const { clock, room } = aRoom();
    for (let index = 0; index <= 1_000; index += 1) room.settle(`${index}`, `answer ${index}`);
    const oldest = room.wait("0", 10);
    expect(await room.wait("1", 10)).toBe("answer 1");
    await clock.advance(10);
    expect(await oldest).toBeUndefined();
  });
});

import { describe, expect, it } from "vitest";
import { createEqualWork, type EqualEnding } from "../../../functions/router/joining/equal-work.ts";
import { LEFT } from "../../../functions/router/joining/shared-work.ts";
import { createFakeClock, settle } from "../../support/fake-clock.ts";

const OVER_MS = 10_000;
const forEver = () => new AbortController().signal;

function aBook() {
  const clock = createFakeClock();
  const book = createEqualWork<string>(clock);
  const { promise, resolve, reject } = Promise.withResolvers<EqualEnding<string>>();
  const seen: { signal?: AbortSignal; others: () => number } = { others: () => Number.NaN };
  const begin = (key = "k") =>
    book.begin({
      key,
      overAtMs: clock.nowMs() + OVER_MS,
      start(signal, others) {
        seen.signal = signal;
        seen.others = others;
        return promise;
      },
      background: () => undefined,
    });
  return { clock, book, begin, finish: resolve, fail: reject, seen };
}

describe("equal work", () => {
  it("is found while it runs, by its key alone, and has one value for all", async () => {
    const { book, begin, finish } = aBook();
    const entry = begin();
    const starter = entry.work.wait(forEver());
    expect(book.find("other")).toBeUndefined();
    const joined = book.find("k")?.join(forEver());
    finish({ value: "picture", sharable: true });
    expect(await starter).toMatchObject({ value: "picture" });
    expect(await joined).toMatchObject({ value: "picture" });
  });

  it("is gone with its end", async () => {
    const { book, begin, finish } = aBook();
    begin();
    finish({ value: "picture", sharable: true });
    await settle();
    expect(book.find("k")).toBeUndefined();
  });

  it("is found until its value is put away, and says that it is over", async () => {
    const { book, begin, finish } = aBook();
    const { promise: stored, resolve: store } = Promise.withResolvers<void>();
    const entry = begin();
    expect(entry.isOver()).toBe(false);
    finish({ value: "picture", sharable: true, stored });
    await settle();
    expect(book.find("k")?.isOver()).toBe(true);
    expect(await book.find("k")?.join(forEver())).toMatchObject({ value: "picture" });
    store();
    await settle();
    expect(book.find("k")).toBeUndefined();
  });

  it("is gone at once where its value is nobody else's", async () => {
    const { book, begin, finish } = aBook();
    begin();
    finish({ value: "stream", sharable: false, stored: new Promise(() => undefined) });
    await settle();
    expect(book.find("k")).toBeUndefined();
  });

  it("is gone when it breaks, which all hear who wait", async () => {
    const { book, begin, fail } = aBook();
    const waiting = begin().join(forEver());
    fail(new Error("defect"));
    await expect(waiting).rejects.toThrow("defect");
    expect(book.find("k")).toBeUndefined();
  });

  it("counts who waits besides its starter", async () => {
    const { begin, seen } = aBook();
    const entry = begin();
    void entry.work.wait(forEver());
    expect(seen.others()).toBe(0);
    const leaver = new AbortController();
    const left = entry.join(leaver.signal);
    void entry.join(forEver());
    expect(seen.others()).toBe(2);
    leaver.abort();
    expect(await left).toBe(LEFT);
    expect(seen.others()).toBe(1);
  });

  it("goes on when its starter leaves, and is stopped with the last one, at once", async () => {
    const { begin, seen } = aBook();
    const [starter, second] = [new AbortController(), new AbortController()];
    const entry = begin();
    const first = entry.work.wait(starter.signal);
    const other = entry.join(second.signal);
    starter.abort();
    expect(await first).toBe(LEFT);
    await settle();
    expect(seen.signal?.aborted).toBe(false);
    second.abort();
    expect(await other).toBe(LEFT);
    await settle();
    expect(seen.signal?.reason).toBe("client_gone");
  });

  it("is forgotten when it does not say in time that it is over, and an end that comes late changes nothing", async () => {
    const { book, begin, finish, clock } = aBook();
    begin();
    await clock.advance(OVER_MS);
    expect(book.find("k")).toBeUndefined();
    const next = book.begin({
      key: "k",
      overAtMs: clock.nowMs() + OVER_MS,
      start: () => new Promise(() => undefined),
      background: () => undefined,
    });
    finish({ value: "late", sharable: true });
    await settle();
    expect(book.find("k")).toBe(next);
  });

  it("leaves no sleeper behind", async () => {
    const { begin, finish, clock } = aBook();
    const waiting = begin().work.wait(forEver());
    finish({ value: "picture", sharable: true });
    await waiting;
    await settle();
    expect(clock.sleeping()).toBe(0);
  });
});

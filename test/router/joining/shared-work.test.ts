import { describe, expect, it } from "vitest";
import { LEFT, shareWork } from "../../../functions/router/joining/shared-work.ts";
import { createFakeClock, settle } from "../../support/fake-clock.ts";

const GRACE_MS = 1_000;

function share() {
  const clock = createFakeClock();
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const stopped: unknown[] = [];
  const work = shareWork({
    start(signal) {
      signal.addEventListener("abort", () => {
        stopped.push(signal.reason);
        resolve("stopped");
      });
      return promise;
    },
    clock,
    graceMs: GRACE_MS,
    background: () => undefined,
  });
  return { clock, work, finish: resolve, fail: reject, stopped };
}

describe("shared work", () => {
  it("is done once for all who wait", async () => {
    const { work, finish } = share();
    const waiting = [1, 2, 3].map(() => work.wait(new AbortController().signal));
    expect(work.waiters()).toBe(3);
    finish("picture");
    expect(await Promise.all(waiting)).toEqual(["picture", "picture", "picture"]);
    expect(work.waiters()).toBe(0);
  });

  it("goes on when one of two waiters leaves", async () => {
    const { clock, work, finish, stopped } = share();
    const leaver = new AbortController();
    const left = work.wait(leaver.signal);
    const stays = work.wait(new AbortController().signal);
    leaver.abort();
    expect(await left).toBe(LEFT);
    await clock.advance(GRACE_MS * 5);
    expect(stopped).toEqual([]);
    finish("picture");
    expect(await stays).toBe("picture");
  });

  it("is stopped with client_gone once the last waiter has been gone for the grace period, and not before", async () => {
    const { clock, work, stopped } = share();
    const leaver = new AbortController();
    const left = work.wait(leaver.signal);
    leaver.abort();
    await left;
    await clock.advance(GRACE_MS - 1);
    expect(stopped).toEqual([]);
    await clock.advance(1);
    expect(stopped).toEqual(["client_gone"]);
  });

  it("lives on when somebody comes back within the grace period, which begins anew with the next leaving", async () => {
    const { clock, work, stopped } = share();
    const first = new AbortController();
    const second = new AbortController();
    const firstWait = work.wait(first.signal);
    first.abort();
    await firstWait;
    await clock.advance(GRACE_MS - 100);
    const secondWait = work.wait(second.signal);
    await clock.advance(GRACE_MS);
    expect(stopped).toEqual([]);
    second.abort();
    await secondWait;
    await clock.advance(GRACE_MS - 1);
    expect(stopped).toEqual([]);
    await clock.advance(1);
    expect(stopped).toEqual(["client_gone"]);
  });

  it("leaves at once who has left already", async () => {
    const { work } = share();
    expect(await work.wait(AbortSignal.abort())).toBe(LEFT);
  });

  it("tells all waiters of a defect", async () => {
    const { work, fail } = share();
    const waiting = [1, 2].map(() => work.wait(new AbortController().signal).catch((error: unknown) => error));
    const defect = new Error("defect");
    fail(defect);
    expect(await Promise.all(waiting)).toEqual([defect, defect]);
  });

  it("leaves no sleeper behind when it ends", async () => {
    const { clock, work, finish } = share();
    const waiting = work.wait(new AbortController().signal);
    finish("picture");
    await waiting;
    await settle();
    expect(clock.sleeping()).toBe(0);
  });
});

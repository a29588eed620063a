import { beforeEach, describe, expect, it } from "vitest";
import {
  createRetries,
  type Ending,
  GRACE_MS,
  type Joined,
  REMEMBERED_MS,
  type Retries,
} from "../../../functions/router/joining/retries.ts";
import { LEFT } from "../../../functions/router/joining/shared-work.ts";
import { createFakeClock, type FakeClock, settle } from "../../support/fake-clock.ts";

/** Work takes so long, ms. */
const WORK_MS = 5_000;

let clock: FakeClock;
let retries: Retries<string>;
let started: { signal: AbortSignal; isShared: () => boolean }[];

beforeEach(() => {
  clock = createFakeClock();
  retries = createRetries(clock);
  started = [];
});

interface Asked {
  readonly retryCount?: number;
  readonly fingerprint?: string;
  readonly signal?: AbortSignal;
  readonly end?: Ending<string>["end"];
  readonly bytes?: number;
  /** Work that never says that it is over. */
  readonly isLost?: boolean;
}

function ask({ retryCount = 0, fingerprint = "f", signal, end = "made", bytes = 1, isLost }: Asked = {}) {
  return retries.join({
    fingerprint,
    retryCount,
    signal: signal ?? new AbortController().signal,
    overAtMs: clock.nowMs() + WORK_MS * 2,
    async start(stop, isShared) {
      started.push({ signal: stop, isShared });
      const value = `picture ${started.length}`;
      if (isLost) return new Promise(() => undefined);
      await clock.sleep(WORK_MS, stop);
      return stop.aborted ? { value: "gone", end: "unshareable", bytes: 0 } : { value, end, bytes };
    },
    background: () => undefined,
  });
}

const outcome = async (joined: Promise<Joined<string>>) => {
  const { joined: how, ...rest } = await clock.runUntil(joined);
  return how === LEFT ? "left" : `${how}: ${"value" in rest ? rest.value : ""}`;
};

describe("a retry while the first try runs", () => {
  it("waits for the same work", async () => {
    const first = ask();
    await clock.advance(1_000);
    const retry = ask({ retryCount: 1 });
    expect(await outcome(retry)).toBe("running: picture 1");
    expect(await outcome(first)).toBe("no: picture 1");
    expect(started).toHaveLength(1);
  });

  it("finds it still running although its first client left, and keeps it from being stopped", async () => {
    const client = new AbortController();
    const first = ask({ signal: client.signal });
    client.abort();
    expect(await outcome(first)).toBe("left");
    await clock.advance(GRACE_MS - 1);
    const retry = ask({ retryCount: 1 });
    expect(await outcome(retry)).toBe("running: picture 1");
    expect(started[0]?.signal.aborted).toBe(false);
  });

  it("starts anew when the work was stopped in the moment that it came", async () => {
    const client = new AbortController();
    const first = ask({ signal: client.signal });
    client.abort();
    await first;
    await clock.advance(GRACE_MS);
    expect(started[0]?.signal.aborted).toBe(true);
    expect(await outcome(ask({ retryCount: 1 }))).toBe("no: picture 2");
  });

  it("tells the work that its value has to cross requests", async () => {
    void ask();
    expect(started[0]?.isShared()).toBe(false);
    void ask({ retryCount: 1 });
    expect(started[0]?.isShared()).toBe(true);
  });

  it("starts anew where the value cannot be handed over", async () => {
    void ask({ end: "unshareable" });
    expect(await outcome(ask({ retryCount: 1 }))).toBe("no: picture 2");
  });

  it("does not wait for work that was due long ago", async () => {
    void ask({ isLost: true });
    await clock.advance(WORK_MS * 2);
    expect(await outcome(ask({ retryCount: 1 }))).toBe("no: picture 2");
  });
});

describe("a retry after the first try ended", () => {
  it("is handed what was made, for a short while", async () => {
    await outcome(ask());
    await clock.advance(REMEMBERED_MS - 1);
    expect(await outcome(ask({ retryCount: 1 }))).toBe("finished: picture 1");
    await clock.advance(1);
    expect(await outcome(ask({ retryCount: 2 }))).toBe("no: picture 2");
  });

  it("hears a failure again that it cannot help, also from a client that does not say that it retries", async () => {
    await outcome(ask({ end: "failed_for_good" }));
    expect(await outcome(ask())).toBe("finished: picture 1");
    expect(await outcome(ask({ retryCount: 1 }))).toBe("finished: picture 1");
    expect(started).toHaveLength(1);
    await clock.advance(REMEMBERED_MS);
    expect(await outcome(ask())).toBe("no: picture 2");
  });

  it("tries again after a failure that it may help, once, and the next one goes on with that", async () => {
    await outcome(ask({ end: "failed_for_now" }));
    void ask({ retryCount: 1 });
    await clock.advance(1_000);
    expect(await outcome(ask({ retryCount: 2 }))).toBe("running: picture 2");
    expect(started).toHaveLength(2);
  });
});

describe("requests that only look alike", () => {
  it("are drawn each for itself when neither is a retry", async () => {
    const both = [ask(), ask()];
    expect(await Promise.all(both.map(outcome))).toEqual(["no: picture 1", "no: picture 2"]);
  });

  it("stay two when both are retried", async () => {
    const both = [ask(), ask()];
    const again = [ask({ retryCount: 1 }), ask({ retryCount: 1 })];
    expect(await Promise.all(again.map(outcome))).toEqual(["running: picture 1", "running: picture 2"]);
    await Promise.all(both);
    expect(started).toHaveLength(2);
  });

  it("never join across fingerprints", async () => {
    void ask({ fingerprint: "one" });
    expect(await outcome(ask({ fingerprint: "other", retryCount: 1 }))).toBe("no: picture 2");
  });
});

it("keeps at most 16 MiB of finished pictures, the newest", async () => {
  const bytes = 7 * 1024 * 1024;
  await Promise.all(["a", "b", "c"].map((fingerprint) => outcome(ask({ fingerprint, bytes }))));
  const again = (fingerprint: string) => outcome(ask({ fingerprint, retryCount: 1, bytes: 0 }));
  expect(await again("b")).toMatch(/^finished/);
  expect(await again("c")).toMatch(/^finished/);
  expect(await again("a")).toMatch(/^no/);
});

it("keeps no timer", async () => {
  await outcome(ask());
  await settle();
  expect(clock.sleeping()).toBe(0);
});

/** What an isolate keeps of experiments: states that age, and outcomes on their way. */
import { describe, expect, it } from "vitest";
import { createArmsCache } from "../../functions/router/rollouts/arms-cache.ts";
import { createOutbox } from "../../functions/router/rollouts/outbox.ts";
import type { LiveExperiment, OutcomeBatch } from "../../routing/index.ts";
import { anOutcome } from "./world.ts";

const STATE: LiveExperiment = {
  name: "next",
  route: "preview",
  baseline: "a",
  candidate: "b",
  stickTo: "session",
  salt: "next",
  share: 0.3,
  recording: true,
};

/** A clock moved by hand whose sleeps end when told. */
function aClock() {
  const sleeps: (() => void)[] = [];
  const clock = {
    at: 0,
    nowMs: () => clock.at,
    sleep: () => new Promise<void>((done) => sleeps.push(done)),
    wake: () => {
      for (const done of sleeps.splice(0)) done();
    },
  };
  return clock;
}

const settle = () => new Promise((done) => setImmediate(done));

describe("the arms cache", () => {
  const open = () => {
    const clock = aClock();
    const cache = createArmsCache(clock);
    const asked: string[] = [];
    const answers: { next: () => Promise<LiveExperiment | undefined> } = { next: async () => STATE };
    const current = () =>
      cache.current({
        names: ["next"],
        load: (name) => {
          asked.push(name);
          return answers.next();
        },
        background: () => undefined,
      });
    return { clock, cache, asked, answers, current };
  };

  it("lets only a fresh isolate wait, and asks again after five seconds behind the request's back", async () => {
    const { clock, asked, answers, current } = open();
    expect(await current()).toEqual([STATE]);
    clock.at = 4_999;
    expect(current()).toEqual([STATE]);
    expect(asked).toHaveLength(1);
    clock.at = 5_000;
    answers.next = async () => ({ ...STATE, share: 0 });
    expect(current()).toEqual([STATE]);
    await settle();
    expect(current()).toEqual([{ ...STATE, share: 0 }]);
    expect(asked).toHaveLength(2);
  });

  it("does not wait long for an object that does not answer: the route's own model serves", async () => {
    const { clock, answers, current } = open();
    answers.next = () => new Promise(() => undefined);
    const waiting = current();
    clock.wake();
    expect(await waiting).toEqual([]);
  });

  it("believes an unconfirmed state for a minute, and not longer", async () => {
    const { clock, answers, current } = open();
    await current();
    answers.next = () => Promise.reject(new Error("unreachable"));
    clock.at = 59_999;
    expect(current()).toEqual([STATE]);
    await settle();
    clock.at = 60_000;
    expect(current()).toEqual([]);
  });

  it("takes what an answer to a report says at once", async () => {
    const { cache, current } = open();
    await current();
    cache.learn("next", { ...STATE, share: 0 });
    expect(current()).toEqual([{ ...STATE, share: 0 }]);
  });
});

describe("the outbox", () => {
  const open = () => {
    const clock = aClock();
    let ids = 0;
    const outbox = createOutbox({ clock, newId: () => `id-${++ids}` });
    const sent: OutcomeBatch[] = [];
    const learned: unknown[] = [];
    const world = { isUp: true, senders: 0 };
    const put = (experiment = "next") =>
      outbox.put(experiment, anOutcome(), {
        report: async (_name, batch) => {
          sent.push(structuredClone(batch));
          if (!world.isUp) throw new Error("overloaded");
          return STATE;
        },
        learn: (_name, state) => learned.push(state),
        background: () => {
          world.senders += 1;
        },
      });
    return { clock, put, sent, learned, world };
  };

  it("sends what came within a second together, by one request", async () => {
    const { clock, put, sent, learned, world } = open();
    for (let at = 0; at < 5; at++) put();
    put("other");
    expect([world.senders, sent.length]).toEqual([1, 0]);
    clock.wake();
    await settle();
    expect(sent.map(({ outcomes }) => outcomes.length)).toEqual([5, 1]);
    expect(learned).toEqual([STATE, STATE]);
  });

  it("sends a lost batch again under its id, three times in all", async () => {
    const { clock, put, sent, world } = open();
    world.isUp = false;
    for (let round = 0; round < 5; round++) {
      put();
      clock.wake();
      await settle();
    }
    const tries = sent.filter(({ id }) => id === "id-1");
    expect(tries).toHaveLength(3);
    expect(new Set(tries.map(({ outcomes }) => outcomes.length))).toEqual(new Set([1]));
  });

  it("holds a bounded number while nothing can be sent", async () => {
    const { clock, put, sent } = open();
    for (let at = 0; at < 5_000; at++) put();
    clock.wake();
    await settle();
    expect(sent.map(({ outcomes }) => outcomes.length)).toEqual(Array.from({ length: 10 }, () => 200));
  });

  it("does not wait for ever for a sender that died with its request", () => {
    const { clock, put, world } = open();
    put();
    clock.at = 10_000;
    put();
    expect(world.senders).toBe(2);
  });
});

import { createCanvas } from "@napi-rs/canvas";
import { describe, expect, it } from "vitest";
import type { AttemptFailure } from "../../routing/failure/index.ts";
import { aPng } from "../support/pictures.ts";
import { plainDialect } from "../support/plain-dialect.ts";
import { scriptedScheduler } from "../support/scripted-scheduler.ts";
import type { Answer } from "../support/scripted-upstream.ts";
import { aModel } from "../support/snapshot.ts";
import {
  aLeg,
  aWorld,
  expectNothingLeft,
  failureOf,
  hangs,
  picture,
  pictureOf,
  refuses,
  SIDE,
  sibling,
  status,
  trailOf,
} from "./world.ts";

const twoLegs = [aLeg(), sibling()];
const whole = aPng(SIDE, SIDE);
const html = { chunks: [{ bytes: new TextEncoder().encode("<!doctype html><p>hello</p>") }] };
/** Black as WebP, which is judged by its size alone: no inflating that would take real time. */
function blackWebp(): Uint8Array<ArrayBuffer> {
  const canvas = createCanvas(96, 96);
  const context = canvas.getContext("2d");
  context.fillStyle = "#000";
  context.fillRect(0, 0, 96, 96);
  return Uint8Array.from(canvas.encodeSync("webp", 80));
}

describe("fallback", () => {
  const unwell: readonly (readonly [string, Answer, AttemptFailure["reason"]])[] = [
    ["refuses the connection", refuses, "connect_failed"],
    ["drops the connection while it works", { does: "refuse", afterMs: 1_500 }, "connection_lost"],
    ["answers 500", status(500), "upstream_error"],
    ["answers 429", status(429), "overloaded"],
    ["answers 504", status(504), "upstream_timeout"],
    ["answers 401", status(401), "unauthorized"],
    ["answers 404", status(404), "model_gone"],
    ["breaks off", picture({ chunks: [{ bytes: whole.slice(0, 900) }], ends: "break" }), "connection_lost"],
    ["sends half a picture", picture({ chunks: [{ bytes: whole.slice(0, 900) }] }), "bad_picture"],
    ["sends another size", picture({ side: 32 }), "bad_picture"],
    ["sends a web page", picture(html), "bad_response"],
    ["sends nothing", picture({ chunks: [] }), "bad_picture"],
    ["reports another version", picture({ pin: "m@ffffffffffff" }), "pin_mismatch"],
  ];
  it.each(unwell)("serves from the sibling region when the endpoint %s", async (_what, answer, reason) => {
    const world = aWorld({ endpoints: { "weur-a": answer, "enam-a": picture({ afterMs: 200 }) }, legs: twoLegs });
    const result = pictureOf(await world.run());
    expect(trailOf(result)).toEqual([`weur-a ${reason}`, "enam-a ok"]);
    expect(result.degraded).toEqual({ what: "region", reason: reason.replaceAll("_", "-") });
    expect(result.picture.bytes).toEqual(whole);
    expectNothingLeft(world);
  });

  it("takes a success with a flat picture for a failure", async () => {
    const world = aWorld({
      endpoints: { "weur-a": picture({ chunks: [{ bytes: blackWebp() }] }), "enam-a": picture() },
      legs: twoLegs,
      dialect: { ...plainDialect, expectedSize: () => undefined, expectedFormat: () => undefined },
    });
    const result = pictureOf(await world.run());
    expect(result.trail[0]?.failure).toEqual({ reason: "bad_picture", defect: "blank" });
  });

  it.each([
    [422, "moderation_blocked"],
    [400, "invalid_request"],
  ])("never takes a request elsewhere that was answered with %i", async (code, expected) => {
    const world = aWorld({
      endpoints: { "weur-a": status(code, { afterMs: 300 }), "enam-a": picture() },
      legs: twoLegs,
    });
    const result = failureOf(await world.run());
    expect(result.failure.code).toBe(expected);
    expect(world.upstream.callsTo("enam-a")).toEqual([]);
    expect(world.elapsedMs()).toBe(300);
    expectNothingLeft(world);
  });

  it("goes on at once when the scheduler predicts that the leg is late, and says so", async () => {
    const scheduler = scriptedScheduler((ask) =>
      ask.place === "weur" ? { granted: false, why: "predicted_late", retryAfterMs: 4_000 } : {},
    );
    const world = aWorld({ endpoints: { "enam-a": picture({ afterMs: 250 }) }, legs: twoLegs, scheduler });
    const result = pictureOf(await world.run());
    expect(world.elapsedMs()).toBe(250);
    expect(result.degraded).toEqual({ what: "region", reason: "predicted-late" });
    expect(trailOf(result)).toEqual(["none not_admitted", "enam-a ok"]);
  });

  it("tells the scheduler whether another leg could still serve", async () => {
    const world = aWorld({ endpoints: { "weur-a": refuses, "enam-a": picture() }, legs: twoLegs });
    await world.run();
    expect(world.scheduler.asks.map((ask) => [ask.place, ask.kind, ask.elsewhere, ask.budgetOf])).toEqual([
      ["weur", "first", true, "weur"],
      ["enam", "fallback", false, "weur"],
    ]);
  });

  it("sends each attempt on as a span of its own in the caller's trace", async () => {
    const draws = [0.1, 0.2, 0.3, 0.4, 0.5];
    const world = aWorld({
      endpoints: { "weur-a": refuses, "enam-a": picture() },
      legs: twoLegs,
      ports: { random: () => draws.shift() ?? 0.9 },
      input: { traceparent: "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01" },
    });
    await world.run();
    const sent = world.upstream.calls.map((seen) => seen.call.headers.traceparent ?? "");
    for (const trace of sent) expect(trace).toMatch(/^00-0123456789abcdef0123456789abcdef-[0-9a-f]{16}-01$/);
    expect(new Set([...sent, "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"]).size).toBe(3);
  });

  it("says when room is expected after every place refused", async () => {
    const waits = { weur: 7_000, enam: 3_000 } as Record<string, number>;
    const scheduler = scriptedScheduler((ask) => ({
      granted: false,
      why: "shed",
      retryAfterMs: waits[ask.place] ?? 0,
    }));
    const world = aWorld({ endpoints: {}, legs: twoLegs, scheduler });
    const result = failureOf(await world.run());
    expect(result.failure).toMatchObject({ code: "no_capacity", retryAfterMs: 3_000 });
    expect(result.costUsd).toBe(0);
    expect(world.elapsedMs()).toBe(0);
  });

  const ends: readonly (readonly [string, Answer, string])[] = [
    ["connections are refused", refuses, "upstream_failed"],
    ["endpoints are full", status(503), "no_capacity"],
    ["nothing answers", hangs, "deadline_exceeded"],
    ["endpoints give up", status(504), "deadline_exceeded"],
    ["keys are wrong", status(401), "upstream_failed"],
    ["pictures are broken", picture({ side: 16 }), "upstream_failed"],
  ];
  it.each(ends)("ends typed when %s everywhere", async (_what, answer, code) => {
    const world = aWorld({ endpoints: { "weur-a": answer, "enam-a": answer }, legs: twoLegs });
    const result = failureOf(await world.run());
    expect(result.failure.code).toBe(code);
    expect(result.failure.cause).toBeDefined();
    expectNothingLeft(world);
  });

  it("lets the successor serve a model that is gone, before any other leg", async () => {
    const legs = [
      aLeg(),
      sibling(),
      aLeg({ kind: "successor", model: "next", candidates: ["weur-n"], degraded: "model" }),
    ];
    const models = { m: { successor: "next" }, next: aModel({ id: "next", pin: "next@1" }) };
    const world = aWorld({
      endpoints: { "weur-a": status(404), "enam-a": picture(), "weur-n": picture({ pin: "next@1" }) },
      legs,
      models,
    });
    const result = pictureOf(await world.run());
    expect(trailOf(result)).toEqual(["weur-a model_gone", "weur-n ok"]);
    expect(result.degraded).toEqual({ what: "model", reason: "model-gone" });
  });

  it("leaves the successor alone while the model is there", async () => {
    const legs = [aLeg(), aLeg({ kind: "successor", model: "next", candidates: ["weur-n"] })];
    const models = { m: { successor: "next" }, next: aModel({ id: "next" }) };
    const world = aWorld({ endpoints: { "weur-a": refuses, "weur-n": picture() }, legs, models });
    failureOf(await world.run());
    expect(world.upstream.callsTo("weur-n")).toEqual([]);
  });

  it("makes no more attempts than the policy allows", async () => {
    const legs = ["weur", "enam", "apac"].map((place) => aLeg({ kind: "any-region", place }));
    const world = aWorld({
      endpoints: { "weur-a": refuses, "enam-a": refuses, "apac-a": picture() },
      legs,
      policy: { maxAttempts: 2 },
    });
    failureOf(await world.run());
    expect(world.upstream.calls.length).toBe(2);
    expect(world.events).toContainEqual({ event: "leg-skipped", leg: "any-region", why: "attempts-used-up" });
  });

  it("does not count a refused leg as an attempt", async () => {
    const scheduler = scriptedScheduler((ask) => (ask.place === "weur" ? { granted: false, why: "no_endpoint" } : {}));
    const world = aWorld({ endpoints: { "enam-a": picture() }, legs: twoLegs, scheduler, policy: { maxAttempts: 1 } });
    expect(pictureOf(await world.run()).endpoint).toBe("enam-a");
  });

  it("names no endpoint that its snapshot does not know", async () => {
    const world = aWorld({ endpoints: { "enam-a": picture() }, legs: [aLeg(), sibling()] });
    const { endpoints } = world.snapshot.content.catalog;
    delete (endpoints as Record<string, unknown>)["weur-a"];
    const result = pictureOf(await world.run());
    expect(trailOf(result)).toEqual(["weur-a not_admitted", "enam-a ok"]);
    expectNothingLeft(world);
  });

  it("makes no call with a key that is not set", async () => {
    const world = aWorld({
      endpoints: { "weur-a": picture(), "enam-a": picture() },
      legs: twoLegs,
      catalog: { "weur-a": { secret: "WEUR_KEY" }, "enam-a": { secret: "ENAM_KEY" } },
      ports: { secret: (name) => (name === "ENAM_KEY" ? "s3cret" : undefined) },
    });
    const result = pictureOf(await world.run());
    expect(result.trail[0]?.failure).toEqual({ reason: "secret_missing", secret: "WEUR_KEY" });
    expect(world.upstream.calls.map((seen) => seen.call.headers.authorization)).toEqual(["Bearer s3cret"]);
    expect(JSON.stringify(result)).not.toContain("s3cret");
  });

  describe("of dear models", () => {
    const dear = aModel({ id: "m", price: { perImageUsd: 0.24 } });
    const cheap = aModel({ id: "cheap", price: { perImageUsd: 0.02 } });
    const models = { m: dear, cheap };
    const endpoints = { "weur-a": hangs, "enam-a": picture(), "weur-c": picture({ pin: cheap.pin }) };
    const dearThenCheap = [
      aLeg({ capMs: 2_000 }),
      sibling(),
      aLeg({ kind: "model", model: "cheap", candidates: ["weur-c"], degraded: "model" }),
    ];

    it("does not pay twice for a picture that may already be billed, but takes a cheaper one", async () => {
      const world = aWorld({ endpoints, models, legs: dearThenCheap });
      const result = pictureOf(await world.run());
      expect(trailOf(result)).toEqual(["weur-a timed_out", "weur-c ok"]);
      expect(world.events).toContainEqual({ event: "leg-skipped", leg: "sibling-region", why: "may-be-billed" });
    });

    it("pays twice where the policy accepts it", async () => {
      const world = aWorld({ endpoints, models, legs: dearThenCheap, policy: { acceptSecondBill: true } });
      expect(trailOf(pictureOf(await world.run()))).toEqual(["weur-a timed_out", "enam-a ok"]);
    });

    it("goes on freely after a failure that surely was not billed", async () => {
      const world = aWorld({ endpoints: { ...endpoints, "weur-a": refuses }, models, legs: dearThenCheap });
      expect(trailOf(pictureOf(await world.run()))).toEqual(["weur-a connect_failed", "enam-a ok"]);
    });

    it("counts what was cut off and what was made", async () => {
      const world = aWorld({ endpoints, models, legs: dearThenCheap });
      const result = pictureOf(await world.run());
      expect(result.costUsd).toBeCloseTo(0.24 + 0.02);
    });
  });

  describe("to ejected endpoints", () => {
    /** Grants at `places`, and elsewhere only to those who have nowhere else to go. */
    const unwell = (...places: readonly string[]) =>
      scriptedScheduler((ask) =>
        ask.kind === "retry" || (places.includes(ask.place) && ask.elsewhere)
          ? { granted: false, why: ask.kind === "retry" ? "budget" : "no_endpoint" }
          : {},
      );

    it("goes back to the first leg that had none but them, when nothing else is left, without an extra attempt", async () => {
      const scheduler = unwell("weur", "enam");
      const world = aWorld({
        endpoints: { "weur-a": picture(), "enam-a": picture(), "apac-a": status(500) },
        legs: [...twoLegs, aLeg({ kind: "any-region", place: "apac", degraded: "region" })],
        scheduler,
      });
      const result = pictureOf(await world.run());
      expect(result.endpoint).toBe("weur-a");
      expect(world.scheduler.asks.map(({ place, kind }) => `${kind} ${place}`)).toEqual([
        "first weur",
        "fallback enam",
        "fallback apac",
        "fallback weur",
      ]);
      expectNothingLeft(world);
    });

    it("does so once, and before it shows a stale picture", async () => {
      const stale = aLeg({ kind: "stale", candidates: [], minMs: 0, capMs: 0, degraded: "stale" });
      const world = aWorld({
        endpoints: { "weur-a": status(500), "enam-a": status(500) },
        legs: [...twoLegs, stale],
        input: { supersedeKey: "s/l" },
        scheduler: unwell("weur"),
        ports: { stale: async () => ({ bytes: whole, format: "png", width: SIDE, height: SIDE, ageMs: 5_000 }) },
      });
      expect(pictureOf(await world.run()).degraded?.what).toBe("stale");
      expect(world.upstream.calls.map((seen) => seen.endpoint)).toEqual(["enam-a", "weur-a"]);
    });
  });

  describe("to a stale picture", () => {
    const stale = aLeg({ kind: "stale", candidates: [], minMs: 0, capMs: 0, degraded: "stale" });
    const kept = { bytes: whole, format: "png", width: SIDE, height: SIDE, ageMs: 5_000 } as const;

    it("shows it when every leg failed, and says so", async () => {
      const asked: unknown[] = [];
      const world = aWorld({
        endpoints: { "weur-a": hangs },
        legs: [aLeg(), stale],
        input: { supersedeKey: "s/l" },
        ports: {
          stale: async (ask) => {
            asked.push(ask);
            return kept;
          },
        },
      });
      const result = pictureOf(await world.run());
      expect(result.degraded).toEqual({ what: "stale", reason: "timed-out" });
      expect(world.scheduler.asks[0]?.elsewhere).toBe(false);
      expect(result.picture.bytes).toBe(whole);
      expect(asked).toEqual([{ tenant: "t", supersedeKey: "s/l", maxAgeMs: 600_000 }]);
      expectNothingLeft(world);
    });

    it.each([
      ["there is none", async () => undefined],
      ["it is too old", async () => ({ ...kept, ageMs: 600_001 })],
      ["the store is broken", () => Promise.reject(new Error("down"))],
      ["the store never answers", () => new Promise<undefined>(() => undefined)],
    ])("fails typed when %s", async (_what, look) => {
      const world = aWorld({
        endpoints: { "weur-a": hangs },
        legs: [aLeg(), stale],
        input: { supersedeKey: "k" },
        ports: { stale: look },
      });
      expect(failureOf(await world.run()).failure.code).toBe("deadline_exceeded");
      expect(world.clock.nowMs()).toBeLessThanOrEqual(world.deadlineAtMs);
      expectNothingLeft(world);
    });

    it("asks for none without a session and a layer", async () => {
      const world = aWorld({
        endpoints: { "weur-a": refuses },
        legs: [aLeg(), stale],
        ports: { stale: () => Promise.reject(new Error("must not be asked")) },
      });
      expect(failureOf(await world.run()).failure.code).toBe("upstream_failed");
    });
  });

  describe("that overlaps", () => {
    const policy = { overlap: true };
    const predicted = { waitMs: 0, serviceMs: 1_000, p95Ms: 1_500 };

    it("starts the next leg when the running one is later than predicted, and the first picture wins", async () => {
      const scheduler = scriptedScheduler(() => ({ predicted }));
      const world = aWorld({
        endpoints: { "weur-a": picture({ afterMs: 6_000 }), "enam-a": picture({ afterMs: 800 }) },
        legs: twoLegs,
        policy,
        scheduler,
      });
      const result = pictureOf(await world.run());
      expect(world.elapsedMs()).toBe(1_500 + 800);
      expect(result).toMatchObject({ endpoint: "enam-a", degraded: { what: "region", reason: "running-late" } });
      expect(trailOf(result)).toEqual(["weur-a cancelled", "enam-a ok"]);
      expect(world.upstream.callsTo("weur-a")[0]).toMatchObject({ aborted: true, abortReason: "lost_race" });
      expectNothingLeft(world);
    });

    it("asks for it as an extra attempt, and waits for its turn where the budget refuses that", async () => {
      const scheduler = scriptedScheduler((ask) => (ask.beside ? { granted: false, why: "budget" } : { predicted }));
      const world = aWorld({
        endpoints: { "weur-a": hangs, "enam-a": picture({ afterMs: 800 }) },
        legs: [aLeg(), sibling({ minMs: 2_000 })],
        policy,
        scheduler,
      });
      expect(trailOf(pictureOf(await world.run()))).toEqual(["weur-a cancelled", "enam-a ok"]);
      expect(world.elapsedMs()).toBe((8_000 - 300) / 2 + 800);
      expect(world.scheduler.asks.map(({ kind, beside }) => [kind, beside])).toEqual([
        ["first", undefined],
        ["fallback", true],
        ["fallback", undefined],
      ]);
      expectNothingLeft(world);
    });

    it("starts none early where it was measured how long such work takes: its timeout comes soon after", async () => {
      const scheduler = scriptedScheduler(() => ({ predicted }));
      const world = aWorld({
        endpoints: { "weur-a": picture({ afterMs: 1_700 }), "enam-a": picture() },
        legs: [aLeg({ attemptMs: 1_800 }), sibling()],
        policy,
        scheduler,
      });
      expect(trailOf(pictureOf(await world.run()))).toEqual(["weur-a ok"]);
    });

    it("still takes the late one when it is first", async () => {
      const scheduler = scriptedScheduler(() => ({ predicted }));
      const world = aWorld({
        endpoints: { "weur-a": picture({ afterMs: 2_000 }), "enam-a": picture({ afterMs: 800 }) },
        legs: twoLegs,
        policy,
        scheduler,
      });
      const result = pictureOf(await world.run());
      expect(result.endpoint).toBe("weur-a");
      expect(result.degraded).toBeUndefined();
      expect(world.upstream.callsTo("enam-a")[0]).toMatchObject({ aborted: true, abortReason: "lost_race" });
      expectNothingLeft(world);
    });

    it("starts the next leg when half of the time is over, whatever was predicted", async () => {
      const scheduler = scriptedScheduler(() => ({ predicted: { waitMs: 0, serviceMs: 5_000, p95Ms: 20_000 } }));
      const world = aWorld({
        endpoints: { "weur-a": hangs, "enam-a": picture({ afterMs: 800 }) },
        legs: [aLeg(), sibling({ minMs: 2_000 })],
        policy,
        scheduler,
      });
      pictureOf(await world.run());
      expect(world.elapsedMs()).toBe((8_000 - 300) / 2 + 800);
    });

    it("goes on to a third leg when the second fails beside a late first", async () => {
      const scheduler = scriptedScheduler(() => ({ predicted }));
      const world = aWorld({
        endpoints: { "weur-a": hangs, "enam-a": status(500, { afterMs: 100 }), "apac-a": picture({ afterMs: 500 }) },
        legs: [aLeg(), sibling(), aLeg({ kind: "any-region", place: "apac", degraded: "region" })],
        policy,
        scheduler,
      });
      expect(pictureOf(await world.run()).endpoint).toBe("apac-a");
      expect(world.elapsedMs()).toBe(1_500 + 100 + 500);
      expectNothingLeft(world);
    });

    it("waits for the late one when the others failed", async () => {
      const scheduler = scriptedScheduler(() => ({ predicted }));
      const world = aWorld({
        endpoints: { "weur-a": picture({ afterMs: 7_000 }), "enam-a": refuses },
        legs: twoLegs,
        policy,
        scheduler,
      });
      expect(pictureOf(await world.run()).endpoint).toBe("weur-a");
    });

    it("does not start beside a dear one that may be billed", async () => {
      const scheduler = scriptedScheduler(() => ({ predicted }));
      const world = aWorld({
        endpoints: { "weur-a": picture({ afterMs: 3_000 }), "enam-a": picture() },
        legs: twoLegs,
        models: { m: { price: { perImageUsd: 0.2 } } },
        policy,
        scheduler,
      });
      expect(trailOf(await world.run())).toEqual(["weur-a ok"]);
    });
  });
});

/**
 * Whatever the chain, the deadline and the upstreams' behaviour: an answer in time, typed; no slot lost; no attempt too many.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isComplete } from "../../routing/image/complete.ts";
import type { LegKind } from "../../routing/plan/plan.ts";
import { aPng } from "../support/pictures.ts";
import { scriptedScheduler } from "../support/scripted-scheduler.ts";
import type { Answer } from "../support/scripted-upstream.ts";
import { aLeg, aWorld, picture, SIDE, status } from "./world.ts";

const GRACE_MS = 50;
const half = aPng(SIDE, SIDE).slice(0, 600);
const delay = fc.integer({ min: 0, max: 12_000 });

const answers: fc.Arbitrary<Answer> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(delay, fc.integer({ min: 1, max: 3 })).map(([afterMs, seed]) => picture({ afterMs, seed })),
  },
  fc.tuple(delay, fc.boolean()).map(([afterMs, deaf]) => picture({ afterMs, deaf })),
  delay.map((afterMs): Answer => ({ does: "refuse", afterMs })),
  fc.boolean().map((deaf): Answer => ({ does: "hang", deaf })),
  fc
    .tuple(fc.constantFrom(500, 503, 504, 429, 404, 401, 422, 400), delay)
    .map(([code, afterMs]) => status(code, { afterMs, headers: { "retry-after": "1" } })),
  fc.constantFrom<Answer>(
    picture({ pin: "m@ffffffffffff" }),
    picture({ side: 16 }),
    picture({ chunks: [{ bytes: half }] }),
    picture({ chunks: [{ bytes: half }], ends: "break" }),
    picture({ chunks: [{ bytes: half }], ends: "stall" }),
    picture({ chunks: [{ bytes: half, afterMs: 3_000 }], ends: "stall", deaf: true }),
    { chunks: [], status: 200 },
  ),
);

const kinds: readonly LegKind[] = [
  "sibling-region",
  "faster-model",
  "any-region",
  "cluster",
  "model",
  "same-model",
  "successor",
];
const legs = fc.array(
  fc.record({
    kind: fc.constantFrom(...kinds),
    place: fc.constantFrom("weur", "enam", "apac"),
    endpoints: fc.integer({ min: 1, max: 2 }),
    minMs: fc.integer({ min: 1, max: 6_000 }),
    capMs: fc.integer({ min: 100, max: 9_000 }),
  }),
  { minLength: 1, maxLength: 5 },
);

const decisions = fc.oneof(
  { weight: 4, arbitrary: fc.constant({ granted: "at once" as const }) },
  fc.constant({ granted: "never" as const }),
  fc.integer({ min: 1, max: 20_000 }).map((afterMs) => ({ granted: "late" as const, afterMs })),
  fc
    .constantFrom("predicted_late", "no_endpoint", "shed", "budget")
    .map((why) => ({ granted: "no" as const, why: why as "shed" })),
);

const worlds = fc.record({
  legs,
  answers: fc.array(answers, { minLength: 6, maxLength: 6 }),
  decisions: fc.array(decisions, { minLength: 1, maxLength: 8 }),
  deadlineMs: fc.integer({ min: 1, max: 12_000 }),
  overlap: fc.boolean(),
  stale: fc.boolean(),
  hedgeAfterMs: fc.option(fc.integer({ min: 100, max: 3_000 }), { nil: undefined }),
  predictedMs: fc.option(fc.integer({ min: 100, max: 3_000 }), { nil: undefined }),
  maxAttempts: fc.integer({ min: 1, max: 6 }),
  leavesAfterMs: fc.option(fc.integer({ min: 0, max: 12_000 }), { nil: undefined }),
  revokeAfterMs: fc.option(fc.integer({ min: 0, max: 6_000 }), { nil: undefined }),
  jump: fc.option(fc.tuple(fc.integer({ min: 0, max: 6_000 }), fc.integer({ min: -100_000, max: 0 })), {
    nil: undefined,
  }),
  random: fc.double({ min: 0, max: 0.999, noNaN: true }),
});

type Drawn = typeof worlds extends fc.Arbitrary<infer Value> ? Value : never;

function build(drawn: Drawn) {
  const ids = (place: string, count: number): readonly string[] =>
    ["a", "b"].slice(0, count).map((letter) => `${place}-${letter}`);
  const scheduler = scriptedScheduler(async (_ask, nth) => {
    const decision = drawn.decisions[nth % drawn.decisions.length];
    if (decision?.granted === "never") await new Promise(() => undefined);
    if (decision?.granted === "late") await world.clock.sleep(decision.afterMs);
    if (decision?.granted === "no") return { granted: false, why: decision.why, retryAfterMs: 1_000 };
    const { predictedMs, hedgeAfterMs } = drawn;
    return {
      ...(predictedMs === undefined
        ? {}
        : { predicted: { waitMs: 0, serviceMs: predictedMs / 2, p95Ms: predictedMs } }),
      ...(hedgeAfterMs === undefined ? {} : { hedgeAfterMs }),
    };
  });
  const chain = drawn.legs.map(({ endpoints, ...part }, index) =>
    aLeg({
      ...part,
      ...(index === 0 ? { kind: "primary" } : { degraded: "region" }),
      candidates: ids(part.place, endpoints),
    }),
  );
  const world = aWorld({
    endpoints: Object.fromEntries(
      ["weur-a", "weur-b", "enam-a", "enam-b", "apac-a", "apac-b"].map((id, at) => [id, drawn.answers[at] as Answer]),
    ),
    legs: drawn.stale
      ? [...chain, aLeg({ kind: "stale", candidates: [], minMs: 0, capMs: 0, degraded: "stale" })]
      : chain,
    policy: {
      overlap: drawn.overlap,
      maxAttempts: drawn.maxAttempts,
      hedge: { afterQuantile: 0.95, budget: 0.05 },
      deadlineMs: drawn.deadlineMs,
    },
    scheduler,
    input: { supersedeKey: "s" },
    ports: { random: () => drawn.random, stale: () => new Promise(() => undefined) },
  });
  return { world, chain };
}

async function answered(drawn: Drawn) {
  const { world, chain } = build(drawn);
  const answer = world.start();
  let answeredAtMs: number | undefined;
  void answer.then(() => {
    answeredAtMs = world.clock.passedMs();
  });
  const pass = (untilMs: number): Promise<void> => world.clock.advance(Math.max(0, untilMs - world.clock.passedMs()));
  const turns: { atMs: number; turn: () => void }[] = [];
  const { leavesAfterMs, revokeAfterMs, jump } = drawn;
  if (leavesAfterMs !== undefined) turns.push({ atMs: leavesAfterMs, turn: () => world.client.abort("client_gone") });
  if (revokeAfterMs !== undefined) {
    turns.push({ atMs: revokeAfterMs, turn: () => world.scheduler.revoke(world.scheduler.leases.at(-1), "revoked") });
  }
  if (jump !== undefined) turns.push({ atMs: jump[0], turn: () => world.clock.jump(jump[1]) });
  for (const { atMs, turn } of turns.sort((a, b) => a.atMs - b.atMs)) {
    await pass(Math.min(atMs, drawn.deadlineMs + GRACE_MS));
    turn();
  }
  await pass(drawn.deadlineMs + GRACE_MS);
  return { world, chain, answeredAtMs, answer, pass };
}

describe("execute", () => {
  it("keeps its promises in any world", { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(worlds, async (drawn) => {
        const { world, chain, answeredAtMs, answer, pass } = await answered(drawn);
        expect(answeredAtMs).toBeLessThanOrEqual(drawn.deadlineMs + GRACE_MS);
        const result = await answer;
        if (result.ok) {
          expect(result.picture.bytes === undefined || isComplete(result.picture.bytes, "png")).toBe(true);
          expect(result.picture).toMatchObject({ width: SIDE, height: SIDE });
        } else {
          expect(result.failure.code).toBeTypeOf("string");
        }
        const firstAttempts = world.upstream.calls.length;
        expect(firstAttempts).toBeLessThanOrEqual(chain.length + 1);
        expect(firstAttempts).toBeLessThanOrEqual(drawn.maxAttempts);
        expect(result.costUsd).toBeGreaterThanOrEqual(0);
        // Late grants and late answers come in; then every slot is back, once.
        await pass(40_000);
        expect(world.scheduler.wronglyReleased()).toEqual([]);
        expect(world.upstream.calls.length).toBe(firstAttempts);
      }),
      { seed: 20_261_122, numRuns: 250 },
    );
  });

  it("does the same twice", async () => {
    const [drawn] = fc.sample(worlds, { seed: 7, numRuns: 1 });
    const traces = [];
    for (const _time of [1, 2]) {
      const { world, answer } = await answered(drawn as Drawn);
      traces.push({ trail: (await answer).trail, events: world.events });
    }
    expect(traces[1]).toEqual(traces[0]);
  });
});

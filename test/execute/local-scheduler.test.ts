import { describe, expect, it } from "vitest";
import { createSimpleScheduler } from "../../routing/execute/local-scheduler.ts";
import type { AttemptOutcome, Lease, Reservation, ReserveAsk } from "../../routing/execute/ports.ts";
import type { AttemptFailure } from "../../routing/failure/index.ts";
import { createFakeClock } from "../support/fake-clock.ts";
import { aModel, anEndpoint, aSnapshot } from "../support/snapshot.ts";

const signal = new AbortController().signal;

/** Two endpoints of one slot each; pictures take a second. */
function aScheduler(seed = 1) {
  const clock = createFakeClock();
  let state = seed;
  const random = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  const concurrency = { kind: "known", slots: 1 } as const;
  const { catalog } = aSnapshot({
    models: { m: aModel({ id: "m", expected: { p50Ms: 1_000, p95Ms: 1_500 } }) },
    endpoints: {
      a: anEndpoint({ id: "a", model: "m", concurrency }),
      b: anEndpoint({ id: "b", model: "m", concurrency }),
    },
  }).content;
  const scheduler = createSimpleScheduler(catalog, clock, random);
  const ask = (parts: Partial<ReserveAsk> = {}): Promise<Reservation> =>
    scheduler.reserve(
      {
        place: "weur",
        model: "m",
        candidates: ["a", "b"],
        sizeClass: "m",
        priority: "interactive",
        deadlineAtMs: clock.nowMs() + 8_000,
        kind: "first",
        avoid: [],
        tenant: "t",
        requestId: "r",
        ...parts,
      },
      signal,
    );
  const lease = async (parts: Partial<ReserveAsk> = {}): Promise<Lease> => {
    const reservation = await ask(parts);
    if (!reservation.granted) throw new Error(`refused: ${reservation.why}`);
    return reservation.lease;
  };
  const end = (held: Lease, failure?: AttemptFailure, elapsedMs = 1_000): void => {
    const result: AttemptOutcome["result"] = failure === undefined ? { ok: true } : { ok: false, failure };
    scheduler.release(held, { model: "m", sizeClass: "m", result, elapsedMs });
  };
  const failing = async (times: number, failure: AttemptFailure): Promise<void> => {
    for (let time = 0; time < times; time += 1) end(await lease({ candidates: ["a"] }), failure);
  };
  return { clock, ask, lease, end, failing };
}

describe("the scheduler of one isolate", () => {
  it("gives the freer of two endpoints", async () => {
    const { lease } = aScheduler();
    const first = await lease();
    const second = await lease();
    expect([first.endpoint, second.endpoint].sort()).toEqual(["a", "b"]);
  });

  it("prefers the endpoint that was quicker lately, and forgets after a while", async () => {
    const { clock, lease, end } = aScheduler();
    end(await lease({ candidates: ["a"] }), undefined, 9_000);
    for (let time = 0; time < 20; time += 1) {
      const held = await lease();
      expect(held.endpoint).toBe("b");
      end(held);
    }
    await clock.advance(3_600_000);
    const later = new Set<string>();
    for (let time = 0; time < 40; time += 1) {
      const held = await lease();
      later.add(held.endpoint);
      end(held);
    }
    expect([...later].sort()).toEqual(["a", "b"]);
  });

  it("never gives an endpoint that is to be avoided or that nobody knows", async () => {
    const { ask, lease } = aScheduler();
    expect((await lease({ avoid: ["a"] })).endpoint).toBe("b");
    expect(await ask({ candidates: ["x"] })).toEqual({ granted: false, why: "no_endpoint" });
  });

  it("refuses at once what would wait past its deadline, and says how long", async () => {
    const { ask, lease, clock } = aScheduler();
    const { predicted } = await lease({ candidates: ["a"] });
    expect(predicted).toEqual({ waitMs: 0, serviceMs: 1_000, p95Ms: 1_500 });
    const late = { candidates: ["a"], deadlineAtMs: clock.nowMs() + 1_500 };
    expect(await ask(late)).toEqual({ granted: false, why: "predicted_late", retryAfterMs: 1_000 });
    expect((await lease({ candidates: ["a"], deadlineAtMs: clock.nowMs() + 2_500 })).predicted?.waitMs).toBe(1_000);
  });

  it("holds an endpoint out after three failures in a row, and lets it back", async () => {
    const { clock, ask, lease, failing } = aScheduler();
    await failing(3, { reason: "upstream_error", status: 500 });
    expect(await ask({ candidates: ["a"], elsewhere: true })).toMatchObject({ granted: false, why: "no_endpoint" });
    expect((await lease()).endpoint).toBe("b");
    await clock.advance(19_000);
    expect((await lease({ candidates: ["a"], elsewhere: true })).endpoint).toBe("a");
  });

  it("holds it out for longer when it fails again", async () => {
    const { clock, ask, failing } = aScheduler();
    await failing(3, { reason: "connect_failed" });
    await clock.advance(19_000);
    await failing(1, { reason: "connect_failed" });
    await clock.advance(19_000);
    expect((await ask({ candidates: ["a"], elsewhere: true })).granted).toBe(false);
  });

  it("uses a held-out endpoint all the same when no other leg can serve", async () => {
    const { lease, failing } = aScheduler();
    await failing(3, { reason: "upstream_error", status: 500 });
    expect((await lease({ candidates: ["a"], elsewhere: false })).endpoint).toBe("a");
  });

  it.each<AttemptFailure>([
    { reason: "cancelled", cause: "client_gone" },
    { reason: "refused_content", detail: "violence" },
    { reason: "overloaded", status: 429 },
  ])("does not blame an endpoint for $reason", async (failure) => {
    const { ask, failing } = aScheduler();
    await failing(5, failure);
    expect((await ask({ candidates: ["a"], elsewhere: true })).granted).toBe(true);
  });

  it("holds out an endpoint of another version at once", async () => {
    const { ask, failing } = aScheduler();
    await failing(1, { reason: "pin_mismatch", expected: "m@1", reported: "m@2" });
    expect((await ask({ candidates: ["a"], elsewhere: true })).granted).toBe(false);
  });

  it("sends nobody before Retry-After", async () => {
    const { clock, ask, failing } = aScheduler();
    await failing(1, { reason: "overloaded", status: 503, retryAfterMs: 5_000 });
    expect(await ask({ candidates: ["a"] })).toEqual({ granted: false, why: "not_before", retryAfterMs: 5_000 });
    await clock.advance(5_000);
    expect((await ask({ candidates: ["a"] })).granted).toBe(true);
  });

  it("lets at most a tenth of requests be repeated, after the first", async () => {
    const { ask, lease, end } = aScheduler();
    let repeats = 0;
    for (let time = 0; time < 200; time += 1) {
      end(await lease());
      const repeat = await ask({ kind: time % 2 === 0 ? "retry" : "hedge" });
      if (!repeat.granted) {
        expect(repeat.why).toBe("budget");
        continue;
      }
      repeats += 1;
      end(repeat.lease);
    }
    expect(repeats).toBeGreaterThanOrEqual(20);
    expect(repeats).toBeLessThanOrEqual(21);
  });

  it("takes a slot back whose release was lost", async () => {
    const { clock, ask, lease } = aScheduler();
    await lease({ candidates: ["a"], timeoutMs: 3_000 });
    const tight = () => ask({ candidates: ["a"], deadlineAtMs: clock.nowMs() + 1_500 });
    expect((await tight()).granted).toBe(false);
    await clock.advance(6_000);
    expect((await tight()).granted).toBe(true);
  });

  it("counts a release once", async () => {
    const { ask, lease, end, clock } = aScheduler();
    const held = await lease({ candidates: ["a"] });
    await lease({ candidates: ["a"] });
    end(held);
    end(held);
    expect((await ask({ candidates: ["a"], deadlineAtMs: clock.nowMs() + 1_500 })).granted).toBe(false);
  });
});

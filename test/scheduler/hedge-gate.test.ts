/**
 * The table of control.md §1 (two pools of eight GPUs, mean 1.5 s, CV 0.15, 1 % stragglers of +10 to +20 s): each row's load is simulated as
 * a queue in front of eight GPUs, its attempt times fill a sketch, and the gate is asked with what that pool then looks like.
 */
import { describe, expect, test } from "vitest";
import { type Alternative, decideAlternative, decideHedge, hasTailToSave } from "../../routing/scheduler/hedge-gate.ts";
import { emptyLatencyBook, recordDuration, type Tail, tailOf } from "../../routing/scheduler/latency-book.ts";
import { normal, seeded, T0 } from "./support.ts";

const GPUS = 8;
const MEAN_MS = 1_500;
const shape = { sizeClass: "m" } as const;

interface Pool {
  readonly tail: Tail;
  readonly q50Ms: number;
}

/** Attempt times (wait and service) of a first-come queue at load `rho`: their tail beyond p95, and their median. */
function poolAt(row: {
  readonly rho: number;
  readonly stragglers: boolean;
  readonly seed: number;
  readonly jobs?: number;
}): Pool {
  const random = seeded(row.seed);
  const book = emptyLatencyBook();
  const freeAtMs = new Array<number>(GPUS).fill(0);
  const meanMs = MEAN_MS + (row.stragglers ? 150 : 0);
  const cv = row.stragglers ? 0.15 : 0.05;
  let arrivesAtMs = 0;
  for (let job = 0; job < (row.jobs ?? 20_000); job += 1) {
    arrivesAtMs += (-Math.log(1 - random()) * meanMs) / (GPUS * row.rho);
    freeAtMs.sort((a, b) => a - b);
    const startsAtMs = Math.max(arrivesAtMs, freeAtMs[0]!);
    const straggles = row.stragglers && random() < 0.01 ? 10_000 + 10_000 * random() : 0;
    freeAtMs[0] = startsAtMs + Math.max(300, MEAN_MS * (1 + cv * normal(random))) + straggles;
    recordDuration(book, { endpoint: "a", model: "m", shape, elapsedMs: freeAtMs[0] - arrivesAtMs }, T0);
  }
  const attempts = { model: "m", shape, minSamples: 50 };
  const q50Ms = tailOf(book, { ...attempts, q: 0.5 }, T0)!.qhMs;
  return { tail: tailOf(book, { ...attempts, q: 0.95 }, T0)!, q50Ms };
}

const alternativeAt = (rho: number, parts: Partial<Alternative> = {}): Alternative => ({
  q50Ms: MEAN_MS,
  q75Ms: MEAN_MS * 1.1,
  rttMs: 100,
  waitMs: 0,
  freeSlots: 1,
  load: rho,
  cancelEfficacy: 1,
  ...parts,
});

const inTime = { nowMs: T0, deadlineAtMs: T0 + 6_000, token: true };
const SEEDS = [1, 2, 3];

describe.each(SEEDS)("hedge gate, row by row, seed %s", (seed) => {
  const decide = (rho: number, stragglers: boolean, parts: Partial<Alternative> = {}) => {
    // A queue at 0.95 takes long to show its usual length.
    const { tail, q50Ms } = poolAt({ rho, stragglers, seed, jobs: rho > 0.9 ? 60_000 : 20_000 });
    return decideHedge(tail, alternativeAt(rho, { q50Ms, ...parts }), inTime);
  };

  test("load 0.40 with stragglers: hedges, whether cancelling is honoured or not", () => {
    expect(decide(0.4, true)).toEqual({ hedge: true });
    expect(decide(0.4, true, { cancelEfficacy: 0 })).toEqual({ hedge: true });
  });

  test.each([0.75, 0.85, 0.95])(
    "load %s with stragglers: hedges where cancelling is honoured, and only there",
    (rho) => {
      expect(decide(rho, true)).toEqual({ hedge: true });
      expect(decide(rho, true, { cancelEfficacy: 0 })).toEqual({ hedge: false, why: "loaded" });
    },
  );

  test.each([0.6, 0.85, 0.95])("load %s without stragglers: there is no tail worth a hedge", (rho) => {
    expect(decide(rho, false)).toEqual({ hedge: false, why: "no_tail" });
  });
});

describe("hedge gate, clause by clause", () => {
  const tail: Tail = { qhMs: 2_000, meanExcessMs: 2_000 };

  test("asks for more to come than a fresh attempt takes", () => {
    expect(hasTailToSave(tail, { q50Ms: 1_900, rttMs: 100 })).toBe(false);
    expect(hasTailToSave(tail, { q50Ms: 1_900, rttMs: 99 })).toBe(true);
  });

  test("where timeouts hide the tail, asks whether they cut off a tenth of the late and whether the hedge is there before what follows", () => {
    const near = { q50Ms: 750, rttMs: 10 };
    const far = { q50Ms: 750, rttMs: 150 };
    const cut = (share: number, medianMs = 1_120): Tail => ({ qhMs: 920, meanExcessMs: 100, cut: { share, medianMs } });
    expect(hasTailToSave(cut(0.2), near)).toBe(true);
    expect(hasTailToSave(cut(0.09), near)).toBe(false);
    expect(hasTailToSave({ qhMs: 920, meanExcessMs: 100 }, near)).toBe(false);
    // 200 ms before the timeout, and 140 ms further away than what would follow it; then 100 ms.
    expect(hasTailToSave(cut(0.2), far, near)).toBe(true);
    expect(hasTailToSave(cut(0.2, 1_020), far, near)).toBe(false);
  });

  test("sees the stragglers in a few hundred samples already", () => {
    const few = poolAt({ rho: 0.4, stragglers: true, seed: 1, jobs: 600 });
    expect(hasTailToSave(few.tail, { q50Ms: few.q50Ms, rttMs: 100 })).toBe(true);
  });

  test("does not hedge what it has not measured", () => {
    expect(decideHedge(undefined, alternativeAt(0.2), inTime)).toEqual({ hedge: false, why: "no_tail" });
  });

  test.each<[string, Partial<Alternative>, Partial<typeof inTime>, string]>([
    ["too little time is left", {}, { deadlineAtMs: T0 + 1_649 }, "no_time"],
    ["no slot is free", { freeSlots: 0 }, {}, "no_slot"],
    ["the free slot is not free yet", { waitMs: 10 }, {}, "no_slot"],
    ["cancelling saves too little and the load is 0.7", { cancelEfficacy: 0.79, load: 0.7 }, {}, "loaded"],
    ["no token is left", {}, { token: false }, "no_token"],
  ])("does not when %s", (_name, alternative, at, why) => {
    const decision = decideAlternative(alternativeAt(0.4, alternative), { ...inTime, ...at });
    expect(decision).toEqual({ hedge: false, why });
  });

  test("does at the edges: time to the millisecond, load just below, efficacy at the bound", () => {
    expect(decideAlternative(alternativeAt(0.4), { ...inTime, deadlineAtMs: T0 + 1_650 }).hedge).toBe(true);
    expect(decideAlternative(alternativeAt(0.699, { cancelEfficacy: 0 }), inTime).hedge).toBe(true);
    expect(decideAlternative(alternativeAt(0.95, { cancelEfficacy: 0.8 }), inTime).hedge).toBe(true);
  });
});

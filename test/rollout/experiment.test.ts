import { describe, expect, it } from "vitest";
import type { Canary } from "../../routing/config/snapshot.ts";
import { describeEntry, type LogEntry } from "../../routing/rollout/decision-log.ts";
import { createExperiment, type Experiment, restoreExperiment } from "../../routing/rollout/experiment.ts";
import { toExperimentSpec, toRolloutSpec } from "../../routing/rollout/spec.ts";
import { aFailure, anExperiment, anOutcome, broken, HOUR_MS, MINUTE_MS, ok, SPEC, START_MS, send } from "./world.ts";

const SOUND = { baseline: 0.05, canary: 0.05 };
const BROKEN = { baseline: 0.05, canary: 0.4 };
const AT_30 = { ramp: [0.3], minHours: 0 };

const kinds = (experiment: Experiment) => experiment.log().map((entry) => entry.kind);
const last = (experiment: Experiment): LogEntry => experiment.log().at(-1)!;

describe("a good candidate", () => {
  it("goes up the ramp step by step and is promoted with proof", () => {
    const experiment = anExperiment({ minRequests: 50 });
    expect(experiment.shareNow()).toBe(0.01);
    send(experiment, { fromMs: START_MS, requests: 80_000, everyMs: 7_000, errors: SOUND });
    expect(kinds(experiment)).toEqual(["started", "widened", "widened", "widened", "promoted"]);
    expect(experiment.log().map((entry) => entry.share)).toEqual([0.01, 0.05, 0.15, 0.3, 1]);
    expect(experiment.shareNow()).toBe(1);
    const { numbers } = last(experiment);
    for (const metric of Object.values(numbers.metrics)) {
      expect(metric.withinMarginE).toBeGreaterThanOrEqual(numbers.withinMarginBar);
    }
  });

  it("is not promoted without proof, however long it is quiet", () => {
    const experiment = anExperiment({ ...AT_30, minRequests: 100 });
    const endMs = send(experiment, { fromMs: START_MS, requests: 600, everyMs: 60_000, errors: SOUND });
    expect(experiment.status(endMs + 1_000 * HOUR_MS)).toMatchObject({ phase: "running", waitsFor: "not-proven" });
    expect(experiment.decide(endMs + 1_000 * HOUR_MS)).toEqual([]);
  });

  it("is not promoted on proof that its plain rate belies", () => {
    const experiment = anExperiment({ ...AT_30, stickTo: "session", minHours: 24 });
    let atMs = START_MS;
    for (let unit = 0; unit < 6_000; unit++) {
      const arm = unit % 10 < 3 ? "canary" : "baseline";
      const isBad = unit % 13 === 0;
      // A bad session of the canary goes on failing, which counts once a window in the tests and every time in the plain rate.
      const failures = isBad ? (arm === "canary" ? 6 : 1) : 0;
      atMs += 15_000;
      const change = { atMs, arm, unit } as const;
      const outcomes = [...Array.from({ length: failures }, () => aFailure(change)), anOutcome(change)];
      experiment.record({ id: `${unit}`, outcomes });
    }
    const { unproven, numbers } = experiment.status(atMs);
    expect(numbers.metrics.errors.withinMarginE).toBeGreaterThan(numbers.withinMarginBar);
    expect(unproven).toContain("errors");
  });

  it("is not promoted while its model is turned away more often, nor rolled back for it", () => {
    const experiment = anExperiment(AT_30);
    const turnedAway = { attempts: [{ model: "sd35-next", outcome: "overloaded" } as const, ok("flux-fast")] };
    for (let at = 0; at < 16_000; at++) {
      const atMs = START_MS + at * 1_000;
      const change = { atMs, unit: at, arm: at % 10 < 3 ? "canary" : "baseline" } as const;
      const outcome =
        change.arm === "canary" && at % 4 === 0 ? anOutcome({ ...change, ...turnedAway }) : anOutcome(change);
      experiment.record({ id: `${at}`, outcomes: [outcome] });
      experiment.decide(atMs);
    }
    const { phase, unproven, numbers } = experiment.status(START_MS + 16_000_000);
    expect({ phase, unproven }).toEqual({ phase: "running", unproven: ["unserved"] });
    expect(numbers.arms.canary.excluded.unserved).toBe(numbers.metrics.unserved.bad.canary);
  });
});

describe("a bad candidate", () => {
  it("is rolled back once, for good, with its numbers written down", () => {
    const experiment = anExperiment(AT_30);
    const endMs = send(experiment, { fromMs: START_MS, requests: 2_000, everyMs: 1_000, errors: BROKEN, batch: 1 });
    expect(kinds(experiment)).toEqual(["started", "rolled-back"]);
    expect(experiment.shareNow()).toBe(0);
    const entry = last(experiment);
    expect(entry).toMatchObject({ seq: 2, acted: true, phase: "rolled-back", share: 0 });
    expect(entry.numbers.worseE).toBeGreaterThanOrEqual(100);
    expect(entry.numbers.metrics.errors.ratio).toBeGreaterThan(3);
    const { errors, sloMisses, checks, unserved } = entry.numbers.metrics;
    expect(entry.numbers.worseE).toBeCloseTo((errors.worseE! + sloMisses.worseE! + checks.worseE!) / 3, 6);
    expect(unserved.worseE).toBeUndefined();
    expect(entry.numbers.metrics.errors.bad.canary).toBeLessThan(60);
    expect(experiment.decide(endMs)).toEqual([]);
    expect(experiment.decide(endMs + 100 * HOUR_MS)).toEqual([]);
    expect(experiment.log()).toHaveLength(2);
    expect(experiment.status(endMs).numbers.arms.canary.excluded.ended ?? 0).toBe(0);
    experiment.record({ id: "late", outcomes: [aFailure({ atMs: endMs })] });
    expect(experiment.status(endMs).numbers.arms.canary.excluded.ended).toBe(1);
  });

  it("is rolled back for SLO misses and for failed checks too", () => {
    for (const bad of [{ elapsedMs: 9_000 }, { checks: "failed" }] as const) {
      const experiment = anExperiment(AT_30);
      for (let at = 0; at < 400; at++) {
        const arm = at % 10 < 3 ? "canary" : "baseline";
        const change = { atMs: START_MS + at * 1_000, unit: at, arm } as const;
        experiment.record({ id: `${at}`, outcomes: [anOutcome(arm === "canary" ? { ...change, ...bad } : change)] });
        experiment.decide(START_MS + at * 1_000);
      }
      expect(last(experiment).kind).toBe("rolled-back");
    }
  });

  it("is rolled back for checks that finish after the answer", () => {
    const experiment = anExperiment(AT_30);
    for (let at = 0; at < 200; at++) {
      const arm = at % 10 < 3 ? "canary" : "baseline";
      const outcome = { kind: "check", atMs: START_MS, arm, share: 0.3, unit: at, passed: arm === "baseline" } as const;
      experiment.record({ id: `${at}`, outcomes: [outcome] });
    }
    expect(experiment.decide(START_MS).map((entry) => entry.kind)).toEqual(["rolled-back"]);
  });

  it("does not widen while it is under suspicion", () => {
    const experiment = anExperiment(
      { ramp: [0.3, 0.5], minHours: 0, minRequests: 1 },
      { rollbackAlpha: 1e-9, cautionE: 10 },
    );
    const endMs = send(experiment, { fromMs: START_MS, requests: 300, everyMs: 1_000, errors: BROKEN, batch: 300 });
    expect(experiment.status(endMs).waitsFor).toBe("suspicious");
    expect(experiment.shareNow()).toBe(0.3);
  });

  it("that turns bad after good days does not hide behind them", () => {
    const experiment = anExperiment({ ...AT_30, minHours: 1e6 });
    const turnedMs = send(experiment, { fromMs: START_MS, requests: 12_000, everyMs: 20_000, errors: SOUND });
    const before = experiment.status(turnedMs).numbers.metrics.errors.bad;
    send(experiment, { fromMs: turnedMs + 1_000, requests: 3_000, everyMs: 1_000, errors: BROKEN, batch: 1, seed: 2 });
    expect(last(experiment).kind).toBe("rolled-back");
    const after = last(experiment).numbers.metrics.errors.bad;
    expect(after.baseline + after.canary - before.baseline - before.canary).toBeLessThan(130);
  });
});

describe("an experiment that only observes", () => {
  it("writes down what it would have done, once, and changes nothing", () => {
    const experiment = anExperiment({ ...AT_30, mode: "observe" });
    send(experiment, { fromMs: START_MS, requests: 2_000, everyMs: 1_000, errors: BROKEN });
    expect(kinds(experiment)).toEqual(["started", "rolled-back"]);
    expect(last(experiment)).toMatchObject({ acted: false, phase: "running", share: 0.3 });
    expect(experiment.shareNow()).toBe(0.3);
    expect(describeEntry(last(experiment))).toMatch(
      /^would have rolled back, canary at 30 %\. errors: \d+ of \d+ against/,
    );
  });

  it("is widened by a person", () => {
    const experiment = anExperiment({ mode: "observe", minHours: 0, minRequests: 1 });
    send(experiment, { fromMs: START_MS, requests: 1_000, everyMs: 1_000, errors: SOUND });
    expect(experiment.shareNow()).toBe(0.01);
    experiment.command({ command: "widen", person: "ada" }, START_MS + HOUR_MS);
    expect(experiment.shareNow()).toBe(0.05);
    send(experiment, { fromMs: START_MS + HOUR_MS, requests: 1_000, everyMs: 1_000, errors: SOUND });
    expect(experiment.log().map((entry) => [entry.kind, entry.acted])).toEqual([
      ["started", true],
      ["widened", false],
      ["widened", true],
      ["widened", false],
    ]);
  });
});

describe("a broken salt", () => {
  const broken = (experiment: Experiment) =>
    send(experiment, {
      fromMs: START_MS,
      requests: 4_000,
      everyMs: 1_000,
      errors: SOUND,
      // A constant in place of the unit on one edge of ten: all of its requests fall into one arm.
      armOf: (unit) => (unit.endsWith("7") || Number(unit.at(-2)) < 3 ? "canary" : "baseline"),
    });

  it("freezes the ramp, and only the way back stays open", () => {
    const experiment = anExperiment({ ...AT_30, ramp: [0.3, 0.5], minRequests: 1, minHours: 100 });
    const endMs = broken(experiment);
    expect(last(experiment)).toMatchObject({ kind: "frozen", phase: "frozen", share: 0.3 });
    expect(experiment.status(endMs + 1_000 * HOUR_MS).waitsFor).toBe("frozen");
    send(experiment, { fromMs: endMs + 1_000, requests: 2_000, everyMs: 1_000, errors: BROKEN });
    expect(last(experiment).kind).toBe("rolled-back");
  });

  it("is looked into by a person, after which the step begins anew", () => {
    const experiment = anExperiment({ ...AT_30, minHours: 100 });
    const endMs = broken(experiment);
    experiment.command({ command: "resume", person: "ada", note: "edge fixed" }, endMs);
    const { numbers, phase } = experiment.status(endMs);
    expect(phase).toBe("running");
    expect(numbers).toMatchObject({
      stepRequests: 0,
      stepHours: 0,
      sampleRatio: { units: { baseline: 0, canary: 0 } },
    });
    expect(experiment.decide(endMs)).toEqual([]);
  });
});

describe("what is counted", () => {
  const counted = (experiment: Experiment) => experiment.status(START_MS).numbers;

  it.each([
    ["forced", { excluded: "forced" }],
    ["no-unit", { unit: undefined, excluded: "no-unit" }],
    ["other-share", { share: 0.05 }],
    ["warm-up", { atMs: START_MS + 9 * MINUTE_MS }],
    ["says-nothing", { attempts: [] }],
  ] as const)("leaves %s out of both arms alike, and says so", (why, change) => {
    const experiment = anExperiment(AT_30, { warmupMs: 10 * MINUTE_MS });
    for (const arm of ["baseline", "canary"] as const) {
      const base = { arm, atMs: START_MS + 10 * MINUTE_MS, ...change };
      const outcome = "attempts" in change ? anOutcome(base as never) : aFailure(base as never);
      experiment.record({ id: arm, outcomes: [outcome] });
    }
    const { arms, metrics } = counted(experiment);
    for (const arm of ["baseline", "canary"] as const) {
      expect(arms[arm]).toMatchObject({ requests: 0, excluded: { [why]: 1 } });
      expect(metrics.errors.trials[arm]).toBe(0);
    }
  });

  it("is every outcome after the warm-up, by the assigned arm, with the served model beside it", () => {
    const experiment = anExperiment(AT_30, { warmupMs: 10 * MINUTE_MS });
    const atMs = START_MS + 10 * MINUTE_MS;
    experiment.record({ id: "1", outcomes: [aFailure({ atMs, costUsd: 0.03 }), anOutcome({ atMs, unit: 8 })] });
    const { arms, metrics } = counted(experiment);
    expect(metrics.errors.bad).toEqual({ baseline: 0, canary: 1 });
    expect(arms.canary.served).toEqual({
      "flux-fast": { requests: 1, late: 0, costUsd: 0.03 },
      "sd35-next": { requests: 1, late: 0, costUsd: 0.01 },
    });
    expect(arms.canary.costPerPictureUsd).toBeCloseTo(0.02, 9);
  });

  it("is one bad event a unit and window", () => {
    const experiment = anExperiment({ ...AT_30, stickTo: "session" });
    const badAt = (minutes: number) => {
      const atMs = START_MS + minutes * MINUTE_MS;
      experiment.record({ id: `${minutes}`, outcomes: [aFailure({ atMs, unit: 5 })] });
    };
    for (const minutes of [0, 1, 5, 9.9]) badAt(minutes);
    expect(counted(experiment).metrics.errors.bad.canary).toBe(1);
    badAt(10);
    badAt(11);
    expect(counted(experiment).metrics.errors.bad.canary).toBe(2);
  });

  it("is a batch once, however often it arrives", () => {
    const experiment = anExperiment(AT_30);
    const batch = { id: "edge-1:7", outcomes: [anOutcome(), aFailure({ unit: 9 })] };
    expect([1, 2, 3].map(() => experiment.record(batch))).toEqual(["recorded", "repeated", "repeated"]);
    expect(counted(experiment).arms.canary.requests).toBe(2);
  });

  it("remembers a bounded number of batches, the latest ones", () => {
    const experiment = anExperiment(AT_30, { maxBatches: 3 });
    for (const id of ["a", "b", "c", "d"]) experiment.record({ id, outcomes: [] });
    expect(experiment.checkpoint().state.batches).toEqual(["b", "c", "d"]);
    expect(experiment.record({ id: "d", outcomes: [] })).toBe("repeated");
    expect(experiment.record({ id: "a", outcomes: [] })).toBe("recorded");
  });

  it("gives cost and latency with bounds once there is enough of them", () => {
    const experiment = anExperiment({ ...AT_30, minHours: 1e6 });
    for (let at = 0; at < 1_000; at++) {
      const arm = at % 10 < 3 ? "canary" : "baseline";
      const jitter = 1 + (at % 7) / 20;
      const factor = arm === "canary" ? 0.5 : 1;
      const change = { arm, unit: at, elapsedMs: 2_000 * factor * jitter, costUsd: 0.02 * factor * jitter } as const;
      experiment.record({ id: `${at}`, outcomes: [anOutcome(change)] });
    }
    const { latencyRatio, costDifferenceUsd, arms } = counted(experiment);
    expect(latencyRatio!.low).toBeLessThan(0.5);
    expect(latencyRatio!.high).toBeGreaterThan(0.5);
    expect(latencyRatio!.high).toBeLessThan(0.6);
    expect(costDifferenceUsd!.high).toBeLessThan(0);
    expect(arms.canary.p50Ms! / arms.baseline.p50Ms!).toBeCloseTo(0.5, 1);
  });
});

describe("a person", () => {
  const now = START_MS + HOUR_MS;

  it("pauses, resumes, promotes and aborts, each written down with the name", () => {
    const experiment = anExperiment();
    for (const command of ["pause", "resume", "promote", "abort"] as const) {
      experiment.command({ command, person: "ada", note: "because" }, now);
    }
    expect(experiment.log().map(({ kind, person, share }) => [kind, person, share])).toEqual([
      ["started", "ada", 0.01],
      ["paused", "ada", 0.01],
      ["resumed", "ada", 0.01],
      ["promoted", "ada", 1],
      ["aborted", "ada", 0],
    ]);
    expect(describeEntry(last(experiment))).toBe("aborted by ada, canary at 0 % (because).");
  });

  it("may repeat a word without a second entry", () => {
    const experiment = anExperiment();
    experiment.command({ command: "abort", person: "ada" }, now);
    expect(experiment.command({ command: "abort", person: "bob" }, now)).toEqual({ ok: true });
    expect(experiment.log()).toHaveLength(2);
  });

  it("is told why a word does not apply", () => {
    const experiment = anExperiment({ ramp: [0.3] });
    const say = (command: "pause" | "resume" | "widen" | "abort" | "promote") =>
      experiment.command({ command, person: "ada" }, now);
    expect(say("widen")).toEqual({ ok: false, why: "last-step", phase: "running" });
    say("pause");
    expect(say("widen")).toEqual({ ok: false, why: "not-running", phase: "paused" });
    say("abort");
    expect(say("promote")).toEqual({ ok: false, why: "ended", phase: "aborted" });
  });
});

describe("a checkpoint", () => {
  it("goes on exactly where it was, through JSON, at any time", () => {
    const steady = anExperiment({ ...AT_30, stickTo: "session", minHours: 1e6 });
    let restored: Experiment = anExperiment({ ...AT_30, stickTo: "session", minHours: 1e6 });
    for (let part = 0; part < 12; part++) {
      const errors = part < 8 ? SOUND : { baseline: 0.05, canary: 0.12 };
      const load = { fromMs: START_MS + part * HOUR_MS, requests: 333, everyMs: 5_000, errors, seed: part };
      const endMs = send(steady, load);
      send(restored, load);
      restored.record({ id: `shadow-${part}`, outcomes: [], shadows: [] });
      steady.record({ id: `shadow-${part}`, outcomes: [], shadows: [] });
      restored = restoreExperiment(JSON.parse(JSON.stringify(restored.checkpoint())))!;
      expect(restored.status(endMs)).toEqual(steady.status(endMs));
    }
    expect(restored.log()).toEqual(steady.log());
    expect(restored.checkpoint()).toEqual(steady.checkpoint());
  });

  it("is a copy: the machine's later life does not change it", () => {
    const experiment = anExperiment(AT_30);
    const checkpoint = experiment.checkpoint();
    const before = JSON.stringify(checkpoint);
    send(experiment, { fromMs: START_MS, requests: 500, everyMs: 1_000, errors: SOUND });
    expect(JSON.stringify(checkpoint)).toBe(before);
    const twin = restoreExperiment(checkpoint)!;
    send(twin, { fromMs: START_MS, requests: 500, everyMs: 1_000, errors: SOUND });
    expect(JSON.stringify(checkpoint)).toBe(before);
  });

  it("of an unknown schema is not read", () => {
    expect(restoreExperiment({ ...anExperiment().checkpoint(), schema: 99 } as never)).toBeUndefined();
  });

  it("stays small: after 20,000 sticky requests below 400 kB", () => {
    const experiment = anExperiment({ ...AT_30, stickTo: "session", minHours: 1e6 });
    send(experiment, { fromMs: START_MS, requests: 20_000, everyMs: 1_000, errors: SOUND });
    expect(JSON.stringify(experiment.checkpoint()).length).toBeLessThan(400_000);
  });
});

describe("two configurations", () => {
  it("are judged by the same machinery, whatever models they use", () => {
    const rollout = { baseline: "aaaa", candidate: "bbbb", ramp: [0.1], stickTo: "tenant", mode: "enforce" } as const;
    const guard = { errors: 1.5, sloMisses: 1.5 };
    const spec = toRolloutSpec({ ...rollout, guard, minRequests: 100, minHours: 1 });
    const experiment = createExperiment(spec, { startedAtMs: START_MS, limits: { warmupMs: 0 } });
    for (let at = 0; at < 600; at++) {
      const arm = at % 10 === 0 ? "canary" : "baseline";
      const attempts = arm === "canary" ? [broken("anything"), ok("else")] : [ok("anything")];
      const outcome = anOutcome({ arm, attempts, share: 0.1, unit: at, atMs: START_MS + at * 1_000 });
      experiment.record({ id: `${at}`, outcomes: [outcome] });
      experiment.decide(START_MS + at * 1_000);
    }
    expect(last(experiment).kind).toBe("rolled-back");
    expect(experiment.spec.name).toBe("config-bbbb");
  });
});

describe("a canary of the routing file", () => {
  it("becomes an experiment with its guard as margins", () => {
    const canary: Canary = {
      name: "sd35-next",
      route: "preview",
      candidate: "sd35-next",
      ramp: [0.01, 0.3],
      stickTo: "session",
      salt: "s",
      mode: "enforce",
      guard: { errors: 1.5, sloMisses: 2 },
      minRequests: 500,
      minHours: 24,
      shadow: 0.02,
    };
    expect(toExperimentSpec(canary, "sd35-medium")).toEqual({
      ...SPEC,
      ramp: [0.01, 0.3],
      salt: "s",
      stickTo: "session",
      margins: { errors: 1.5, sloMisses: 2, checks: 1.5, unserved: 2 },
    });
  });
});

describe("shadows", () => {
  it("stop when the day's GPU time is spent and while the ramp is held", () => {
    const experiment = anExperiment({}, { shadowGpuMsPerDay: 5_000 });
    const side = { failed: false, serviceMs: 1_000 };
    expect(experiment.shadowNow(START_MS)).toEqual({ share: 0.02, remainingGpuMs: 5_000 });
    const pair = { baseline: side, candidate: side };
    experiment.record({ id: "1", outcomes: [], shadows: [{ atMs: START_MS, gpuMs: 4_000, claimedMs: 0, pair }] });
    expect(experiment.shadowNow(START_MS)).toEqual({ share: 0.02, remainingGpuMs: 1_000 });
    experiment.command({ command: "pause", person: "ada" }, START_MS);
    expect(experiment.shadowNow(START_MS).share).toBe(0);
  });

  it("that fail where their originals do not keep the ramp from widening", () => {
    const experiment = anExperiment({ minHours: 0, minRequests: 0 });
    const pair = { baseline: { failed: false }, candidate: { failed: true } };
    const copy = { atMs: START_MS, gpuMs: 1_000, claimedMs: 0, pair };
    experiment.record({ id: "1", outcomes: [], shadows: Array.from({ length: 20 }, () => copy) });
    expect(experiment.decide(START_MS)).toEqual([]);
    expect(experiment.status(START_MS).waitsFor).toBe("shadow-worse");
  });

  it("are paid for before they run, and settled by what they took", () => {
    const experiment = anExperiment({}, { shadowGpuMsPerDay: 5_000 });
    expect([1, 2, 3].map(() => experiment.claimShadow(2_000, START_MS))).toEqual([true, true, false]);
    expect(experiment.shadowNow(START_MS).remainingGpuMs).toBe(1_000);
    experiment.record({ id: "1", outcomes: [], shadows: [{ atMs: START_MS, gpuMs: 500, claimedMs: 2_000 }] });
    expect(experiment.shadowNow(START_MS).remainingGpuMs).toBe(2_500);
    expect(experiment.status(START_MS).numbers.shadow).toMatchObject({
      gaveWay: 1,
      gpuMs: 2_500,
      pairs: 0,
    });
    experiment.command({ command: "pause", person: "ada" }, START_MS);
    expect(experiment.claimShadow(1, START_MS)).toBe(false);
  });

  it("carry a step that serves nobody to the next", () => {
    const experiment = anExperiment({ minHours: 0, minRequests: 40, ramp: [0, 0.3] });
    expect(experiment.shareNow()).toBe(0);
    const side = (serviceMs: number) => ({ failed: false, serviceMs });
    const shadows = Array.from({ length: 39 }, (_, at) => {
      const pair = { baseline: side(1_000), candidate: side(1_100 + (at % 2) * 20) };
      return { atMs: START_MS, gpuMs: 1_000, claimedMs: 0, pair };
    });
    experiment.record({ id: "1", outcomes: [], shadows });
    expect(experiment.decide(START_MS)).toEqual([]);
    expect(experiment.status(START_MS).numbers.shadow.latencyRatio?.estimate).toBeCloseTo(1.11, 2);
    experiment.record({ id: "2", outcomes: [], shadows: shadows.slice(0, 1) });
    expect(experiment.decide(START_MS)).toMatchObject([{ kind: "widened", share: 0.3 }]);
  });
});

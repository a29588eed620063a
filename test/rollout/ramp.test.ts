import { describe, expect, it } from "vitest";
import {
  applyCommand,
  applyDecision,
  decideRamp,
  type Findings,
  type Phase,
  type Ramp,
  type RampCommand,
  shareOf,
} from "../../routing/rollout/ramp.ts";
import { HOUR_MS, SPEC, START_MS } from "./world.ts";

const GOOD: Findings = {
  worse: false,
  suspicious: false,
  splitOff: false,
  shadowWorse: false,
  stepRequests: 500,
  unproven: [],
};
const DUE_MS = START_MS + 24 * HOUR_MS;

const ramp = (change: Partial<Ramp> = {}): Ramp => ({
  phase: "running",
  step: 0,
  stepStartedAtMs: START_MS,
  ...change,
});
const decide = (findings: Partial<Findings> = {}, change: Partial<Ramp> = {}, nowMs = DUE_MS) =>
  decideRamp(ramp(change), SPEC, { ...GOOD, ...findings }, nowMs);

describe("the ramp", () => {
  it("goes 1, 5, 15, 30 % and then promotes", () => {
    let at = ramp();
    const shares = [shareOf(at, SPEC)];
    for (let day = 1; day <= 4; day++) {
      const nowMs = START_MS + day * 24 * HOUR_MS;
      at = applyDecision(at, decideRamp(at, SPEC, GOOD, nowMs), nowMs);
      shares.push(shareOf(at, SPEC));
    }
    expect(shares).toEqual([0.01, 0.05, 0.15, 0.3, 1]);
    expect(at.phase).toBe("promoted");
  });

  it("waits for the least hours and the least requests of each step", () => {
    expect(decide({}, {}, DUE_MS - 1)).toEqual({ kind: "hold", why: "too-early" });
    expect(decide({ stepRequests: 499 })).toEqual({ kind: "hold", why: "too-few-requests" });
    expect(decide()).toEqual({ kind: "widen", toStep: 1 });
  });

  it("needs no proof to widen, and proof of every metric to promote", () => {
    expect(decide({ unproven: ["errors"] })).toEqual({ kind: "widen", toStep: 1 });
    expect(decide({ unproven: ["unserved"] }, { step: 3 })).toEqual({ kind: "hold", why: "not-proven" });
    expect(decide({}, { step: 3 })).toEqual({ kind: "promote" });
  });

  it("holds on suspicion and on worse shadows", () => {
    expect(decide({ suspicious: true })).toEqual({ kind: "hold", why: "suspicious" });
    expect(decide({ shadowWorse: true })).toEqual({ kind: "hold", why: "shadow-worse" });
  });

  it("freezes where the split is off", () => {
    expect(decide({ splitOff: true }, {}, START_MS)).toEqual({ kind: "freeze" });
  });

  it.each<Phase>(["running", "paused", "frozen"])("rolls back at once while %s", (phase) => {
    expect(decide({ worse: true, splitOff: true }, { phase }, START_MS)).toEqual({ kind: "roll-back" });
  });

  it.each<Phase>(["paused", "frozen"])("holds its share and does not move while %s", (phase) => {
    expect(decide({ splitOff: true }, { phase, step: 3 })).toEqual({ kind: "hold", why: phase });
    expect(shareOf(ramp({ phase, step: 2 }), SPEC)).toBe(0.15);
  });

  it.each<[Phase, number]>([
    ["rolled-back", 0],
    ["aborted", 0],
    ["promoted", 1],
  ])("stays %s with share %d whatever the evidence says", (phase, share) => {
    expect(decide({ worse: true }, { phase })).toEqual({ kind: "hold", why: "ended" });
    expect(shareOf(ramp({ phase, step: 2 }), SPEC)).toBe(share);
  });
});

describe("a person's word", () => {
  const command = (word: RampCommand, change: Partial<Ramp> = {}) => applyCommand(ramp(change), word, SPEC, DUE_MS);

  it("pauses and resumes without losing the step's time", () => {
    expect(command("pause")).toEqual(ramp({ phase: "paused" }));
    expect(command("resume", { phase: "paused" })).toEqual(ramp());
  });

  it("begins the step anew when resuming from a freeze", () => {
    expect(command("resume", { phase: "frozen" })).toEqual(ramp({ stepStartedAtMs: DUE_MS }));
    expect(command("pause", { phase: "frozen" })).toEqual(ramp({ phase: "frozen" }));
  });

  it("widens one step, not beyond the last and not while held", () => {
    expect(command("widen", { step: 1 })).toEqual(ramp({ step: 2, stepStartedAtMs: DUE_MS }));
    expect(command("widen", { step: 3 })).toBeUndefined();
    expect(command("widen", { phase: "paused" })).toBeUndefined();
  });

  it("promotes and aborts from any open phase, and takes a promotion back", () => {
    for (const phase of ["running", "paused", "frozen"] as const) {
      expect(command("promote", { phase })?.phase).toBe("promoted");
      expect(command("abort", { phase })?.phase).toBe("aborted");
    }
    expect(command("abort", { phase: "promoted" })?.phase).toBe("aborted");
  });

  it("changes nothing when said twice", () => {
    for (const [word, phase] of [
      ["pause", "paused"],
      ["resume", "running"],
      ["promote", "promoted"],
      ["abort", "aborted"],
      ["abort", "rolled-back"],
    ] as const) {
      const at = ramp({ phase });
      expect(applyCommand(at, word, SPEC, DUE_MS)).toBe(at);
    }
  });

  it("does not bring an ended experiment back", () => {
    for (const phase of ["rolled-back", "aborted"] as const) {
      for (const word of ["pause", "resume", "widen", "promote"] as const)
        expect(command(word, { phase })).toBeUndefined();
    }
  });
});

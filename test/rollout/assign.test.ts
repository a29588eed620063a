import { describe, expect, it } from "vitest";
import {
  type AssignAsk,
  assign,
  assignRoute,
  bucketOf,
  bucketsIn,
  chooseUnit,
  unitKey,
} from "../../routing/rollout/assign.ts";

const IDS = 200_000;

const STYLES: Readonly<Record<string, (at: number) => string>> = {
  "counted names": (at) => `user-${at}`,
  "bare numbers": (at) => `${at}`,
  "uuid-like ids": (at) => {
    const hex = (at * 2_654_435_761).toString(16).padStart(16, "0").slice(-12);
    return `${hex.slice(0, 8)}-${hex.slice(8)}-4000-8000-${at.toString(16).padStart(12, "0")}`;
  },
  "mail addresses": (at) => `person.${at}@studio-${at % 97}.example`,
  "accented names": (at) => `Zoë-${at}-ñandú`,
};

const ask = (unit: string, change: Partial<AssignAsk> = {}): AssignAsk => ({
  experiment: "sd35-next",
  salt: "sd35-next",
  unit,
  share: 0.3,
  ...change,
});

const buckets = (idOf: (at: number) => string, change: Partial<AssignAsk> = {}): number[] =>
  Array.from({ length: IDS }, (_, at) => assign(ask(idOf(at), change)).bucket!);

const countOf = (flags: readonly boolean[]): number => flags.filter(Boolean).length;

/** Standard errors that a count lies away from `share` of `trials`. */
const distance = (count: number, share: number, trials = IDS): number =>
  (count - share * trials) / Math.sqrt(trials * share * (1 - share));

describe("assign", () => {
  it.each([
    ["tenant-7", 1_898],
    ["studio/session-42", 8_016],
    ["Zoë", 4_473],
  ])("keeps %s in bucket %d for ever", (unit, bucket) => {
    expect(assign(ask(unit)).bucket).toBe(bucket);
  });

  it.each(Object.keys(STYLES))(
    "gives the canary its share of %s, within noise, apart from other experiments",
    (style) => {
      const first = buckets(STYLES[style]!);
      for (const share of [0.01, 0.05, 0.3]) {
        const canary = first.map((bucket) => bucket < bucketsIn(share));
        expect(Math.abs(distance(countOf(canary), share))).toBeLessThan(4);
      }
      for (const change of [{ experiment: "upscaler-next" }, { salt: "another" }]) {
        const second = buckets(STYLES[style]!, change);
        const both = countOf(first.map((bucket, at) => bucket < 3_000 && second[at]! < 3_000));
        expect(Math.abs(distance(both, 0.09))).toBeLessThan(4);
      }
    },
  );

  it("only ever moves units from baseline to canary as the ramp widens", () => {
    for (let at = 0; at < 20_000; at++) {
      const arms = [0, 0.01, 0.05, 0.15, 0.3, 1].map((share) => assign(ask(`user-${at}`, { share })).arm);
      const turned = arms.indexOf("canary");
      expect(turned).toBeGreaterThan(0);
      expect(new Set(arms.slice(turned))).toEqual(new Set(["canary"]));
    }
  });

  it("gives the same answer for the same unit every time", () => {
    expect(new Set(Array.from({ length: 50 }, () => JSON.stringify(assign(ask("tenant-7"))))).size).toBe(1);
  });

  it("counts buckets without the errors of binary fractions", () => {
    expect([0, 0.0001, 0.07, 0.29, 0.57, 1, 1.5, -1].map(bucketsIn)).toEqual([
      0, 1, 700, 2900, 5700, 10_000, 10_000, 0,
    ]);
  });

  it("leaves a request without a unit in the baseline and out of the analysis", () => {
    expect(assign({ ...ask("x"), unit: undefined, share: 1 })).toEqual({ arm: "baseline", excluded: "no-unit" });
  });

  it("obeys a forced arm and leaves it out of the analysis", () => {
    const free = assign(ask("tenant-7"));
    expect(free.arm).toBe("canary");
    expect(assign(ask("tenant-7", { force: "baseline" }))).toEqual({ ...free, arm: "baseline", excluded: "forced" });
    expect(assign({ ...ask("x"), unit: undefined, force: "canary" })).toEqual({ arm: "canary", excluded: "forced" });
  });
});

describe("chooseUnit", () => {
  const source = { tenant: "studio", session: "s1", requestId: "r1" };

  it("takes what the canary sticks to", () => {
    expect(chooseUnit("tenant", source)).toBe("studio");
    expect(chooseUnit("request", source)).toBe("r1");
    expect(chooseUnit("session", source)).toBe("studio/s1");
  });

  it("takes equal session names of two tenants for two units", () => {
    expect(chooseUnit("session", { ...source, tenant: "other" })).not.toBe(chooseUnit("session", source));
  });

  it("finds no unit where a session is asked for and none was given", () => {
    expect(chooseUnit("session", { tenant: "studio", requestId: "r1" })).toBeUndefined();
  });
});

describe("unitKey", () => {
  it("says nothing about the arm", () => {
    let lowAndCanary = 0;
    let low = 0;
    for (let at = 0; at < 50_000; at++) {
      const unit = `user-${at}`;
      if (unitKey("sd35-next", unit) % 2 === 1) continue;
      low += 1;
      if (bucketOf("sd35-next", "sd35-next", unit) < 3_000) lowAndCanary += 1;
    }
    expect(Math.abs(distance(lowAndCanary, 0.3, low))).toBeLessThan(4);
  });
});

describe("assignRoute", () => {
  const asks = [ask("u"), ask("u", { experiment: "second", salt: "second" })];

  it("serves the first canary that takes the request, and records it there alone", () => {
    const { serving, recorded } = assignRoute(asks.map((one) => ({ ...one, share: 1 })));
    expect(serving?.experiment).toBe("sd35-next");
    expect(recorded.map((one) => one.ask.experiment)).toEqual(["sd35-next"]);
  });

  it("records a baseline request for every experiment of the route", () => {
    const { serving, recorded } = assignRoute(asks.map((one) => ({ ...one, share: 0 })));
    expect(serving).toBeUndefined();
    expect(recorded.map((one) => one.assignment.arm)).toEqual(["baseline", "baseline"]);
  });
});

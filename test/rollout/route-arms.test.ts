/** Which arm a request of a route is in, and when an experiment stays out of its way. */
import { describe, expect, it } from "vitest";
import { createDecider } from "../../routing/decide.ts";
import { chooseRouteArms, type LiveExperiment } from "../../routing/rollout/route-arms.ts";
import { aSnapshot, type SnapshotOverrides } from "../support/snapshot.ts";

const EXPERIMENT: LiveExperiment = {
  name: "next",
  route: "preview",
  baseline: "sd35-medium",
  candidate: "nano-banana",
  stickTo: "session",
  salt: "next",
  share: 1,
  recording: true,
};

const SOURCE = { tenant: "studio", session: "s-1", requestId: "r-1" };

function armsOf(change: Partial<LiveExperiment> = {}, overrides: SnapshotOverrides = {}, more: object = {}) {
  const ask = { experiments: [{ ...EXPERIMENT, ...change }], source: SOURCE, ...more };
  return chooseRouteArms(ask, "preview", aSnapshot(overrides).content);
}

describe("the arms of a route", () => {
  it("puts the candidate in place of the route's model in the canary, and nothing in the baseline", () => {
    expect(armsOf()).toMatchObject({
      arm: "canary",
      candidate: "nano-banana",
      recorded: [{ experiment: "next", share: 1 }],
    });
    const baseline = armsOf({ share: 0 });
    expect(baseline).toMatchObject({ arm: "baseline", recorded: [{ arm: "baseline" }] });
    expect(baseline).not.toHaveProperty("candidate");
  });

  it.each<[string, Partial<LiveExperiment>, SnapshotOverrides]>([
    ["of another route", { route: "draft-art" }, {}],
    ["whose candidate the snapshot does not have", { candidate: "gone" }, {}],
    ["that was started over another model", { baseline: "nano-banana-pro" }, {}],
  ])("leaves requests alone for an experiment %s", (_what, change, overrides) => {
    expect(armsOf(change, overrides)).toBeUndefined();
  });

  it("says that forced requests and those without a unit are not analysed", () => {
    expect(armsOf({ share: 0 }, {}, { force: "canary" })).toMatchObject({
      arm: "canary",
      recorded: [{ excluded: "forced" }],
    });
    const { session: _none, ...anonymous } = SOURCE;
    expect(armsOf({}, {}, { source: anonymous })).toMatchObject({
      arm: "baseline",
      recorded: [{ excluded: "no-unit" }],
    });
  });

  it("serves by an ended experiment without recording", () => {
    expect(armsOf({ recording: false })).toMatchObject({ arm: "canary", candidate: "nano-banana", recorded: [] });
  });
});

describe("a decision under an experiment", () => {
  const decide = (ask: object, overrides: SnapshotOverrides = {}) =>
    createDecider(aSnapshot(overrides))({
      ask: { prompt: "a fox", text: [], preferredFormat: "png", exportFlag: false, ...ask },
      tenant: "studio",
      automation: false,
      location: { country: "DE" },
      arms: { experiments: [EXPERIMENT], source: SOURCE },
    });

  it("plans with the candidate", () => {
    expect(decide({})).toMatchObject({
      ok: true,
      value: { arms: { arm: "canary" }, plan: { legs: [{ model: "nano-banana", place: "weur" }, {}, {}, {}] } },
    });
  });

  it("does not touch callers who name a model", () => {
    const decided = decide({ model: "sd35-medium" });
    expect(decided).toMatchObject({ ok: true, value: { classified: { model: "sd35-medium" } } });
    expect(decided.ok && decided.value.arms).toBeUndefined();
  });

  it("serves what the candidate cannot draw by the route's own model, in the same arm", () => {
    const { capabilities } = aSnapshot().content.catalog.models["nano-banana"] ?? {};
    if (capabilities === undefined) throw new Error("no model");
    const small = { models: { "nano-banana": { capabilities: { ...capabilities, maxPixels: 64 * 64 } } } };
    expect(decide({ width: 512, height: 512 }, small)).toMatchObject({
      ok: true,
      value: { classified: { model: "sd35-medium" }, arms: { arm: "canary" } },
    });
  });
});

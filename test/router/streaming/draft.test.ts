import { describe, expect, it } from "vitest";
import { type DraftAsk, planDraft } from "../../../functions/router/streaming/draft.ts";
import { type Ask, createDecider } from "../../../routing/index.ts";
import { aSnapshot, type SnapshotOverrides } from "../../support/snapshot.ts";

const ASK: Ask = { prompt: "a fox", text: [], preferredFormat: "png", exportFlag: false };
const PREVIEW = { "fast-preview": { progressive: { draft: "sd35-medium-turbo" } } };
const EXPORT = { "quality-render": { progressive: { draft: "sd35-medium-turbo" } } };

function draftOf(ask: Partial<Ask>, overrides: SnapshotOverrides): DraftAsk | undefined {
  const snapshot = aSnapshot(overrides);
  const decide = (one: Ask) =>
    createDecider(snapshot)({ ask: one, tenant: "t", automation: false, location: { continent: "EU" } });
  const whole = { ...ASK, ...ask };
  const decided = decide(whole);
  if (!decided.ok) throw new Error(decided.failure.detail);
  return planDraft({ snapshot, ask: whole, decided: decided.value, decide });
}

describe("a draft", () => {
  it("is drawn by the policy's model at home, once", () => {
    const draft = draftOf({ purpose: "preview" }, { policies: PREVIEW });
    const plan = draft?.decided.plan;
    expect(plan?.legs.map(({ model, place }) => [model, place])).toEqual([["sd35-medium-turbo", "weur"]]);
    expect(plan?.policy.maxAttempts).toBe(1);
  });

  it("is not drawn where the policy names no model", () => {
    expect(draftOf({ purpose: "preview" }, {})).toBeUndefined();
  });

  it("is not drawn where the picture is made by the draft model itself", () => {
    expect(draftOf({ purpose: "preview", model: "sd35-medium-turbo" }, { policies: PREVIEW })).toBeUndefined();
  });

  it("is not drawn where the draft model cannot take what is asked", () => {
    const image = { bytes: new Uint8Array(1), format: "png" } as const;
    const capabilities = { image: false } as never;
    const models = { "sd35-medium-turbo": { capabilities } };
    expect(draftOf({ purpose: "preview", image }, { policies: PREVIEW, models })).toBeUndefined();
  });

  it("has the shape of the picture, and one megapixel at most", () => {
    const draft = draftOf({ purpose: "high-res-export", width: 4096, height: 2048 }, { policies: EXPORT });
    const { width = 0, height = 0 } = draft?.decided.size ?? {};
    expect(width * height).toBeLessThanOrEqual(1024 * 1024);
    expect(width / height).toBeCloseTo(2, 1);
  });

  it("is drawn near the client even where the picture is made on a cluster", () => {
    const draft = draftOf({ purpose: "high-res-export" }, { policies: EXPORT });
    expect(draft?.decided.plan.legs[0]?.place).toBe("weur");
  });

  it("leaves out what was meant for the other model, and never supersedes its picture", () => {
    const ask = { purpose: "preview", steps: 40, guidance: 7, session: "s", layer: "l", seed: 5 };
    const draft = draftOf(ask, { policies: PREVIEW });
    expect(draft?.ask).toMatchObject({ seed: 5, prompt: "a fox" });
    expect(Object.keys(draft?.ask ?? {})).not.toEqual(
      expect.arrayContaining([expect.stringMatching(/^(steps|guidance|session|layer)$/)]),
    );
  });
});

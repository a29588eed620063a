import { describe, expect, it } from "vitest";
import { type IdentityAsk, workIdentity } from "../../routing/execute/work-identity.ts";
import { aModel, anEndpoint, aPolicy, aSnapshot, type SnapshotOverrides } from "../support/snapshot.ts";
import { aLeg, sibling } from "./world.ts";

interface Parts {
  readonly models?: SnapshotOverrides["models"];
  readonly request?: Partial<IdentityAsk["request"]>;
  readonly leg?: IdentityAsk["leg"];
  readonly tenant?: string;
}

/** A request whose first leg asks the model `m`. */
function identity({ models, request, leg = aLeg(), tenant = "t" }: Parts = {}): string {
  return workIdentity({
    snapshot: aSnapshot({
      models: {
        m: aModel({ id: "m" }),
        fast: { ...aModel({ id: "fast" }), parameters: { steps: 8, extra: {} } },
        big: { ...aModel({ id: "big" }), kind: "upscale" },
        ...models,
      },
      endpoints: { "big-a": anEndpoint({ id: "big-a", model: "big" }) },
    }),
    plan: { homeRegion: "weur", policy: aPolicy({ name: "p" }), legs: [aLeg()] },
    request: { prompt: "a fox", width: 512, height: 512, seed: 7, text: [], format: "png", ...request },
    tenant,
    leg,
    hashes: {},
  });
}

const modelWith = (parts: Partial<ReturnType<typeof aModel>>) => ({
  models: { m: { ...aModel({ id: "m" }), ...parts } },
});
const model = aModel({ id: "m" });

describe("the identity of a leg's work", () => {
  it("is the same wherever the pin is served", () => {
    expect(identity({ leg: sibling() })).toBe(identity());
  });

  it("is the same whether the model's own steps and guidance are asked for or left to it", () => {
    const { steps, guidance } = model.parameters;
    expect(steps).toBeDefined();
    expect(identity({ request: { steps: steps ?? 0, guidance: guidance ?? 0 } })).toBe(identity());
  });

  it("is the same for a format that the model does not give, and the one that it gives in its place", () => {
    const only = modelWith({ capabilities: { ...model.capabilities, formats: ["jpeg"] } });
    expect(identity({ ...only, request: { format: "png" } })).toBe(identity({ ...only, request: { format: "jpeg" } }));
  });

  it("leaves out steps that the model does not take, and those that were meant for another", () => {
    const stepless = modelWith({ capabilities: { ...model.capabilities, steps: false } });
    expect(identity({ ...stepless, request: { steps: 3 } })).toBe(identity(stepless));
    const fallback = aLeg({ model: "fast" });
    expect(identity({ leg: fallback, request: { steps: 3 } })).toBe(identity({ leg: fallback }));
  });

  it.each<[string, Parts]>([
    ["tenant", { tenant: "u" }],
    ["pin", modelWith({ pin: "m@111111111111" })],
    ["model, although the pin is the same", { leg: aLeg({ model: "fast" }), models: { fast: { pin: model.pin } } }],
    ["dialect", modelWith({ dialect: "gemini" })],
    ["steps of the catalogue", modelWith({ parameters: { ...model.parameters, steps: 5 } })],
    ["extra word of the catalogue", modelWith({ parameters: { ...model.parameters, extra: { style: "ink" } } })],
    ["upscaler behind it", { leg: aLeg({ upscale: true }) }],
    ["asked steps", { request: { steps: 5 } }],
    ["asked guidance", { request: { guidance: 2 } }],
    ["seed", { request: { seed: 8 } }],
  ])("differs with another %s", (_, parts) => {
    expect(identity(parts)).not.toBe(identity());
  });

  it("names the upscaler's pin", () => {
    const leg = aLeg({ upscale: true });
    expect(identity({ leg, models: { big: { pin: "big@2" } } })).not.toBe(identity({ leg }));
  });
});

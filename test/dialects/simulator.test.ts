/** The dialects and the simulated providers were written apart: here they talk to each other over HTTP. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type Family,
  type SimulatedEndpoint,
  type Simulator,
  startSimulator,
} from "../../infra/gpu/simulator/index.ts";
import type { DialectName } from "../../routing/config/snapshot.ts";
import type { Call, Step } from "../../routing/dialects/dialect.ts";
import { dialectOf } from "../../routing/dialects/index.ts";
import { sniffPicture } from "../../routing/image/sniff.ts";
import { begun, type Outcome, play } from "./driver.ts";
import { aScene, KEY, type Scene, type SceneParts, sceneOfCase } from "./works.ts";

interface Stage {
  readonly id: string;
  readonly dialect: DialectName;
  readonly family: Family;
  readonly parts?: SceneParts;
}

const FLUX_2 = "@cf/black-forest-labs/flux-2-klein-4b";

const STAGES: readonly Stage[] = [
  { id: "worker", dialect: "generate", family: "sd3.5-medium-fast" },
  { id: "vllm", dialect: "openai-images", family: "sd3.5-medium-fast" },
  { id: "sglang", dialect: "openai-images", family: "sd3.5-medium-fast", parts: { endpoint: { flavor: "sglang" } } },
  {
    id: "openai",
    dialect: "openai-images",
    family: "nano-banana",
    parts: sceneOfCase("openai-images", { flavor: "openai" }),
  },
  { id: "gemini", dialect: "gemini", family: "nano-banana" },
  { id: "ideogram", dialect: "ideogram", family: "ideogram-v2a-turbo" },
  { id: "stability", dialect: "stability", family: "sd3.5-medium-fast" },
  { id: "classic", dialect: "workers-ai", family: "sd3.5-medium-fast" },
  {
    id: "flux-2",
    dialect: "workers-ai",
    family: "sd3.5-medium-fast",
    parts: { model: { pin: FLUX_2, upstreamName: FLUX_2, parameters: { steps: 4, extra: {} } } },
  },
];

let simulator: Simulator;

beforeAll(async () => {
  simulator = await startSimulator({ port: 0, timeScale: 0.001, endpoints: STAGES.flatMap(simulated) });
});
afterAll(() => simulator.close());

function simulated(stage: Stage): readonly SimulatedEndpoint[] {
  const { work, target } = aScene(stage.dialect, stage.parts);
  const { flavor } = target.endpoint;
  const common = {
    dialect: stage.dialect,
    ...(flavor === undefined ? {} : { flavor }),
    servedName: work.model.upstreamName,
    pin: work.model.pin,
    slots: 4,
    honourCancel: true,
    key: KEY,
  };
  return [
    { ...common, id: stage.id, model: stage.family },
    { ...common, id: `${stage.id}-upscaler`, model: "upscaler" },
  ];
}

function sceneAt(stage: Stage, parts: SceneParts = {}, id = stage.id): Scene {
  const endpoint = { ...stage.parts?.endpoint, url: `${simulator.url}/${id}`, pictureHosts: ["127.0.0.1"] };
  return aScene(stage.dialect, {
    ...stage.parts,
    ...parts,
    model: { ...stage.parts?.model, ...parts.model },
    endpoint,
  });
}

async function send(call: Call): Promise<Response> {
  return fetch(call.url, { method: call.method, headers: call.headers, body: call.body ?? null, redirect: "manual" });
}

/** Walks the steps without waiting for polls, and brings the picture's bytes. */
async function run(scene: Scene): Promise<{ readonly outcome: Outcome; readonly bytes: Uint8Array }> {
  let step: Step = begun(dialectOf(scene.work.model.dialect), scene.work, scene.target).step;
  for (let steps = 0; steps < 20_000; steps += 1) {
    const response = await send(step.call);
    const body = new Uint8Array(await response.arrayBuffer());
    const text = new TextDecoder().decode(body);
    const outcome = play(step, { status: response.status, headers: Object.fromEntries(response.headers), body: text });
    if (outcome.came === "step") {
      step = outcome.step;
      continue;
    }
    const bytes =
      outcome.came === "picture" && outcome.base64 !== undefined ? Buffer.from(outcome.base64, "base64") : body;
    return { outcome, bytes };
  }
  throw new Error("never came to an end");
}

describe.each(STAGES)("$id", (stage) => {
  it("draws a picture of the asked shape", async () => {
    const { width, height } = { width: 400, height: 240 };
    const scene = sceneAt(stage, { request: { width, height, prompt: "a red boat", text: [{ content: "AHOY" }] } });
    const { outcome, bytes } = await run(scene);
    expect(outcome).toMatchObject({ came: "picture" });
    const size = sniffPicture(bytes);
    if (size === undefined || size === "need-more") throw new Error("not a picture");
    const expected = dialectOf(stage.dialect).expectedSize?.(scene.work);
    if (expected !== undefined) expect([size.width, size.height]).toEqual([expected.width, expected.height]);
    const ratio = size.width / size.height / (width / height);
    expect(Math.abs(Math.log(ratio))).toBeLessThan(0.15);
  });

  it.each([
    ["rate", "overloaded"],
    ["error", "upstream_error"],
  ])("says [%s] so that it is understood as %s", async (word, reason) => {
    const { outcome } = await run(sceneAt(stage, { request: { prompt: `a red boat [${word}]` } }));
    expect(outcome).toMatchObject({ came: "failure", failure: { reason } });
  });
});

describe.each(STAGES.filter((stage) => !["vllm", "sglang"].includes(stage.id)))("$id, which has a policy", (stage) => {
  it.each([
    ["refuse", "refused_content"],
    ["quota", "quota_exhausted"],
  ])("says [%s] so that it is understood as %s", async (word, reason) => {
    const { outcome } = await run(sceneAt(stage, { request: { prompt: `a red boat [${word}]` } }));
    expect(outcome).toMatchObject({ came: "failure", failure: { reason } });
  });
});

it.each(STAGES.filter((stage) => ["gemini", "ideogram", "stability"].includes(stage.id)))(
  "a wrong key at $id is a matter of the key",
  async (stage) => {
    const { outcome } = await run(sceneAt(stage, { key: "another-key" }));
    expect(outcome).toMatchObject({ came: "failure", failure: { reason: "unauthorized" } });
  },
);

describe("a filtered picture", () => {
  it.each(STAGES.filter((stage) => ["worker", "gemini", "ideogram", "stability", "openai"].includes(stage.id)))(
    "is a refusal at $id",
    async (stage) => {
      const { outcome } = await run(sceneAt(stage, { request: { prompt: "a red boat [filter]" } }));
      expect(outcome).toMatchObject({ came: "failure", failure: { reason: "refused_content" } });
    },
  );
});

describe("an upscale", () => {
  const source = async () => {
    const [stage] = STAGES;
    if (stage === undefined) throw new Error("no stage");
    const { bytes } = await run(sceneAt(stage, { request: { width: 64, height: 128 } }));
    return { bytes: Uint8Array.from(bytes), format: "png" as const };
  };

  it.each([
    ["worker", "upscale-4x"],
    ["stability", "upscale-fast"],
    ["stability", "upscale-creative"],
  ])("by %s %s comes back larger", async (id, upstreamName) => {
    const stage = STAGES.find((one) => one.id === id);
    if (stage === undefined) throw new Error("no stage");
    const { capabilities } = aScene(stage.dialect).work.model;
    const model = {
      kind: "upscale",
      upstreamName,
      pin: upstreamName,
      capabilities: { ...capabilities, upscaleFactor: 4 },
    } as const;
    const scene = sceneAt(stage, { model, request: { image: await source(), prompt: "a red boat" } }, `${id}-upscaler`);
    const { outcome, bytes } = await run(scene);
    expect(outcome).toMatchObject({ came: "picture" });
    const size = sniffPicture(bytes);
    const expected = dialectOf(stage.dialect).expectedSize?.(scene.work);
    if (size === undefined || size === "need-more") throw new Error("not a picture");
    if (expected !== undefined) expect(size).toMatchObject(expected);
    expect(size.width).toBeGreaterThan(64);
  });
});

describe("the served version", () => {
  it("is in the picture's own answer at our worker and gemini", async () => {
    for (const id of ["worker", "gemini"]) {
      const stage = STAGES.find((one) => one.id === id);
      if (stage === undefined) throw new Error("no stage");
      const { outcome } = await run(sceneAt(stage));
      expect(outcome).toMatchObject({ reported: { pin: sceneAt(stage).work.model.pin } });
    }
  });

  it.each(["vllm", "sglang"])("is found by a look at %s", async (id) => {
    const stage = STAGES.find((one) => one.id === id);
    if (stage === undefined) throw new Error("no stage");
    const { work, target } = sceneAt(stage);
    const look = dialectOf(stage.dialect).pinLook?.(target, work.model);
    if (look === undefined) throw new Error("no look");
    const response = await send(look.call);
    expect(look.settle(response.status, await response.text())).toBe(work.model.pin);
  });
});

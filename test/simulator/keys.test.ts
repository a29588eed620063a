import { describe, expect, it } from "vitest";
import type { SimulatedEndpoint } from "../../infra/gpu/simulator/index.ts";
import { anEndpoint, post, start } from "./start.ts";

const bearer = { authorization: "Bearer good" };

const CASES: readonly (readonly [
  string,
  Partial<SimulatedEndpoint>,
  string,
  Readonly<Record<string, string>>,
  number,
])[] = [
  ["generate", { dialect: "generate" }, "/generate", bearer, 401],
  ["vLLM-Omni", { dialect: "openai-images", flavor: "vllm-omni" }, "/v1/images/generations", bearer, 401],
  ["SGLang", { dialect: "openai-images", flavor: "sglang" }, "/v1/images/generations", bearer, 401],
  ["OpenAI", { dialect: "openai-images", flavor: "openai" }, "/v1/images/generations", bearer, 401],
  ["Gemini", { dialect: "gemini" }, "/v1beta/models/m:generateContent", { "x-goog-api-key": "good" }, 400],
  ["Ideogram", { dialect: "ideogram" }, "/generate", { "api-key": "good" }, 401],
  ["Stability", { dialect: "stability" }, "/v2beta/stable-image/generate/sd3", bearer, 401],
];

describe("an endpoint with a key", () => {
  it.each(CASES)("%s turns away a wrong or missing one", async (_, changes, path, headers, status) => {
    const { base, control } = await start([anEndpoint({ ...changes, servedName: "m", key: "good" })]);
    for (const wrong of [{}, Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, `${value}!`]))]) {
      const answer = await post(base + path, { prompt: "a fox" }, wrong);
      expect(answer.status).toBe(status);
      expect(await answer.text()).toMatch(/key/i);
    }
    expect(control.stateOf("weur-a").completed).toBe(0);
    expect(await (await post(base + path, {}, headers)).text()).not.toMatch(/key/i);
  });

  it("guards the list of models but not health and metrics", async () => {
    const { base } = await start([anEndpoint({ key: "good" })]);
    const statusOf = async (path: string, headers = {}) => (await fetch(base + path, { headers })).status;
    expect([await statusOf("/v1/models"), await statusOf("/v1/models", bearer)]).toEqual([401, 200]);
    expect([await statusOf("/health"), await statusOf("/metrics")]).toEqual([200, 200]);
  });
});

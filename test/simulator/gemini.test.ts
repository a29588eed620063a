import { describe, expect, it } from "vitest";
import { geminiSize } from "../../infra/gpu/simulator/dialects/gemini-sizes.ts";
import { formatOf, sizeOf } from "./look.ts";
import { anEndpoint, bytesOf, post, start } from "./start.ts";

const FLASH = "gemini-2.5-flash-image";
const PRO = "gemini-3-pro-image";

async function gemini(model = FLASH, key?: string) {
  const isPro = model === PRO;
  const endpoint = anEndpoint({
    model: isPro ? "nano-banana-pro" : "nano-banana",
    dialect: "gemini",
    servedName: model,
    pin: model,
    ...(key !== undefined && { key }),
  });
  const simulator = await start([endpoint]);
  return { ...simulator, call: `${simulator.base}/v1beta/models/${model}:generateContent` };
}

function ask(prompt: string, config: object = {}) {
  return {
    contents: [{ role: "user", parts: [{ text: prompt }] }],
    generationConfig: { responseModalities: ["IMAGE"], ...config },
  };
}

describe("gemini sizes", () => {
  it.each([
    [FLASH, "2:3", undefined, "832x1248"],
    [PRO, "2:3", undefined, "848x1264"],
    [PRO, "16:9", "2K", "2752x1536"],
    [PRO, "16:9", "4K", "5504x3072"],
    ["gemini-3.1-flash-image", "3:4", "512", "448x600"],
    ["gemini-nano-banana-2.1", "8:1", "2K", "6144x768"],
    [PRO, undefined, undefined, "1024x1024"],
  ])("%s at %s and %s draws %s", (model, ratio, imageSize, expected) => {
    const size = geminiSize(model, ratio, imageSize);
    expect(typeof size === "string" ? size : `${size.width}x${size.height}`).toBe(expected);
  });
});

describe("gemini generateContent", () => {
  it("answers with the picture inline, the model version and the tokens", async () => {
    const { call } = await gemini();
    const answer = await (await post(call, ask("a fox", { seed: 5, imageConfig: { aspectRatio: "16:9" } }))).json();
    expect(answer.modelVersion).toBe(FLASH);
    expect(answer.candidates[0].finishReason).toBe("STOP");
    expect(answer.usageMetadata.candidatesTokensDetails).toEqual([{ modality: "IMAGE", tokenCount: 1290 }]);
    const { parts } = answer.candidates[0].content;
    expect(parts).toHaveLength(1);
    expect(parts[0].inlineData.mimeType).toBe("image/png");
    expect(await sizeOf(bytesOf(parts[0].inlineData.data))).toMatchObject({ width: 1344, height: 768 });
  });

  it("draws the same picture for the same seed", async () => {
    const { call } = await gemini();
    const draw = async (seed: number) =>
      (await (await post(call, ask("a fox", { seed }))).json()).candidates[0].content.parts[0].inlineData.data;
    expect(await draw(5)).toBe(await draw(5));
    expect(await draw(6)).not.toBe(await draw(5));
  });

  it("sends thoughts before the picture where the model thinks, and words unless only a picture is asked for", async () => {
    const { call } = await gemini(PRO);
    const { parts } = (await (await post(call, ask("a fox", { responseModalities: ["TEXT", "IMAGE"] }))).json())
      .candidates[0].content;
    expect(
      parts.map((part: { thought?: boolean; text?: string; inlineData?: object }) => [
        part.thought ?? false,
        part.inlineData ? "picture" : "text",
      ]),
    ).toEqual([
      [true, "text"],
      [true, "picture"],
      [false, "text"],
      [false, "picture"],
    ]);
    expect(await sizeOf(bytesOf(parts[1].inlineData.data))).toMatchObject({ width: 256 });
    expect(parts[3].thoughtSignature).toEqual(expect.any(String));
  });

  it("reports blocks with status 200: prompts by feedback, pictures by finish reason", async () => {
    const { call } = await gemini();
    const refused = await post(call, ask("a fox [refuse]"));
    expect(refused.status).toBe(200);
    const blocked = await refused.json();
    expect(blocked.promptFeedback.blockReason).toBe("PROHIBITED_CONTENT");
    expect(blocked.candidates).toBeUndefined();
    const filtered = await (await post(call, ask("a fox [filter]"))).json();
    expect(filtered.candidates[0].finishReason).toBe("IMAGE_PROHIBITED_CONTENT");
    expect(filtered.candidates[0].content).toEqual({ role: "model" });
  });

  it("tells a minute's limit from a day's quota", async () => {
    const { call } = await gemini();
    const limits = async (prompt: string) => {
      const answer = await post(call, ask(prompt));
      const { error } = await answer.json();
      expect([answer.status, error.status]).toEqual([429, "RESOURCE_EXHAUSTED"]);
      const quota = error.details.find((detail: { "@type": string }) => detail["@type"].endsWith("QuotaFailure"));
      const retry = error.details.find((detail: { "@type": string }) => detail["@type"].endsWith("RetryInfo"));
      return [quota.violations[0].quotaId, retry?.retryDelay];
    };
    expect(await limits("a [rate]")).toEqual(["GenerateRequestsPerMinutePerProjectPerModel", "2s"]);
    expect(await limits("a [quota]")).toEqual(["GenerateRequestsPerDayPerProjectPerModel", undefined]);
  });

  it("answers 400 API_KEY_INVALID to a wrong key", async () => {
    const { call } = await gemini(FLASH, "good");
    const wrong = await post(call, ask("a fox"), { "x-goog-api-key": "bad" });
    expect(wrong.status).toBe(400);
    expect((await wrong.json()).error.details[0].reason).toBe("API_KEY_INVALID");
    expect((await post(call, ask("a fox [refuse]"), { "x-goog-api-key": "good" })).status).toBe(200);
  });

  it.each([
    ["a lower-case k", { imageConfig: { imageSize: "2k" } }],
    ["512 on Pro", { imageConfig: { imageSize: "512" } }],
    ["an unknown ratio", { imageConfig: { aspectRatio: "7:5" } }],
    ["a ratio that only others have", { imageConfig: { aspectRatio: "1:8" } }],
  ])("refuses %s with INVALID_ARGUMENT", async (_, config) => {
    const { call } = await gemini(PRO);
    const answer = await post(call, ask("a fox", config));
    expect([answer.status, (await answer.json()).error.status]).toEqual([400, "INVALID_ARGUMENT"]);
  });

  it("does not know another model", async () => {
    const { base } = await gemini();
    const answer = await post(`${base}/v1beta/models/gemini-3.1-flash-image:generateContent`, ask("a fox"));
    expect([answer.status, (await answer.json()).error.status]).toEqual([404, "NOT_FOUND"]);
  });

  it("streams the same answer as one event", async () => {
    const { base } = await gemini();
    const answer = await post(`${base}/v1beta/models/${FLASH}:streamGenerateContent?alt=sse`, ask("a fox"));
    expect(answer.headers.get("content-type")).toBe("text/event-stream");
    const event = JSON.parse((await answer.text()).slice("data: ".length));
    expect(formatOf(bytesOf(event.candidates[0].content.parts[0].inlineData.data))).toBe("png");
  });
});

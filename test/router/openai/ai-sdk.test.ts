import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { sniffPicture } from "../../../routing/image/sniff.ts";
import { AI_SDKS, type AiSdk } from "../../support/ai-sdks.ts";
import { aPng } from "../../support/pictures.ts";
import { type Stack, startStack } from "../../support/stack.ts";

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({
    // The simulated GPU servers edit, at any size and with a mask.
    edit: ({ routing, catalog }) => ({
      routing,
      catalog: catalog.replace("takes: [seed, negative", "takes: [image, mask, seed, negative"),
    }),
  });
});
afterAll(() => stack.stop());
afterEach(() => stack.simulator.control.clearFaults());

/** Pictures asked of all simulated endpoints so far. */
const workDone = () =>
  Object.values(stack.simulator.control.state().endpoints).reduce((sum, { requests }) => sum + requests, 0);

/** A model of the router under test, and what the SDK sent to it; `workBefore` counts the pictures asked of endpoints by then. */
function open(sdk: AiSdk, id: string) {
  const sent: { path: string; workBefore: number }[] = [];
  const provider = sdk.createOpenAICompatible({
    name: "galley",
    baseURL: `${stack.router.url}/v1`,
    apiKey: "local",
    fetch: (input, init) => {
      sent.push({ path: new URL(String(input)).pathname, workBefore: workDone() });
      return fetch(input, init);
    },
  });
  return { model: provider.imageModel(id), sent };
}

describe.each(AI_SDKS)("%s", (name, sdk) => {
  it("generates, and sees in the headers what happened", async () => {
    const { model } = open(sdk, "preview");
    const { image, responses } = await sdk.generateImage({ model, prompt: "a fox", size: "256x256" });
    expect(sniffPicture(image.uint8Array)).toEqual({ format: "png", width: 256, height: 256 });
    const [response] = responses;
    expect(response?.headers).toMatchObject({
      "x-request-id": expect.stringMatching(/^[0-9a-f-]{36}$/),
      "galley-route": "preview",
      "galley-model": expect.stringMatching(/^sd3\.5-medium@/),
    });
  });

  it("generates several that all differ, and passes own options through", async () => {
    const { model } = open(sdk, "auto");
    const providerOptions = { galley: { seed: 21, purpose: "draft-art", style_hint: "x" } };
    const before = workDone();
    const { images, responses } = await sdk.generateImage({
      model,
      // Not what another version of the SDK asked for: that picture is kept.
      prompt: `a fox for ${name}`,
      n: 2,
      size: "256x256",
      providerOptions,
    });
    expect(workDone() - before).toBe(2);
    expect(new Set(images.map(({ base64 }) => base64)).size).toBe(2);
    expect(responses[0]?.headers).toMatchObject({
      "galley-seed": "21",
      "galley-route": "draft-art",
      "galley-warning": "size 256x256 becomes 1024x1024; ignored: style_hint",
    });
  });

  it("draws two equal calls side by side as two pictures", async () => {
    const { model } = open(sdk, "preview");
    const draw = () => sdk.generateImage({ model, prompt: "a fox", size: "256x256" });
    const [one, other] = await Promise.all([draw(), draw()]);
    expect(one.image.base64).not.toBe(other.image.base64);
  });

  it("sends a blocked prompt once", async () => {
    const { model, sent } = open(sdk, "draft-art");
    const before = workDone();
    const error = await sdk
      .generateImage({ model, prompt: `[refuse] a fox for ${name}` })
      .catch((thrown: unknown) => thrown);
    expect(sdk.APICallError.isInstance(error)).toBe(true);
    expect(error).toMatchObject({ statusCode: 400, isRetryable: false, message: expect.stringMatching(/refuses/) });
    expect(sent).toHaveLength(1);
    expect(workDone() - before).toBe(1);
  });

  it("retries what ran out of time, and starts no work again by that", async () => {
    stack.simulator.control.setFault("*", { kind: "stall-before-headers" });
    const { model, sent } = open(sdk, "draft-art");
    const providerOptions = { galley: { deadline_ms: 3_000 } };
    const asked = sdk.generateImage({ model, prompt: `a fox for ${name}`, maxRetries: 1, providerOptions });
    await expect(asked).rejects.toThrow(/ready in time/);
    expect(sent).toHaveLength(2);
    expect(sent[1]?.workBefore).toBeGreaterThan(sent[0]?.workBefore ?? 0);
    expect(workDone()).toBe(sent[1]?.workBefore);
  });

  it("is refused a size that nothing draws, with words", async () => {
    const { model } = open(sdk, "preview");
    const asked = sdk.generateImage({ model, prompt: "a fox", size: "8192x8192", maxRetries: 0 });
    await expect(asked).rejects.toThrow(/pixels/);
  });
});

describe.each(AI_SDKS.filter(([name]) => name !== "ai 5"))("%s", (_, sdk) => {
  it("edits a picture", async () => {
    const { model, sent } = open(sdk, "SD3.5 Medium");
    const prompt = { text: "a red fox", images: [aPng(320, 192)], mask: aPng(320, 192) };
    const { image } = await sdk.generateImage({ model, prompt });
    expect(sniffPicture(image.uint8Array)).toMatchObject({ width: 320, height: 192 });
    expect(sent[0]?.path).toBe("/v1/images/edits");
  });
});

it("refuses, with ai 5, an edit that it sends as a prompt that is no string", async () => {
  const [, sdk] = AI_SDKS.find(([name]) => name === "ai 5") ?? [];
  if (sdk === undefined) return expect.unreachable("ai 5 is tested");
  const { model, sent } = open(sdk, "Nano Banana");
  const asked = sdk.generateImage({ model, prompt: { text: "a red fox", images: [aPng(32, 32)] } });
  await expect(asked).rejects.toMatchObject({ statusCode: 400, isRetryable: false });
  expect(sent).toHaveLength(1);
});

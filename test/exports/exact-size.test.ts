/** A model that draws sizes of its own only (Gemini's protocol): the export has the asked size and format all the same, to the pixel. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { sniffPicture } from "../../routing/image/sniff.ts";
import { type Stack, startStack } from "../support/stack.ts";
import { statesOf, untilOver } from "./follow-export.ts";

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack.stop());
afterEach(() => stack.simulator.control.clearFaults());

async function exported(asked: object) {
  const response = await stack.post("/v1/exports", { prompt: "a lighthouse, engraved", seed: 7, ...asked });
  expect(response.status).toBe(202);
  const { id } = (await response.json()) as { id: string };
  const shown = await untilOver(stack.router.url, id);
  return { id, shown };
}

async function pictureOf(id: string) {
  const response = await fetch(`${stack.router.url}/v1/exports/${id}/image`);
  return sniffPicture(new Uint8Array(await response.arrayBuffer()));
}

describe("an export by a model with sizes of its own", () => {
  it.each([
    { width: 1200, height: 850 },
    { width: 512, height: 512 },
    { width: 1366, height: 768 },
    { width: 700, height: 1600 },
    { width: 1024, height: 1024, format: "webp" },
  ])("is exactly $width x $height $format", async (asked) => {
    const { id, shown } = await exported(asked);
    expect(shown).toMatchObject({ metadata: { state: "done" }, response: { ...asked, model: "nano-banana-pro" } });
    expect(await pictureOf(id)).toMatchObject(asked);
    expect(shown.metadata.attempts.map(({ step, outcome }) => [step, outcome])).toEqual([["render", "ok"]]);
  });

  it("tells on the way what was drawn, and what was done to it", async () => {
    const { id, shown } = await exported({ width: 1000, height: 700 });
    expect(await statesOf(stack.router.url, id)).toEqual(["rendering", "verifying", "storing", "verifying", "storing"]);
    expect(shown.response?.warnings).toContain("scaled and cut to 1000x700");
  });

  it("enlarges from what the model draws", async () => {
    const { id, shown } = await exported({ width: 3000, height: 2000, upscale: true });
    expect(await pictureOf(id)).toMatchObject({ width: 3000, height: 2000 });
    expect(shown.metadata.attempts.map(({ step }) => step)).toEqual(["render", "upscale"]);
  });

  it("renders once, however often the upscaler fails", async () => {
    stack.simulator.control.setFault("gpu-upscaler", { kind: "503" });
    const response = await stack.post("/v1/exports", {
      ...{ prompt: "a lighthouse, engraved", seed: 8, model: "SD3.5 Medium", upscale: true },
      ...{ width: 1024, height: 1024 },
    });
    const { id } = (await response.json()) as { id: string };
    for (;;) {
      const shown = (await (await fetch(`${stack.router.url}/v1/exports/${id}`)).json()) as {
        metadata: { attempts: { step: string; outcome: string }[] };
      };
      if (shown.metadata.attempts.some(({ outcome }) => outcome === "overloaded")) break;
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
    stack.simulator.control.clearFaults();
    const shown = await untilOver(stack.router.url, id);
    const steps = shown.metadata.attempts.map(({ step }) => step);
    expect([shown.metadata.state, steps.filter((step) => step === "render").length]).toEqual(["done", 1]);
    expect(steps.filter((step) => step === "upscale").length).toBeGreaterThan(1);
  });

  it("is drawn by another model of the policy where too much would be cut away", async () => {
    const { shown, id } = await exported({ width: 2048, height: 512 });
    expect(shown).toMatchObject({ metadata: { state: "done" }, response: { model: "sd3.5-medium" } });
    expect(await pictureOf(id)).toMatchObject({ width: 2048, height: 512 });
  });

  it("is drawn by the next model where a dear one drew half of what it usually does, and is not paid for twice", async () => {
    stack.simulator.control.setFault("gpu-nano-banana-pro", { kind: "wrong-dimensions", count: 1 });
    const { shown, id } = await exported({ width: 1000, height: 700 });
    expect(await pictureOf(id)).toMatchObject({ width: 1000, height: 700 });
    expect(shown.metadata.attempts.map(({ endpoint, outcome }) => [endpoint, outcome])).toEqual([
      ["gpu-nano-banana-pro", "bad_picture"],
      ["gpu-sd35", "ok"],
      ["gpu-upscaler", "ok"],
    ]);
  });
});

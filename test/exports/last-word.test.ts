/** A provider that says behind a picture which version drew it: an export hears that word before it is done. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Stack, startStack } from "../support/stack.ts";
import { untilOver } from "./follow-export.ts";

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({
    // A small head: pictures of this test stream, as large ones do.
    edit: ({ routing, catalog }) => ({
      routing: routing.replace("    mode: job\n", "    mode: job\n    head: 16KiB\n"),
      catalog,
    }),
  });
});
afterAll(() => stack.stop());
afterEach(() => stack.simulator.control.clearFaults());

async function exported(seed: number) {
  const response = await stack.post("/v1/exports", { prompt: "a lighthouse", seed, width: 1024, height: 1024 });
  const { id } = (await response.json()) as { id: string };
  return untilOver(stack.router.url, id);
}

describe("an export whose provider names the version last", () => {
  it("is of that version for sure", async () => {
    expect((await exported(1)).response).toMatchObject({ model: "nano-banana-pro", pin: "gemini-3-pro-image" });
  });

  it("is drawn by another leg where the version is the wrong one", async () => {
    stack.simulator.control.setFault("gpu-nano-banana-pro", { kind: "wrong-pin" });
    const { metadata, response } = await exported(2);
    expect(metadata.attempts.map(({ endpoint, outcome }) => [endpoint, outcome])).toContainEqual([
      "gpu-nano-banana-pro",
      "pin_mismatch",
    ]);
    expect(response).toMatchObject({ model: "sd3.5-medium", pin: "sd3.5-medium@b940f670f0ed" });
  });
});

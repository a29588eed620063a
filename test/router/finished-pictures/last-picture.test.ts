import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Stack, startStack } from "../../support/stack.ts";

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack.stop());

const HOME = { "galley-client-location": "country=FR; continent=EU" };

async function draw(parts: object, headers: Record<string, string> = {}) {
  const ask = { prompt: "a fox", purpose: "preview", width: 256, height: 256, ...parts };
  const response = await stack.post("/v1/generate", ask, { ...HOME, ...headers });
  return {
    status: response.status,
    headers: Object.fromEntries(response.headers),
    bytes: Buffer.from(await response.arrayBuffer()),
  };
}

describe("the last picture of a session and layer", () => {
  it("is shown when nothing can serve, to that session and layer and where the policy says so, and to nobody else", async () => {
    await draw({ session: "s", layer: "sky", prompt: "an older fox" });
    const last = await draw({ session: "s", layer: "sky" });
    const onSand = await draw({ session: "s", layer: "sand" });
    const unkept = await draw({ session: "secret" }, { "cache-control": "no-store" });
    expect([last, onSand, unkept].map(({ status }) => status)).toEqual([200, 200, 200]);

    stack.simulator.control.setFault("*", { kind: "500" });
    const shown = await draw({ session: "s", layer: "sky", prompt: "a newer fox" });
    expect(shown.status).toBe(200);
    expect(shown.bytes.equals(last.bytes)).toBe(true);
    expect(shown.headers).toMatchObject({
      "galley-degraded": "stale; reason=upstream-error",
      "galley-endpoint": "none",
      "content-type": "image/png",
      "content-length": String(last.bytes.length),
    });
    expect(shown.headers["galley-model"]).toMatch(/@unverified$/);
    expect(shown.headers["galley-attempts"]).toMatch(/outcome=upstream_error/);
    const other = await draw({ session: "s", layer: "sand", seed: 3 });
    expect(other.bytes.equals(onSand.bytes)).toBe(true);

    // Equal requests with a seed share what is drawn for both, and this is not.
    const mine = draw({ session: "s", layer: "sky", seed: 5 });
    const theirs = draw({ session: "another", layer: "sky", seed: 5 });
    expect((await mine).bytes.equals(last.bytes)).toBe(true);
    expect((await theirs).status).toBe(502);

    expect((await draw({ session: "another", layer: "sky" })).status).toBe(502);
    expect((await draw({ session: "secret" })).status).toBe(502);
    expect((await draw({})).status).toBe(502);
    expect((await draw({ session: "s", layer: "sky", purpose: "draft-art" })).status).toBe(502);
  });
});

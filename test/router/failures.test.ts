/** What a client sees when endpoints fail in every way the simulator knows: another leg's picture, or a typed problem; never a broken 200. */
import { connect } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { FAULTS, type FaultKind } from "../../infra/gpu/simulator/index.ts";
import { sniffPicture } from "../../routing/image/sniff.ts";
import { type Stack, startStack } from "../support/stack.ts";

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({
    timeScale: 1,
    // GPUs twenty times as fast and short attempts, so that a stalled endpoint is given up soon.
    edit: ({ routing, catalog }) => ({
      routing: routing.replace(/fast-preview:\n/, "fast-preview:\n    attempt_timeout: 900ms\n"),
      catalog: catalog.replace(/(p50|p95): ([\d.]+)(ms|s)/g, (_, name, number, unit) => {
        return `${name}: ${(Number(number) * (unit === "s" ? 1_000 : 1)) / 20}ms`;
      }),
    }),
  });
});
afterAll(() => stack.stop());
afterEach(async () => {
  stack.simulator.control.clearFaults();
  await stack.restartRouter();
});

const HOME = { "galley-client-location": "continent=EU" };
const ASK = { prompt: "a fox", purpose: "preview", width: 256, height: 256, format: "png" };

/** Left out: what only slows, what no dialect of these endpoints has, and what must not be tried elsewhere (tested below). */
const ELSEWHERE: readonly FaultKind[] = ["slow", "url-gone", "refused"];
const KINDS = (Object.keys(FAULTS) as FaultKind[]).filter((kind) => !ELSEWHERE.includes(kind));

describe("a fault in the whole home region", () => {
  it.each(KINDS)("passes on a whole picture from elsewhere under %s", async (kind) => {
    stack.simulator.control.setFault("weur", { kind });
    const response = await stack.post("/v1/generate", ASK, HOME);
    expect([response.status, response.headers.get("galley-attempts")]).toEqual([200, expect.any(String)]);
    expect(sniffPicture(new Uint8Array(await response.arrayBuffer()))).toEqual({
      format: "png",
      width: 256,
      height: 256,
    });
    expect(response.headers.get("galley-region")).not.toBe("weur");
    expect(response.headers.get("galley-degraded")).toMatch(/^(region|model); reason=[a-z-]+$/);
    const attempts = response.headers.get("galley-attempts")?.split(", ") ?? [];
    expect(attempts.length).toBeGreaterThan(1);
    expect(attempts.filter((attempt) => attempt.includes("outcome=ok"))).toHaveLength(1);
  });
});

describe("a fault everywhere", () => {
  it.each(KINDS)("ends in a typed problem under %s", async (kind) => {
    stack.simulator.control.setFault("*", { kind });
    const response = await stack.post("/v1/generate", { ...ASK, deadline_ms: 4_000 }, HOME);
    expect(response.status).toBeGreaterThanOrEqual(502);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    const problem = await response.text();
    expect(JSON.parse(problem)).toMatchObject({
      code: expect.stringMatching(/^(upstream_failed|deadline_exceeded|no_capacity)$/),
    });
    expect(problem).not.toContain("127.0.0.1");
  });
});

describe("what must not be tried elsewhere", () => {
  it("answers a refused prompt at once with 400 moderation_blocked", async () => {
    const response = await stack.post("/v1/generate", { ...ASK, purpose: "draft-art", prompt: "[refuse] a fox" }, HOME);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: "moderation_blocked" });
    expect(response.headers.get("galley-attempts")).not.toContain(",");
    expect(response.headers.get("x-should-retry")).toBe("false");
  });

  it("stops the upstream when the client's connection is reset before the answer", async () => {
    stack.simulator.control.setFault("weur", { kind: "slow", factor: 400 });
    const aborted = () =>
      ["weur-sd35-a", "weur-sd35-b"].reduce((sum, id) => sum + stack.simulator.control.stateOf(id).stopped, 0);
    const running = () =>
      ["weur-sd35-a", "weur-sd35-b"].reduce((sum, id) => sum + stack.simulator.control.stateOf(id).running, 0);
    const before = aborted();
    const { hostname, port } = new URL(stack.router.url);
    const socket = connect(Number(port), hostname);
    const body = JSON.stringify(ASK);
    socket.write(
      `POST /v1/generate HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ngalley-client-location: continent=EU\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    await expect.poll(running, { timeout: 5_000 }).toBe(1);
    socket.resetAndDestroy();
    await expect.poll(aborted, { timeout: 5_000 }).toBe(before + 1);
    await expect.poll(running, { timeout: 5_000 }).toBe(0);
  });
});

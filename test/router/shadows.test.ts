/** Shadows over HTTP: copies reach the candidate and nobody notices. Real workerd, real objects, simulated GPUs. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Stack, startStack } from "../support/stack.ts";

const CANARY = `
canaries:
  sd35-next:
    route: preview
    candidate: "SD3.5 Medium next"
    ramp: [30%]
    stick_to: session
    min_requests: 20
    min_duration: 0s
    shadow: 100%
    shadow_gpu_time: 1h
`;

const CANDIDATES = ["weur-sd35-next", "enam-sd35-next", "apac-sd35-next"];

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ edit: ({ routing, catalog }) => ({ routing: routing + CANARY, catalog }) });
});
afterAll(() => stack.stop());

interface Shadow {
  readonly pairs: number;
  readonly gave_way: number;
  readonly gpu_s: number;
  readonly gpu_cap_s: number;
  readonly failures: { readonly worse: number };
}

const say = (body: unknown) => stack.post("/v1/canaries/sd35-next", body);
const look = async (): Promise<Shadow & { readonly phase: string; readonly share: number }> => {
  const response = await fetch(`${stack.router.url}/v1/canaries/sd35-next`);
  const { shadow, ...rest } = (await response.json()) as { shadow: Shadow; phase: string; share: number };
  return { ...shadow, ...rest };
};
/** Ends what runs and starts with these words; only shadows, unless they say otherwise. */
async function restart(words: Record<string, unknown> = {}): Promise<void> {
  await say({ command: "abort" });
  const response = await say({ command: "start", at: 0, warmup_ms: 0, ...words });
  expect(response.status).toBe(200);
}

const copies = (): number => CANDIDATES.reduce((sum, id) => sum + stack.simulator.control.stateOf(id).requests, 0);

async function draw(parts: Record<string, unknown> = {}, headers: Record<string, string> = {}): Promise<Response> {
  const ask = { prompt: "a fox", purpose: "preview", width: 256, height: 256, seed: 7, ...parts };
  return stack.post("/v1/generate", ask, { "galley-client-location": "continent=EU", ...headers });
}

const pause = () => new Promise((done) => setTimeout(done, 100));

/** Waits, a tenth of a second at a time, for what happens behind answers. */
async function until(isSo: () => Promise<boolean> | boolean): Promise<void> {
  for (let at = 0; at < 100; at++) {
    if (await isSo()) return;
    await pause();
  }
  throw new Error(`not so: ${JSON.stringify(await look())}`);
}

const FACTS = ["galley-route", "galley-model", "galley-endpoint", "content-length", "content-type"];
const factsOf = (response: Response) => FACTS.map((name) => response.headers.get(name));

describe("shadows of previews", () => {
  it("reach the candidate, and change neither the answer's bytes nor its headers nor its cost", async () => {
    const plain = await draw();
    const expected = Buffer.from(await plain.arrayBuffer());
    const before = copies();
    await restart();
    const startedAtMs = Date.now();
    const shadowed = await draw();
    const tookMs = Date.now() - startedAtMs;
    expect(shadowed.status).toBe(200);
    expect(Buffer.from(await shadowed.arrayBuffer()).equals(expected)).toBe(true);
    expect(factsOf(shadowed)).toEqual(factsOf(plain));
    expect(shadowed.headers.get("galley-attempts")).not.toContain("next");
    // A GPU second costs $0.0006: what the client is told is its own second at most, without the copy's.
    expect(Number(shadowed.headers.get("galley-cost-usd"))).toBeLessThanOrEqual((tookMs / 1_000) * 0.0006);
    await until(async () => (await look()).pairs === 1);
    expect(copies() - before).toBe(1);
    expect(await look()).toMatchObject({ phase: "running", share: 0, failures: { worse: 0 } });
    expect((await look()).gpu_s).toBeGreaterThan(0);
  });

  it("compare both models on the same prompt and seed", async () => {
    await restart();
    for (let at = 0; at < 32; at++) {
      await (await draw({ seed: at })).arrayBuffer();
      await until(async () => (await look()).pairs + (await look()).gave_way > at);
    }
    const document = (await (await fetch(`${stack.router.url}/v1/canaries/sd35-next`)).json()) as {
      shadow: { latency_ratio: { low: number; estimate: number; high: number } | null };
    };
    const ratio = document.shadow.latency_ratio;
    expect(ratio?.low).toBeLessThan(ratio?.estimate ?? 0);
    expect(ratio?.high).toBeGreaterThan(ratio?.estimate ?? 9);
  }, 60_000);

  it("are none of exports, of several pictures, of forced arms or of a caller who names a model", async () => {
    await restart();
    const before = copies();
    const answers = await Promise.all([
      draw({ purpose: "high-res-export" }),
      draw({ n: 2 }, { accept: "application/json" }),
      draw({}, { "galley-arm": "baseline" }),
      draw({ purpose: undefined, model: "SD3.5 Medium" }),
      draw({ purpose: "draft-art" }),
    ]);
    await Promise.all(answers.map((answer) => answer.arrayBuffer()));
    expect(answers.map(({ status }) => status)).toEqual([202, 200, 200, 200, 200]);
    await (await draw()).arrayBuffer();
    await until(async () => (await look()).pairs === 1);
    expect(copies() - before).toBe(1);
  });

  it("stop when the day's GPU time is spent, whatever run of the experiment spent it", async () => {
    const spentMs = (await look()).gpu_s * 1_000;
    expect(spentMs).toBeGreaterThan(0);
    // What one expected copy (1.4 s) needs beside what was spent and a few milliseconds: room for few, not for two dozen.
    await restart({ shadow_gpu_ms: Math.round(spentMs) + 1_405 });
    const before = copies();
    await (await draw()).arrayBuffer();
    await until(async () => (await look()).pairs === 1);
    for (let at = 0; at < 12; at++) {
      await (await draw({ seed: at })).arrayBuffer();
      await pause();
    }
    const capped = await look();
    expect(capped.gpu_s).toBeLessThanOrEqual(capped.gpu_cap_s);
    expect(capped.pairs).toBeLessThan(4);
    expect(copies() - before).toBe(capped.pairs);
    await restart({ shadow_gpu_ms: Math.round(spentMs) + 1_405 });
    expect((await draw()).status).toBe(200);
    await pause();
    expect((await look()).pairs).toBe(0);
  });

  it("show a candidate that fails, without an error to anybody", async () => {
    await restart();
    for (const id of CANDIDATES) stack.simulator.control.setFault(id, { kind: "500" });
    const answer = await draw();
    await answer.arrayBuffer();
    expect(answer.status).toBe(200);
    await until(async () => (await look()).failures.worse > 0);
    stack.simulator.control.clearFaults();
  });

  it("find no slot while the candidate's pool is at work", async () => {
    await restart();
    const requests = () => stack.simulator.control.stateOf("weur-sd35-next").requests;
    stack.simulator.control.setFault("weur-sd35-next", { kind: "slow", factor: 100 });
    const former = requests();
    // Half of its four slots.
    const busy = [1, 2].map((seed) => draw({ purpose: undefined, model: "SD3.5 Medium next", seed }));
    await until(() => requests() >= former + 2);
    await (await draw()).arrayBuffer();
    await until(async () => (await look()).gave_way + (await look()).pairs > 0);
    expect(await look()).toMatchObject({ gave_way: 1, pairs: 0 });
    await Promise.all(busy);
    stack.simulator.control.clearFaults();
  });

  it("need a share where the canary serves nobody", async () => {
    await say({ command: "abort" });
    const refused = await say({ command: "start", at: 0, shadow: 0 });
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({ path: "/shadow" });
  });
});

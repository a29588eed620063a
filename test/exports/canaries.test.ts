/** Canaries on a route that is rendered as jobs: real workerd, real objects, simulated GPUs. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Stack, startStack } from "../support/stack.ts";

const CANARY = `
canaries:
  export-next:
    route: high-res-export
    candidate: "Nano Banana 2.1"
    ramp: [50%]
    stick_to: request
    min_requests: 1000
    min_duration: 0s
`;

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ edit: ({ routing, catalog }) => ({ routing: routing + CANARY, catalog }) });
});
afterAll(() => stack.stop());
afterEach(() => stack.simulator.control.clearFaults());

interface Document {
  readonly phase: string;
  readonly arms: Readonly<Record<"baseline" | "canary", { readonly requests: number; readonly excluded: object }>>;
  readonly log: readonly { readonly says: string }[];
}

const look = async (): Promise<Document> =>
  (await fetch(`${stack.router.url}/v1/canaries/export-next`)).json() as Promise<Document>;
const say = (body: unknown) => stack.post("/v1/canaries/export-next", body);

interface Made {
  readonly status: number;
  readonly arm: string | null;
  readonly model: string;
}

/** Makes one export and waits for its end. */
async function make(headers: Record<string, string> = {}, path = "/v1/exports"): Promise<Made> {
  const ask = { prompt: "a lighthouse", purpose: "high-res-export", width: 256, height: 256 };
  const response = await stack.post(path, ask, { "galley-client-location": "continent=EU", ...headers });
  const { id } = (await response.json()) as { id: string };
  for (let at = 0; at < 200; at++) {
    const state = await fetch(`${stack.router.url}/v1/exports/${id}`);
    const document = (await state.json()) as {
      done: boolean;
      metadata: { arm?: string };
      response?: { model: string };
    };
    if (!document.done) {
      await new Promise((done) => setTimeout(done, 50));
      continue;
    }
    expect(document.metadata.arm ?? null).toBe(response.headers.get("galley-arm"));
    return {
      status: response.status,
      arm: response.headers.get("galley-arm"),
      model: document.response?.model ?? "none",
    };
  }
  throw new Error(`export ${id} did not end`);
}

const makeMany = (count: number) => Promise.all(Array.from({ length: count }, () => make()));
const counted = ({ arms }: Document) => arms.baseline.requests + arms.canary.requests;

async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (let at = 0; at < 100; at++) {
    if (await isSo()) return;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(`not so: ${JSON.stringify(await look())}`);
}

describe("a canary on a route of jobs", () => {
  it("serves its share of the jobs, and counts each job once when it is over", async () => {
    expect((await make()).arm).toBeNull();
    expect((await say({ command: "start", warmup_ms: 0 })).status).toBe(200);
    const made = await makeMany(16);
    expect(new Set(made.map(({ arm }) => arm))).toEqual(new Set(["baseline", "canary"]));
    for (const { arm, model } of made) expect(model).toBe(arm === "canary" ? "nano-banana-2.1" : "nano-banana-pro");
    await until(async () => counted(await look()) === 16);
    expect((await look()).arms.canary.requests).toBe(made.filter(({ arm }) => arm === "canary").length);
    const again = { "idempotency-key": '"same"' };
    const [first, second] = [await make(again), await make(again)];
    expect(second.arm).toBe(first.arm);
    await until(async () => counted(await look()) === 17);
    const viaGenerate = await make({}, "/v1/generate");
    expect(viaGenerate).toMatchObject({ status: 202, arm: expect.stringMatching(/baseline|canary/) });
    await until(async () => counted(await look()) === 18);
  }, 60_000);

  it("can be looked at by those who may, uncounted", async () => {
    const before = counted(await look());
    expect(await make({ "galley-arm": "canary" })).toMatchObject({ arm: "canary", model: "nano-banana-2.1" });
    expect(await make({ "galley-arm": "baseline" })).toMatchObject({ arm: "baseline", model: "nano-banana-pro" });
    await until(async () => JSON.stringify((await look()).arms.canary.excluded).includes("forced"));
    expect(counted(await look())).toBe(before);
  }, 30_000);

  it("is rolled back by itself when its model fails, and every job still ends in a picture", async () => {
    for (const place of ["weur", "enam", "apac"])
      stack.simulator.control.setFault(`${place}-nano-banana-2.1`, { kind: "500" });
    const made: Made[] = [];
    while (made.length < 120 && (await look()).phase === "running") made.push(...(await makeMany(8)));
    await until(async () => (await look()).phase === "rolled-back");
    expect(made.filter(({ model }) => model === "none")).toEqual([]);
    expect((await look()).log.at(-1)?.says).toMatch(/errors: \d+ of \d+ against 0 of \d+ in the baseline/);
    stack.simulator.control.clearFaults();
    await until(async () => (await make()).arm === "baseline");
    expect(new Set((await makeMany(6)).map(({ model }) => model))).toEqual(new Set(["nano-banana-pro"]));
  }, 120_000);
});

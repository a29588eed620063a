/** A canary over HTTP, from start to its end: real workerd, real Rollout objects, simulated GPUs. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Stack, startStack } from "../support/stack.ts";

const CANARY = `
canaries:
  sd35-next:
    route: preview
    candidate: "SD3.5 Medium next"
    ramp: [1%, 30%]
    stick_to: session
    min_requests: 20
    min_duration: 0s
`;

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({
    edit: ({ routing, catalog }) => ({ routing: routing + CANARY, catalog }),
  });
});
afterAll(() => stack.stop());
afterEach(() => stack.simulator.control.clearFaults());

interface Document {
  readonly phase: string;
  readonly share: number;
  readonly mode: string;
  readonly arms: Readonly<Record<string, { readonly requests: number; readonly excluded: Record<string, number> }>>;
  readonly log: readonly { readonly kind: string; readonly says: string; readonly person: string | null }[];
}

const look = async (): Promise<Document> =>
  (await fetch(`${stack.router.url}/v1/canaries/sd35-next`)).json() as Promise<Document>;

const say = (body: unknown) => stack.post("/v1/canaries/sd35-next", body);

/** One preview of a session of its own, from Europe. */
async function draw(session: string, headers: Record<string, string> = {}): Promise<Response> {
  const ask = { prompt: "a fox", purpose: "preview", width: 256, height: 256, session };
  const response = await stack.post("/v1/generate", ask, { "galley-client-location": "continent=EU", ...headers });
  await response.arrayBuffer();
  return response;
}

/** Sends previews, four at a time, until the document is as wanted; gives how the answers came. */
async function drawUntil(name: string, isReached: (document: Document) => boolean, most = 600): Promise<Response[]> {
  const answers: Response[] = [];
  while (answers.length < most) {
    const batch = Array.from({ length: 8 }, (_, index) => draw(`${name}-${answers.length + index}`));
    answers.push(...(await Promise.all(batch)));
    if (isReached(await look())) return answers;
  }
  throw new Error(`not reached after ${answers.length} requests: ${JSON.stringify(await look())}`);
}

describe("a canary", () => {
  it("does nothing before it is started", async () => {
    expect(await look()).toMatchObject({ phase: "not-started", share: 0 });
    expect((await draw("before")).headers.get("galley-arm")).toBeNull();
    expect((await say({ command: "pause" })).status).toBe(409);
  });

  it("keeps each session in its arm, and shows either to those who may look", async () => {
    expect(await (await say({ command: "start", at: 0.3, warmup_ms: 0, person: "ada" })).json()).toMatchObject({
      phase: "running",
      share: 0.3,
      log: [{ kind: "started", person: "ada" }],
    });
    const sessions = Array.from({ length: 24 }, (_, index) => `sticky-${index}`);
    const arms = await Promise.all(sessions.map((session) => draw(session)));
    const armOf = (response: Response) => response.headers.get("galley-arm");
    expect(new Set(arms.map(armOf))).toEqual(new Set(["baseline", "canary"]));
    const again = await Promise.all(sessions.map((session) => draw(session)));
    expect(again.map(armOf)).toEqual(arms.map(armOf));
    for (const response of arms) {
      const model = response.headers.get("galley-attempts")?.includes("sd35-next");
      expect(model).toBe(armOf(response) === "canary");
    }
    expect(armOf(await draw("sticky-0", { "galley-arm": "canary" }))).toBe("canary");
    expect(armOf(await draw("sticky-0", { "galley-arm": "baseline" }))).toBe("baseline");
    expect((await draw("sticky-0", { "galley-arm": "both" })).status).toBe(400);
    expect((await say({ command: "start" })).status).toBe(409);
  });

  it("is rolled back by itself when the candidate breaks, without an error to any client", async () => {
    for (const place of ["weur", "enam", "apac"]) {
      stack.simulator.control.setFault(`${place}-sd35-next`, { kind: "500" });
    }
    const answers = await drawUntil("bad", ({ phase }) => phase !== "running");
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    const after = await look();
    expect(after).toMatchObject({ phase: "rolled-back", share: 0 });
    expect(after.log.at(-1)).toMatchObject({ kind: "rolled-back", person: null });
    expect(after.log.at(-1)?.says).toMatch(/errors: \d+ of \d+ against 0 of \d+ in the baseline; evidence/);
    expect(after.arms["canary"]?.excluded).toMatchObject({ forced: 1 });
    stack.simulator.control.clearFaults();
    const next = await Promise.all(Array.from({ length: 12 }, (_, index) => draw(`after-${index}`)));
    expect(new Set(next.map((response) => response.headers.get("galley-arm")))).toEqual(new Set(["baseline"]));
  }, 120_000);

  it("only writes down what it would do in the mode observe, and a person has the last word", async () => {
    expect((await say({ command: "start", at: 0.3, warmup_ms: 0, mode: "observe" })).status).toBe(200);
    for (const place of ["weur", "enam", "apac"]) {
      stack.simulator.control.setFault(`${place}-sd35-next`, { kind: "500" });
    }
    await drawUntil("seen", ({ log }) => log.some(({ kind }) => kind === "rolled-back"));
    expect(await look()).toMatchObject({ phase: "running", share: 0.3, mode: "observe" });
    expect((await look()).log.at(-1)?.says).toMatch(/^would have rolled back/);
    expect(await (await say({ command: "promote", person: "ada", note: "better pictures" })).json()).toMatchObject({
      phase: "promoted",
      share: 1,
    });
    stack.simulator.control.clearFaults();
    expect((await draw("promoted")).headers.get("galley-arm")).toBe("canary");
    expect(await (await say({ command: "abort" })).json()).toMatchObject({ phase: "aborted", share: 0 });
  }, 120_000);

  it("is not there under another name", async () => {
    expect((await fetch(`${stack.router.url}/v1/canaries/nope`)).status).toBe(404);
    expect((await stack.post("/v1/canaries/sd35-next", { command: "explode" })).status).toBe(400);
    expect(await (await fetch(`${stack.router.url}/v1/canaries`)).json()).toMatchObject({
      canaries: [{ name: "sd35-next", route: "preview" }],
    });
  });
});

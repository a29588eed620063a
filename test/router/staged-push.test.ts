/** A staged push that is judged, over HTTP: taken back by itself, or on a person's word put in force. Real workerd, KV and objects. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type ConfigJudge,
  type ConfigPointer,
  CURRENT_CONFIG_KEY,
  configKey,
  POINTER_SCHEMA,
  parsePointer,
  type Snapshot,
  toSnapshotJson,
} from "../../routing/authoring.ts";
import { type Stack, shippedSnapshot, startStack } from "../support/stack.ts";

let stack: Stack;
/** Previews by the next model: its endpoints are made to fail. */
let newer: Snapshot;
beforeAll(async () => {
  stack = await startStack();
  newer = await shippedSnapshot(stack.simulator.url, ({ routing, catalog }) => ({
    routing: routing.replace(
      '- match: "preview"\n    model: "SD3.5 Medium"',
      '- match: "preview"\n    model: "SD3.5 Medium next"',
    ),
    catalog,
  }));
  expect(newer.version).not.toBe(stack.snapshot.version);
});
afterAll(() => stack.stop());

const JUDGE: ConfigJudge = { ramp: [0.5], mode: "enforce", minRequests: 1_000, minHours: 0, warmupMs: 0 };

let pushedAtMs = 0;
/** Stages `newer` to half of the clients, as `galley config push --rollout 50%` does, and waits until it is served. */
async function stage(judge: Partial<ConfigJudge> = {}): Promise<void> {
  pushedAtMs = Math.max(Date.now(), pushedAtMs + 10);
  const pointer: ConfigPointer = {
    ...{ schema: POINTER_SCHEMA, version: newer.version, message: "try it", author: "ada", pushedAtMs },
    previous: stack.snapshot.version,
    rollout: {
      kind: "share",
      share: 0.5,
      salt: `${stack.snapshot.version}-${newer.version}`,
      judge: { ...JUDGE, ...judge },
    },
  };
  await stack.router.config.put(configKey(newer.version), toSnapshotJson(newer));
  await stack.router.config.put(CURRENT_CONFIG_KEY, JSON.stringify(pointer));
  await until(async () => {
    const [push] = await listed();
    return push !== undefined && Date.parse(push.started_at) >= pushedAtMs;
  });
}

async function listed(): Promise<readonly { readonly started_at: string }[]> {
  const response = await fetch(`${stack.router.url}/v1/canaries`);
  return ((await response.json()) as { canaries: { started_at: string }[] }).canaries;
}

interface Document {
  readonly phase: string;
  readonly share: number;
  readonly candidate: string;
  readonly log: readonly { readonly kind: string; readonly says: string; readonly person: string | null }[];
  readonly arms: Readonly<
    Record<"baseline" | "canary", { readonly requests: number; readonly excluded: Record<string, number> }>
  >;
  readonly metrics: readonly { readonly name: string; readonly canary: { readonly bad: number } }[];
}

const url = () => `${stack.router.url}/v1/canaries/config-${newer.version}`;
const look = async (): Promise<Document> => (await fetch(url())).json() as Promise<Document>;
const say = (body: unknown) => stack.post(`/v1/canaries/config-${newer.version}`, body);

async function until(isSo: () => Promise<boolean>, most = 150): Promise<void> {
  for (let at = 0; at < most; at++) {
    if (await isSo()) return;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(`not so: ${JSON.stringify(await look())}`);
}

let clients = 0;
/** One preview of a client of its own. */
async function draw(headers: Record<string, string> = {}, parts: Record<string, unknown> = {}): Promise<Response> {
  clients += 1;
  const ask = { prompt: "a fox", purpose: "preview", width: 256, height: 256, ...parts };
  const address = `2001:db8::${clients.toString(16)}`;
  const response = await stack.post("/v1/generate", ask, {
    ...{ "galley-client-location": "continent=EU", "cf-connecting-ip": address },
    ...headers,
  });
  await response.arrayBuffer();
  return response;
}
const drawMany = (count: number) => Promise.all(Array.from({ length: count }, () => draw()));
const configOf = (response: Response) => response.headers.get("galley-config");

const pointerNow = async (): Promise<ConfigPointer> => {
  const parsed = parsePointer((await stack.router.config.get(CURRENT_CONFIG_KEY)) ?? "");
  if (!parsed.ok) throw new Error(parsed.failure.detail);
  return parsed.value;
};

const breakNext = () => {
  for (const place of ["weur", "enam", "apac"]) stack.simulator.control.setFault(`${place}-sd35-next`, { kind: "500" });
};

describe("a staged push that is judged", () => {
  it("serves its share of the clients, the same ones each time, and counts them", async () => {
    await stage({ mode: "observe" });
    const answers = await drawMany(24);
    expect(new Set(answers.map(configOf))).toEqual(new Set([stack.snapshot.version, newer.version]));
    const sticky = { "cf-connecting-ip": "2001:db8:1::1" };
    const same = await Promise.all([draw(sticky), draw(sticky), draw(sticky)]);
    expect(new Set(same.map(configOf)).size).toBe(1);
    await until(async () => (await look()).arms.canary.requests > 0);
    expect(await look()).toMatchObject({ phase: "running", share: 0.5, candidate: newer.version });
    expect((await look()).log[0]).toMatchObject({ kind: "started", person: "ada" });
  }, 30_000);

  it("shows either version to those who may look, uncounted", async () => {
    const shown = await draw({ "galley-config": newer.version });
    expect(configOf(shown)).toBe(newer.version);
    expect(configOf(await draw({ "galley-config": stack.snapshot.version }))).toBe(stack.snapshot.version);
    expect((await draw({ "galley-config": "0000000000000000" })).status).toBe(400);
    await until(async () => (await look()).arms.canary.excluded["forced"] === 1);
  });

  it("counts what a configuration refuses", async () => {
    const before = (await look()).metrics.find(({ name }) => name === "errors")?.canary.bad ?? 0;
    await Promise.all(Array.from({ length: 6 }, () => draw({}, { purpose: undefined, model: "no such model" })));
    await until(async () => ((await look()).metrics.find(({ name }) => name === "errors")?.canary.bad ?? 0) > before);
  });

  it("only writes down what it would do in the mode observe", async () => {
    breakNext();
    for (let at = 0; at < 60 && (await look()).log.length < 2; at++) await drawMany(8);
    expect((await look()).log.at(-1)?.says).toMatch(/^would have rolled back/);
    expect(await look()).toMatchObject({ phase: "running", share: 0.5 });
    expect(await pointerNow()).toMatchObject({ version: newer.version });
    stack.simulator.control.clearFaults();
  }, 60_000);

  it("goes back by itself when the new version is worse, and nobody sees an error", async () => {
    await stage();
    breakNext();
    const answers: Response[] = [];
    while (answers.length < 800 && (await look()).phase === "running") answers.push(...(await drawMany(8)));
    expect(await look()).toMatchObject({ phase: "rolled-back", share: 0 });
    expect((await look()).log.at(-1)).toMatchObject({ kind: "rolled-back", person: null });
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    const next = await drawMany(12);
    expect(new Set(next.map(configOf))).toEqual(new Set([stack.snapshot.version]));
    await until(async () => (await pointerNow()).rollout === undefined);
    expect(await pointerNow()).toMatchObject({
      version: stack.snapshot.version,
      previous: newer.version,
      author: "galley",
      message: expect.stringMatching(/^rolled back, canary at 0 %\. \w+: \d+ of \d+ against \d+ of \d+/),
    });
    expect((await look()).phase).toBe("rolled-back");
    stack.simulator.control.clearFaults();
  }, 90_000);

  it("can be staged again, and is everybody's on a person's word", async () => {
    await stage();
    expect(await look()).toMatchObject({ phase: "running", share: 0.5 });
    expect((await say({ command: "start" })).status).toBe(409);
    expect((await say({ command: "promote", person: "grace", note: "fine" })).status).toBe(200);
    expect(new Set((await drawMany(12)).map(configOf))).toEqual(new Set([newer.version]));
    await until(async () => (await pointerNow()).rollout === undefined);
    expect(await pointerNow()).toMatchObject({
      version: newer.version,
      previous: stack.snapshot.version,
      author: "grace",
    });
  }, 30_000);

  it("leaves the pointer alone when somebody pushed meanwhile", async () => {
    await stage();
    const other: ConfigPointer = {
      ...{ schema: POINTER_SCHEMA, version: stack.snapshot.version, message: "mine", author: "bob" },
      pushedAtMs: Date.now() + 1,
    };
    await stack.router.config.put(CURRENT_CONFIG_KEY, JSON.stringify(other));
    expect((await say({ command: "abort", person: "grace" })).status).toBe(200);
    await new Promise((done) => setTimeout(done, 500));
    expect(await pointerNow()).toEqual(other);
  }, 30_000);

  it("is nothing under a version that was never staged", async () => {
    expect((await fetch(`${stack.router.url}/v1/canaries/config-0000000000000000`)).status).toBe(404);
  });
});

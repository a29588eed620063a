/** The places' schedulers behind the real Worker: downgrades before time is lost, supersession, ejection, drift, and what is shown of it. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Stack, startStack } from "../support/stack.ts";

const POLICIES = `
  neighbourly: { tier: fast-preview, deadline: 8s, fallback: [sibling-region] }
  stubborn: { tier: fast-preview, deadline: 60s, fallback: [] }
`;
const ROUTES = `
  - { match: "sketch", model: "SD3.5 Medium", policy: neighbourly }
  - { match: "trial", model: "SD3.5 Medium next", policy: neighbourly }
  - { match: "filler", model: "SD3.5 Medium", policy: stubborn }
`;

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({
    // One chain for each way down (to the faster model first, or to the neighbour first), and one that leads nowhere.
    edit: ({ routing, catalog }) => ({
      routing: routing
        .replace("[sibling-region, faster-model,", "[faster-model, sibling-region,")
        .replace(/^policies:$/m, (head) => `${head}\n${POLICIES}`)
        .replace(/^ {2}- match: "draft-art"$/m, (route) => `${ROUTES}${route}`),
      // What the home region does not have.
      catalog: catalog.replace(/^ {2}weur-sd35-next:\n(?: {4}.*\n)+/m, ""),
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
const HOME_ENDPOINTS = ["weur-sd35-a", "weur-sd35-b"];

const countOf = (count: "requests" | "running" | "stopped", ids: readonly string[] = HOME_ENDPOINTS): number =>
  ids.reduce((sum, id) => sum + stack.simulator.control.stateOf(id)[count], 0);

async function draw(parts: object = {}, headers: Record<string, string> = HOME): Promise<Response> {
  const response = await stack.post("/v1/generate", { ...ASK, ...parts }, headers);
  await response.arrayBuffer();
  return response;
}

interface Status {
  readonly places: readonly {
    readonly id: string;
    readonly scheduler: string;
    readonly endpoints: readonly Readonly<Record<string, unknown> & { id: string; state: string; reason?: string }>[];
    readonly pools?: readonly Readonly<Record<string, unknown> & { model: string }>[];
  }[];
}

async function statusOf(): Promise<Status> {
  return (await (await fetch(`${stack.router.url}/v1/status`)).json()) as Status;
}

async function homeEndpoint(id: string) {
  const place = (await statusOf()).places.find((one) => one.id === "weur");
  return place?.endpoints.find((endpoint) => endpoint.id === id);
}

/** Takes all eight slots of the home region's preview model with work that takes for ever. */
async function fillHome(): Promise<void> {
  // The scheduler's first word may come late on a busy machine; from then on it is there.
  await expect.poll(async () => (await homeEndpoint("weur-sd35-a"))?.state, { timeout: 10_000 }).toBe("closed");
  for (const id of HOME_ENDPOINTS) stack.simulator.control.setFault(id, { kind: "slow", factor: 1_000 });
  for (let index = 0; index < 8; index += 1) void draw({ purpose: "filler" }).catch(() => undefined);
  await expect.poll(() => countOf("running"), { timeout: 10_000 }).toBe(8);
}

describe("a preview that would wait too long", () => {
  it.each([
    ["preview", "model", "weur-sd35-fast"],
    ["sketch", "region", "-sd35-"],
  ])("is downgraded before it has tried (%s: another %s), and says so", async (purpose, what, endpoint) => {
    await fillHome();
    const before = countOf("requests");
    const response = await draw({ purpose, deadline_ms: 2_600 });
    expect([response.status, response.headers.get("galley-attempts")]).toEqual([200, expect.any(String)]);
    expect(response.headers.get("galley-degraded")).toBe(`${what}; reason=predicted-late`);
    expect(response.headers.get("galley-endpoint")).toContain(endpoint);
    expect(response.headers.get("galley-attempts")).toMatch(/^none;outcome=not_admitted;ms=\d+;leg=primary, /);
    expect(countOf("requests")).toBe(before);
  });

  it("is shown with the wait that the next one would have", async () => {
    await fillHome();
    const pool = (await statusOf()).places
      .find(({ id }) => id === "weur")
      ?.pools?.find(({ model }) => model === "sd35-medium" || model === "sd3.5-medium");
    expect(pool).toMatchObject({ slots: 8, in_use: 8 });
    expect(pool?.["predicted_wait_ms"]).toBeGreaterThan(0);
  });
});

describe("a newer request of the same session and layer", () => {
  const layer = { session: "s-1", layer: "sky", deadline_ms: 20_000 };

  async function supersede(): Promise<void> {
    for (const id of HOME_ENDPOINTS) stack.simulator.control.setFault(id, { kind: "slow", factor: 1_000 });
    const before = countOf("stopped");
    const old = stack.post("/v1/generate", { ...ASK, ...layer }, HOME);
    await expect.poll(() => countOf("running"), { timeout: 10_000 }).toBe(1);
    stack.simulator.control.clearFaults();
    const newer = await draw(layer);
    expect(newer.status).toBe(200);
    const ended = await old;
    expect([ended.status, await ended.json()]).toMatchObject([409, { code: "superseded" }]);
    await expect.poll(() => countOf("stopped"), { timeout: 5_000 }).toBe(before + 1);
  }

  it("ends the older one with 409, and its upstream sees the abort", supersede);

  it("does so too for one that runs on a credit", async () => {
    await expect.poll(async () => (await homeEndpoint("weur-sd35-a"))?.state, { timeout: 10_000 }).toBe("closed");
    for (let index = 0; index < 8; index += 1) await draw();
    await supersede();
    expect(await metric('galley_scheduler_events_total{place="weur",event="started_on_credit"}')).toBeGreaterThan(0);
  });

  it("ends one that runs in another place and never asked at home", async () => {
    stack.simulator.control.setFault("enam-sd35-next", { kind: "slow", factor: 1_000 });
    const before = countOf("stopped", ["enam-sd35-next"]);
    const old = stack.post("/v1/generate", { ...ASK, ...layer, purpose: "trial" }, HOME);
    await expect.poll(() => countOf("running", ["enam-sd35-next"]), { timeout: 10_000 }).toBe(1);
    expect((await draw(layer)).headers.get("galley-region")).toBe("weur");
    const ended = await old;
    expect([ended.status, await ended.json()]).toMatchObject([409, { code: "superseded" }]);
    await expect.poll(() => countOf("stopped", ["enam-sd35-next"]), { timeout: 5_000 }).toBe(before + 1);
  });

  it("leaves other layers alone", async () => {
    const [one, other] = await Promise.all([draw(layer), draw({ ...layer, layer: "sea" })]);
    expect([one.status, other.status]).toEqual([200, 200]);
  });
});

describe("an endpoint that fails", () => {
  it("is ejected, and later requests do not meet it", async () => {
    stack.simulator.control.setFault("weur-sd35-a", { kind: "500" });
    await expect
      .poll(
        async () => {
          expect((await draw()).status).toBe(200);
          return (await homeEndpoint("weur-sd35-a"))?.state;
        },
        { timeout: 20_000 },
      )
      .toBe("open");
    const before = countOf("requests", ["weur-sd35-a"]);
    for (let index = 0; index < 10; index += 1) {
      const response = await draw();
      expect([response.status, response.headers.get("galley-attempts")]).toEqual([
        200,
        expect.not.stringContaining("weur-sd35-a"),
      ]);
    }
    expect(countOf("requests", ["weur-sd35-a"])).toBe(before);
  });

  it("that serves another version is out and shown as drift, and no such picture is passed on", async () => {
    stack.simulator.control.setFault("weur-sd35-a", { kind: "wrong-pin" });
    await expect
      .poll(
        async () => {
          const response = await draw();
          expect(response.headers.get("galley-endpoint")).not.toBe("weur-sd35-a");
          const { state, reason } = (await homeEndpoint("weur-sd35-a")) ?? {};
          return [state, reason];
        },
        { timeout: 20_000 },
      )
      .toEqual(["out", "pin_mismatch"]);
    expect(
      await metric(
        'galley_endpoint_out{place="weur",endpoint="weur-sd35-a",model="sd3.5-medium",reason="pin_mismatch"}',
      ),
    ).toBe(1);
  });
});

async function metricsText(): Promise<string> {
  const response = await fetch(`${stack.router.url}/metrics`);
  expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  return response.text();
}

async function metric(name: string): Promise<number> {
  const line = (await metricsText()).split("\n").find((one) => one.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1));
}

describe("GET /metrics", () => {
  it("is Prometheus text whose samples all belong to a described metric, and names no prompt, tenant or URL", async () => {
    await draw({ prompt: "a very secret fox" });
    await expect
      .poll(
        () =>
          metric('galley_attempts_total{place="weur",endpoint="weur-sd35-a",model="sd3.5-medium",outcome="ok"}').then(
            (ok) =>
              ok ||
              metric('galley_attempts_total{place="weur",endpoint="weur-sd35-b",model="sd3.5-medium",outcome="ok"}'),
          ),
        { timeout: 10_000 },
      )
      .toBe(1);
    const text = await metricsText();
    const described = new Set([...text.matchAll(/^# TYPE (\S+) (?:counter|gauge)$/gm)].map(([, name]) => name));
    const samples = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    for (const sample of samples) {
      const [, name] = /^(galley_[a-z_]+)\{(?:[a-z_]+="[^"]*",?)*\} -?\d+(?:\.\d+)?(?:e[-+]\d+)?$/.exec(sample) ?? [];
      expect(described.has(name), sample).toBe(true);
    }
    expect(text).toMatch(/^galley_scheduler_up\{place="weur"\} 1$/m);
    for (const word of ["secret fox", 'local"', "127.0.0.1", "http"]) expect(text).not.toContain(word);
  });
});

describe("GET /v1/status", () => {
  it("shows every endpoint of every place as its scheduler sees it, with measured times once there are enough", async () => {
    for (let index = 0; index < 4; index += 1) await Promise.all(Array.from({ length: 8 }, () => draw()));
    await expect
      .poll(async () => (await statusOf()).places.every(({ scheduler }) => scheduler === "answered"), {
        timeout: 10_000,
      })
      .toBe(true);
    const { places } = await statusOf();
    expect(places.map(({ id }) => id).sort()).toEqual(["apac", "enam", "gpu-cluster", "weur"]);
    for (const { endpoints } of places)
      for (const endpoint of endpoints) expect(endpoint).toMatchObject({ state: "closed", slots: expect.any(Number) });
    const measured = places.flatMap(({ endpoints }) => endpoints).filter((endpoint) => "p50_ms" in endpoint);
    expect(measured.length).toBeGreaterThan(0);
    for (const endpoint of measured) {
      expect(Number(endpoint["p95_ms"])).toBeGreaterThanOrEqual(Number(endpoint["p50_ms"]));
      expect(endpoint["samples"]).toBeGreaterThan(0);
    }
    expect(JSON.stringify(places)).not.toContain("127.0.0.1");
  });
});

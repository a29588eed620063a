/** `galley status` and `galley canary` against a router that answers with given documents. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { measuredFrom } from "../../infra/cli/measured-times.ts";
import { showCanary } from "../../infra/cli/show-canary.ts";
import { showStatus } from "../../infra/cli/show-status.ts";
import { galley } from "./galley.ts";

const STATUS = {
  config: { version: "0123456789abcdef", source: "kv", author: "ada", message: "try it", age_ms: 1_020_000 },
  routes: [{ name: "preview", model: "sd35", policy: "fast-preview" }],
  places: [
    {
      id: "weur",
      endpoints: [
        {
          id: "weur-a",
          model: "sd35",
          state: "ejected",
          reason: "consecutive",
          slots: 4,
          in_use: 1,
          p50_ms: 810,
          p95_ms: 1_900,
        },
        { id: "weur-b", model: "sd35", state: "unknown" },
      ],
    },
  ],
};

const CANARY = {
  name: "next",
  route: "preview",
  candidate: "sd35-next",
  phase: "not-started",
  share: 0,
  ramp: [0.01, 0.3],
  mode: "enforce",
};

const PUSH = {
  ...CANARY,
  ...{ name: "config-00000000000000a2", kind: "config", route: "every route", candidate: "00000000000000a2" },
  ...{ phase: "running", share: 0.1, ramp: [0.1], waits_for: "too-early" },
};

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
}

let server: Server;
let url: string;
const asked: Asked[] = [];
beforeAll(async () => {
  server = createServer((request, response) => {
    let text = "";
    request.on("data", (chunk: Buffer) => {
      text += chunk.toString();
    });
    request.on("end", () => {
      const path = request.url ?? "";
      asked.push({ method: request.method ?? "", path, body: text === "" ? undefined : JSON.parse(text) });
      const document = {
        "/v1/status": STATUS,
        "/v1/canaries": { canaries: [CANARY, PUSH] },
        "/v1/canaries/next": CANARY,
      }[path];
      const problem = { title: "The resource is busy", detail: "It is running already." };
      response.writeHead(document === undefined ? 409 : 200, { "content-type": "application/json" });
      response.end(JSON.stringify(document ?? problem));
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => new Promise((done) => server.close(done)));

describe("galley status", () => {
  it("shows the version, routes and endpoints of a router", async () => {
    const { exitCode, stdout } = await galley("status", "--url", url);
    expect(exitCode).toBe(0);
    expect(stdout).toContain("config 0123456789abcdef from kv, pushed 17 min ago by ada: try it");
    expect(stdout).toMatch(/weur +│ weur-a +│ sd35 +│ ejected \(consecutive\) +│ +1\/4 +│ +810 ms +│ +1900 ms/);
    expect(stdout).toMatch(/weur-b +│ sd35 +│ unknown +│ +– +│ +– +│/);
  });

  it("says what to do when nobody answers, and exits 2", async () => {
    const { exitCode, stderr } = await galley("status", "--url", "http://127.0.0.1:1");
    expect(exitCode).toBe(2);
    expect(stderr).toContain("does not answer");
    expect(stderr).toContain("run:  npm start");
  });

  it("shows a document of another version with dashes, not with an error", () => {
    expect(showStatus({ places: [{ endpoints: [{}] }], routes: "none" }, false)).toContain("–");
    expect(showStatus(undefined, false)).toContain("config –");
  });

  it("gives measured times to predictions, and none where none were measured", () => {
    const measured = measuredFrom(STATUS);
    const ask = { model: "sd35", pixels: 1, steps: undefined };
    expect(measured({ ...ask, place: "weur" })).toMatchObject({ q50Ms: 810, q95Ms: 1_900 });
    expect(measured({ ...ask, place: "apac" })).toBeUndefined();
  });
});

describe("galley config status", () => {
  it("shows the version, and how a staged push is doing", async () => {
    const { exitCode, stdout } = await galley("config", "status", "--url", url);
    expect(exitCode).toBe(0);
    expect(stdout).toContain("config 0123456789abcdef from kv, pushed 17 min ago by ada: try it");
    expect(stdout).toContain("config-00000000000000a2: 00000000000000a2 for every route, running at 10 %");
    expect(stdout).toContain("waits: too-early");
  });
});

describe("galley canary", () => {
  it("sends a start with what differs from the routing file", async () => {
    const args = ["--at", "30%", "--observe", "--warmup", "0", "-m", "try it", "--author", "ada", "--url", url];
    const { exitCode, stdout } = await galley("canary", "start", "next", ...args);
    expect(exitCode).toBe(0);
    expect(stdout).toContain("next: sd35-next for preview, not-started at 0 %\nramp 1 % → 30 %, mode enforce");
    expect(asked.at(-1)).toEqual({
      method: "POST",
      path: "/v1/canaries/next",
      body: { command: "start", person: "ada", note: "try it", at: 0.3, mode: "observe", warmup_ms: 0 },
    });
  });

  it("starts with shadows alone", async () => {
    const args = ["--at", "0", "--shadow", "5%", "--shadow-gpu", "600", "--author", "ada", "--url", url];
    expect(await galley("canary", "start", "next", ...args)).toMatchObject({ exitCode: 0 });
    expect(asked.at(-1)?.body).toEqual({
      command: "start",
      person: "ada",
      at: 0,
      shadow: 0.05,
      shadow_gpu_ms: 600_000,
    });
  });

  it("shows what shadows say, where there are some", () => {
    const shadow = {
      share: 0.05,
      pairs: 128,
      gave_way: 3,
      failures: { worse: 2, better: 1 },
      checks: { worse: 0, better: 0 },
      latency_ratio: { estimate: 0.912, low: 0.85, high: 0.98 },
      gpu_s: 182.4,
      gpu_cap_s: 3_600,
    };
    const words = showCanary({ ...CANARY, phase: "running", shadow });
    expect(words).toContain("shadows of 5 % of the previews: 128 pairs, 3 gave way, 182 of 3600 GPU seconds today");
    expect(words).toContain("failures 2 to 1, checks 0 to 0; time 0.912 of the baseline's (0.85 to 0.98, 95 %)");
    expect(showCanary({ ...CANARY, phase: "running", shadow: { ...shadow, share: 0 } })).not.toContain("shadows");
  });

  it("passes the router's refusal on and exits 1", async () => {
    const { exitCode, stderr } = await galley("canary", "pause", "other", "--url", url);
    expect(exitCode).toBe(1);
    expect(stderr).toContain("The router said 409: The resource is busy\n  why:  It is running already.");
  });

  it("shows evidence, arms and decisions", () => {
    const words = showCanary({
      ...CANARY,
      phase: "rolled-back",
      evidence: { worse: 9_580, needed: 100 },
      metrics: [
        {
          name: "errors",
          baseline: { trials: 70, bad: 0 },
          canary: { trials: 26, bad: 12 },
          worse: 28_000,
          within_margin: 0.1,
          within_margin_needed: 20,
        },
      ],
      arms: { canary: { requests: 26, delivered: 26, p50_ms: 812.4, excluded: { forced: 1 } } },
      log: [{ at: "2026-11-23T01:44:25.995Z", says: "rolled back, canary at 0 %." }],
    });
    expect(words).toContain("evidence that it is worse: 9580, rolled back at 100");
    expect(words).toMatch(/errors +│ 0 of 70 +│ 12 of 26/);
    expect(words).toMatch(/canary +│ 26 +│ 26 +│ 812 ms .* 1 forced/);
    expect(words).toContain("2026-11-23T01:44:25.995Z  rolled back, canary at 0 %.");
  });
});

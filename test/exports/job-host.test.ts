/**
 * A job through every crash: the process dies before and after each write and each call to the outside, and a new one goes on from what
 * was written. Whatever happens, the job ends, with one picture, one end, and one webhook id.
 */
import { describe, expect, it } from "vitest";
import { createJobHost, type JobHostPorts, type RoundResult } from "../../functions/exports/job-host.ts";
import type { JobOrder } from "../../functions/exports/job-order.ts";
import type { JobRecord, JobStore, StoredEvent } from "../../functions/exports/job-store.ts";
import { type RequestFailure, type StoredPicture, upstreamStepOf } from "../../routing/index.ts";

const START_MS = 1_000_000;

const ORDER: JobOrder = {
  terms: {
    id: "j1",
    tenant: "t",
    createdAtMs: START_MS,
    deadlineAtMs: START_MS + 600_000,
    maxAttempts: 4,
    acceptSecondBill: false,
    expectedMs: 4_000,
  },
  ask: { prompt: "p", text: [], preferredFormat: "png", exportFlag: true },
  image: { key: "kept/j1/image", format: "png" },
  seed: 1,
  width: 8,
  height: 8,
  automation: false,
  location: {},
  requestId: "r",
  traceparent: "00-1-1-00",
  route: "high-res-export",
  reason: "declared",
  model: "m",
  policy: "p",
  config: "c",
  origin: "https://galley.example.org",
  callbackUrl: "https://hooks.example.org/x",
  keepMs: 1_000_000,
};

const pictureOf = (sha256: string): StoredPicture => ({
  key: `art/${sha256}`,
  sha256,
  bytes: 1,
  format: "png",
  width: 8,
  height: 8,
  seed: 1,
  model: "m",
  pin: "m@1",
  endpoint: "e",
  place: "p",
  config: "c",
  warnings: [],
});

class Crash extends Error {}

/** What survives a crash: rows, the alarm, and the world outside. `step` throws `Crash` at the chosen step. */
function createWorld(crashAt: number, rounds: readonly ("ok" | "drawn" | RequestFailure)[]) {
  let steps = 0;
  let nowMs = START_MS;
  let dead = false;
  let alarmAtMs: number | undefined;
  let rows: JobRecord | undefined;
  const log: StoredEvent[] = [];
  const reported: string[] = [];
  const delivered: string[] = [];
  const swept: string[] = [];
  const requestIds: string[] = [];
  let renders = 0;

  function step(): void {
    if (dead) throw new Crash();
    steps += 1;
    if (steps === crashAt) {
      dead = true;
      throw new Crash();
    }
  }

  const store: JobStore = {
    read: () => structuredClone(rows),
    write({ order, job, chores, deliveries = [], events = [] }) {
      step();
      const now = rows;
      const kept = (now?.deliveries ?? []).filter(({ id }) => !deliveries.some((one) => one.id === id));
      rows = structuredClone({
        order: order ?? now?.order ?? ORDER,
        job: job ?? now?.job,
        chores: chores ?? now?.chores,
        deliveries: [...kept, ...deliveries],
      }) as JobRecord;
      const stored = events.map((event, index) => ({ ...event, seq: log.length + index + 1 }));
      log.push(...stored);
      step();
      return stored;
    },
    eventsAfter: (seq) => log.filter((event) => event.seq > seq),
    lastSeq: () => log.length,
  };

  const ports: JobHostPorts = {
    nowMs: () => nowMs,
    random: () => 0.5,
    store,
    async wakeAt(atMs) {
      step();
      alarmAtMs = atMs;
      step();
    },
    async runRound({ job, note }): Promise<RoundResult> {
      step();
      if (job.drawn === undefined) renders += 1;
      requestIds.push(`${job.terms.id}.${job.round}`);
      const attempt = { endpoint: "e", model: "m", place: "p", leg: "primary", kind: "first", startedAtMs: nowMs };
      note({ state: "rendering", attempt });
      note({ state: "storing" });
      step();
      const round = rounds[Math.min(job.round, rounds.length) - 1] ?? "ok";
      const outcome = typeof round === "string" ? "ok" : round.code;
      const attempts = [{ ...attempt, step: upstreamStepOf(job), round: job.round, outcome, elapsedMs: 1 }];
      if (round === "drawn") {
        const drawn = { ...pictureOf(`d${renders}`), isSmall: true, isEnlarged: false };
        return { ok: true, drawn, notBeforeMs: nowMs, attempts, costUsd: 0.1 };
      }
      if (round !== "ok") return { ok: false, failure: round, dear: false, attempts, costUsd: 0.1 };
      return { ok: true, picture: pictureOf(`h${renders}`), attempts, costUsd: 0.1 };
    },
    async deliver({ id }) {
      step();
      delivered.push(id);
      step();
      return { atMs: nowMs, status: delivered.length % 2 === 1 ? 500 : 204, elapsedMs: 0 };
    },
    async report({ job }) {
      step();
      reported.push(job.state);
      step();
    },
    async sweep({ order }) {
      step();
      swept.push(order.terms.id);
      step();
    },
    async expire() {
      step();
      rows = undefined;
      step();
    },
    broke: (_where, error) => {
      if (!(error instanceof Crash)) throw error;
    },
  };

  return {
    ports,
    log,
    reported,
    delivered,
    swept,
    requestIds,
    record: () => rows,
    steps: () => steps,
    renders: () => renders,
    isDead: () => dead,
    restart: () => {
      dead = false;
    },
    alarm: () => alarmAtMs,
    passTo(atMs: number) {
      nowMs = Math.max(nowMs, atMs);
      alarmAtMs = undefined;
    },
  };
}

type World = ReturnType<typeof createWorld>;

/** Runs the alarms until nothing is left to do before the record expires. A crash costs the process and nothing else. */
async function live(world: World, untilMs: number): Promise<void> {
  let host = createJobHost(world.ports);
  const guarded = async (work: () => Promise<unknown>) => {
    try {
      await work();
    } catch (error: unknown) {
      if (!(error instanceof Crash)) throw error;
    }
    if (!world.isDead()) return;
    world.restart();
    host = createJobHost(world.ports);
    // The platform runs an alarm again that was cut off; one that was never asked for comes with the next poke.
    await host.ensureAwake();
  };
  await guarded(() => host.create(ORDER));
  if (world.record() === undefined) await guarded(() => host.create(ORDER));
  for (let turn = 0; turn < 100; turn += 1) {
    const atMs = world.alarm();
    if (atMs === undefined || atMs > untilMs) return;
    world.passTo(atMs);
    await guarded(() => host.work());
  }
}

const BUSY: RequestFailure = { code: "no_capacity", detail: "full", retryAfterMs: 3_000 };
const BLOCKED: RequestFailure = { code: "moderation_blocked", detail: "no" };
const DAY_MS = 24 * 3_600_000;

describe.each([
  ["a picture at once", ["ok"] as const, "done"],
  ["two full rounds, then a picture", [BUSY, BUSY, "ok"] as const, "done"],
  ["a small picture, then the enlarged one", ["drawn", "ok"] as const, "done"],
  ["a small picture, a full upscaler, then the enlarged one", ["drawn", BUSY, "ok"] as const, "done"],
  ["a refusal", [BLOCKED] as const, "failed"],
])("%s", (_name, rounds, end) => {
  const calm = createWorld(0, rounds);
  const kept = [...rounds].indexOf("drawn");
  /** Once a picture is kept nothing is drawn any more. */
  const drawRounds = kept === -1 ? rounds.length : kept + 1;

  it("ends as it should when nothing dies", async () => {
    await live(calm, START_MS + 900_000);
    expect([calm.record()?.job.state, calm.renders(), calm.swept, calm.reported.at(-1)]).toEqual([
      end,
      drawRounds,
      ["j1"],
      end,
    ]);
    expect(calm.delivered).toEqual(["msg_j1", "msg_j1"]);
  });

  it("ends the same when the process dies at any step", async () => {
    expect(calm.steps()).toBeGreaterThan(15);
    for (let crashAt = 1; crashAt <= calm.steps(); crashAt += 1) {
      const world = createWorld(crashAt, rounds);
      await live(world, START_MS + 900_000);
      const record = world.record();
      const at = `crash at step ${crashAt}`;
      expect([at, record?.job.state], at).toEqual([at, end]);
      expect([at, world.log.filter(({ type }) => ["done", "failed", "cancelled"].includes(type)).length]).toEqual([
        at,
        1,
      ]);
      expect([at, world.log.map(({ seq }) => seq)]).toEqual([at, world.log.map((_, index) => index + 1)]);
      expect([at, new Set(world.delivered)]).toEqual([at, new Set(["msg_j1"])]);
      expect([at, record?.deliveries[0]?.state]).toEqual([at, "delivered"]);
      expect([at, record?.chores]).toEqual([at, { reported: true, swept: true }]);
      expect(world.renders(), at).toBeLessThanOrEqual(drawRounds + 1);
      // The one that takes over asks for the same work under the same id.
      expect([at, new Set(world.requestIds).size]).toEqual([at, rounds.length]);
    }
  });
});

describe("the record", () => {
  it("goes away when its time is over", async () => {
    const world = createWorld(0, ["ok"]);
    await live(world, START_MS + DAY_MS);
    expect(world.record()).toBeUndefined();
  });
});

describe("cancelling", () => {
  it("stops the run, tells once, and keeps what the run brings from becoming the picture", async () => {
    const world = createWorld(0, ["ok"]);
    let release: (result: RoundResult) => void = () => undefined;
    let signal: AbortSignal | undefined;
    const host = createJobHost({
      ...world.ports,
      runRound: (round) => {
        signal = round.signal;
        return new Promise((resolve) => {
          release = resolve;
        });
      },
    });
    await host.create(ORDER);
    const working = host.work();
    expect(await host.cancel()).toBe(true);
    expect([signal?.aborted, signal?.reason]).toEqual([true, "client_gone"]);
    release({ ok: true, picture: pictureOf("late"), attempts: [], costUsd: 0.2 });
    await working;
    expect(world.record()?.job).toMatchObject({ state: "cancelled", costUsd: 0.2 });
    expect(world.record()?.job.picture).toBeUndefined();
    expect(await host.cancel()).toBe(false);
  });
});

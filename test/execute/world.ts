/**
 * A small world around `execute`: endpoints that follow a script, a scheduler that does as it is told, a clock that stands still.
 *
 * Endpoint ids are `<place>-<letter>`; each place has its own failure domain. Every test says only what it is about.
 */
import { getEventListeners } from "node:events";
import { expect } from "vitest";
import type { Endpoint, Model, Policy, Snapshot } from "../../routing/config/snapshot.ts";
import type { Dialect } from "../../routing/dialects/dialect.ts";
import { type ExecuteInput, type ExecuteResult, execute } from "../../routing/execute/execute.ts";
import type { ExecuteEvent, ExecutePorts } from "../../routing/execute/ports.ts";
import type { Leg } from "../../routing/plan/plan.ts";
import { createFakeClock, type FakeClock } from "../support/fake-clock.ts";
import { aPng } from "../support/pictures.ts";
import { plainDialect } from "../support/plain-dialect.ts";
import { type ScriptedScheduler, scriptedScheduler } from "../support/scripted-scheduler.ts";
import { type Answer, type ScriptedUpstream, scriptedUpstream } from "../support/scripted-upstream.ts";
import { aModel, anEndpoint, aPolicy, aSnapshot } from "../support/snapshot.ts";

/** Asked width and height, px: too few pixels to be inflated, which would take real time. */
export const SIDE = 48;
export const PIN = "m@000000000000";

/** Answers with a whole picture. */
export function picture(
  parts: Answer & { readonly pin?: string; readonly seed?: number; readonly side?: number } = {},
): Answer {
  const { pin = PIN, seed = 1, side = SIDE, ...answer } = parts;
  return { chunks: [{ bytes: aPng(side, side, seed) }], ...answer, headers: { "x-pin": pin, ...parts.headers } };
}

/** Answers with a status and nothing else. */
export function status(code: number, parts: Answer = {}): Answer {
  return { status: code, ...parts };
}

export const hangs: Answer = { does: "hang" };
export const refuses: Answer = { does: "refuse", afterMs: 3 };

export function aLeg(parts: Partial<Leg> = {}): Leg {
  const place = parts.place ?? "weur";
  return {
    kind: "primary",
    model: "m",
    place,
    candidates: [`${place}-a`],
    minMs: 1_000,
    capMs: 8_000,
    upscale: false,
    ...parts,
  };
}

export const sibling = (parts: Partial<Leg> = {}): Leg =>
  aLeg({ kind: "sibling-region", place: "enam", degraded: "region", ...parts });

export interface WorldParts {
  readonly endpoints: Readonly<Record<string, Answer | readonly Answer[]>>;
  readonly legs?: readonly Leg[];
  readonly policy?: Partial<Policy>;
  readonly models?: Readonly<Record<string, Partial<Model>>>;
  /** Changes to endpoints of the catalogue. */
  readonly catalog?: Readonly<Record<string, Partial<Endpoint>>>;
  readonly scheduler?: ScriptedScheduler;
  readonly dialect?: Dialect;
  readonly ports?: Partial<ExecutePorts>;
  readonly input?: Partial<ExecuteInput>;
  readonly deadlineMs?: number;
}

export interface World {
  readonly snapshot: Snapshot;
  readonly clock: FakeClock;
  readonly upstream: ScriptedUpstream;
  readonly scheduler: ScriptedScheduler;
  readonly events: readonly ExecuteEvent[];
  readonly background: readonly Promise<unknown>[];
  readonly client: AbortController;
  readonly startedAtMs: number;
  readonly deadlineAtMs: number;
  /** Begins the request and lets no time pass. */
  start(): Promise<ExecuteResult>;
  /** Begins the request and lets time pass until it is answered. */
  run(): Promise<ExecuteResult>;
  /** ms since the start. */
  elapsedMs(): number;
}

export function aWorld(parts: WorldParts): World {
  const clock = createFakeClock();
  const upstream = scriptedUpstream(clock, parts.endpoints);
  const scheduler = parts.scheduler ?? scriptedScheduler();
  const legs = parts.legs ?? [aLeg()];
  const policy = aPolicy({ name: "p", ...parts.policy });
  const snapshot = aSnapshot({
    models: { m: aModel({ id: "m" }), ...parts.models },
    endpoints: Object.fromEntries(
      legs
        .flatMap((leg) => leg.candidates.map((id) => anEndpoint({ id, model: leg.model, place: leg.place })))
        .map((endpoint) => [endpoint.id, { ...endpoint, ...parts.catalog?.[endpoint.id] }]),
    ),
  });
  const client = new AbortController();
  const events: ExecuteEvent[] = [];
  const background: Promise<unknown>[] = [];
  const startedAtMs = clock.nowMs();
  const deadlineAtMs = startedAtMs + (parts.deadlineMs ?? policy.deadlineMs);
  const input: ExecuteInput = {
    snapshot,
    plan: { homeRegion: "weur", policy, legs },
    request: { prompt: "a fox", width: SIDE, height: SIDE, seed: 7, text: [], format: "png" },
    requestId: "req",
    tenant: "t",
    startedAtMs,
    deadlineAtMs,
    signal: client.signal,
    ...parts.input,
  };
  const ports: ExecutePorts = {
    clock,
    random: () => 0.5,
    upstream,
    scheduler,
    dialects: { generate: parts.dialect ?? plainDialect },
    secret: () => undefined,
    background: (work) => {
      background.push(work);
    },
    observe: (event) => {
      events.push(event);
    },
    ...parts.ports,
  };
  const start = (): Promise<ExecuteResult> => execute(input, ports);
  return {
    snapshot,
    clock,
    upstream,
    scheduler,
    events,
    background,
    client,
    startedAtMs,
    deadlineAtMs,
    start,
    run: () => clock.runUntil(start()),
    elapsedMs: () => clock.nowMs() - startedAtMs,
  };
}

type Success = Extract<ExecuteResult, { ok: true }>;
type Failure = Extract<ExecuteResult, { ok: false }>;

/** The result, which must be a picture. */
export function pictureOf(result: ExecuteResult): Success {
  if (!result.ok) throw new Error(`expected a picture, got ${JSON.stringify(result.failure)}`);
  return result;
}

/** The result, which must be a failure. */
export function failureOf(result: ExecuteResult): Failure {
  if (result.ok) throw new Error(`expected a failure, got a picture of ${result.endpoint}`);
  return result;
}

/** `weur-a ok`, `enam-a timed_out`: the trail in short. */
export function trailOf(result: ExecuteResult): readonly string[] {
  return result.trail.map((record) => `${record.endpoint} ${record.outcome}`);
}

/** Every lease was given back exactly once, and nothing sleeps or listens on. */
export function expectNothingLeft(world: World): void {
  expect(world.scheduler.wronglyReleased()).toEqual([]);
  expect(world.clock.sleeping()).toBe(0);
  const signals = [world.client.signal, ...world.scheduler.leases.map((lease) => lease.revoked)];
  expect(signals.flatMap((signal) => getEventListeners(signal, "abort"))).toEqual([]);
}

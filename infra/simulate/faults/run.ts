/**
 * One run: a seed's traffic in a seed's weather through the real core, with every promise watched, to the last lease.
 */
import { createHash } from "node:crypto";
import type { Snapshot } from "../../../routing/index.ts";
import { type Answered, createWorld, type World } from "../virtual/world.ts";
import { createPromises } from "./promises.ts";
import { drawTraffic } from "./traffic.ts";
import { type Disturbance, drawWeather, type Spell } from "./weather.ts";

/** After the last request this much passes, ms: longer than any lease lives (twice the longest deadline, and a jump). */
const REST_MS = 15 * 60_000;

/** Real fleets show 0.5–1 % (control.md §8). */
const STRAGGLERS = { share: 0.01, extraMs: [10_000, 20_000] } as const;

export interface RunOptions {
  readonly snapshot: Snapshot;
  readonly seed: number;
  readonly requests: number;
}

export interface RunReport {
  readonly seed: number;
  readonly requests: number;
  readonly pictures: number;
  /** Failure code → requests. */
  readonly failures: Readonly<Record<string, number>>;
  /** Calls to endpoints, and the retries and hedges among them. */
  readonly attempts: number;
  readonly extras: number;
  readonly degraded: number;
  /** Of pictures, ms, ascending. */
  readonly latenciesMs: readonly number[];
  readonly spells: number;
  readonly disturbances: number;
  /** Sums over all schedulers. */
  readonly counters: Readonly<Record<string, number>>;
  readonly breaches: readonly string[];
  /** Hash over everything that happened, in order. */
  readonly trace: string;
}

/** Runs a seed. */
export async function runSeed({ snapshot: shipped, seed, requests }: RunOptions): Promise<RunReport> {
  const snapshot = seed % 2 === 0 ? withTightBudget(shipped) : shipped;
  const traffic = drawTraffic(seed, requests);
  const lastsMs = traffic.at(-1)?.atMs ?? 0;
  const weather = drawWeather(snapshot, seed, lastsMs);
  const promises = createPromises(snapshot);
  const hash = createHash("sha256");
  const note = (words: string): void => {
    hash.update(`${world.time.passedMs().toFixed(3)} ${words}\n`);
  };
  const world: World = await createWorld({
    snapshot,
    seed,
    simulation: { stragglers: STRAGGLERS },
    lostReleases: seed % 3 === 0 ? 0.05 : 0.01,
    events: promises.events,
    observe: (requestId, event) => note(`${requestId} ${JSON.stringify(event)}`),
  });
  let attempts = 0;
  world.gpus.onWork((attemptId, endpointId) => {
    attempts += 1;
    promises.called(attemptId.slice(0, attemptId.lastIndexOf(".")));
    note(`${attemptId} calls ${endpointId}`);
  });

  const answers: Answered[] = [];
  for (const arrival of traffic) {
    world.time.after(arrival.atMs, () => {
      const client = new AbortController();
      if (arrival.leavesAfterMs !== undefined) {
        world.time.after(arrival.leavesAfterMs, () => client.abort("client_gone"));
      }
      world.send({ ...arrival, signal: client.signal }).then(
        (answered) => {
          promises.ended(arrival.id, answered);
          answers.push(answered);
          note(
            `${arrival.id} ${answered.result.ok ? `${answered.picture} ${answered.result.endpoint}` : answered.result.failure.code}`,
          );
        },
        (error: unknown) => promises.broke(arrival.id, error),
      );
    });
  }
  playSpells(world, weather.faults);
  for (const disturbance of weather.disturbances) {
    world.time.after(disturbance.atMs, () => {
      disturb(world, disturbance);
      promises.disturbed(disturbance.place);
    });
  }

  await world.time.run(lastsMs + REST_MS);
  for (const place of world.places.values()) {
    place.call((machine, nowMs) => ({ value: undefined, effects: machine.tick(nowMs) }));
  }
  promises.atRest(world);
  const breaches = [...promises.breaches];
  if (answers.length < requests) breaches.push(`${requests - answers.length} requests were never answered`);
  return {
    ...summarise(answers),
    ...{ seed, requests, attempts, extras: promises.extras() },
    spells: weather.faults.length,
    disturbances: weather.disturbances.length,
    counters: countersOf(world),
    breaches,
    trace: hash.digest("hex").slice(0, 16),
  };
}

/** Few requests want an extra attempt, so that the shipped budget hardly ever binds; one of a hundredth does. */
function withTightBudget(snapshot: Snapshot): Snapshot {
  const { routing, catalog } = snapshot.content;
  const policies = Object.fromEntries(
    Object.entries(routing.policies).map(([name, policy]) => [name, { ...policy, extraAttempts: 0.01 }]),
  );
  return { ...snapshot, content: { catalog, routing: { ...routing, policies } } };
}

/** Several faults of one target hold together; the first that strikes does. */
function playSpells({ time, gpus }: World, spells: readonly Spell[]): void {
  const active = new Map<string, Set<Spell>>();
  const apply = (target: string): void => {
    const faults = [...(active.get(target) ?? [])].map(({ fault }) => fault);
    if (faults.length === 0) gpus.faults.clear(target);
    else gpus.faults.set(target, faults);
  };
  for (const spell of spells) {
    time.after(spell.fromMs, () => {
      const ofTarget = active.get(spell.target) ?? new Set();
      active.set(spell.target, ofTarget.add(spell));
      apply(spell.target);
    });
    time.after(spell.toMs, () => {
      active.get(spell.target)?.delete(spell);
      apply(spell.target);
    });
  }
}

function disturb({ time, places, isolates }: World, disturbance: Disturbance): void {
  const place = places.get(disturbance.place);
  if (place === undefined) return;
  switch (disturbance.does) {
    case "restart":
      place.restart(disturbance.downMs);
      return;
    case "silence":
      place.silentUntilMs = time.passedMs() + disturbance.forMs;
      time.after(disturbance.forMs, () =>
        place.call((machine, nowMs) => ({ value: undefined, effects: machine.tick(nowMs) })),
      );
      return;
    case "slow":
      place.slownessMs = 200;
      time.after(disturbance.forMs, () => {
        place.slownessMs = 0;
      });
      return;
    case "scheduler-clock":
      place.clock.jump(disturbance.byMs);
      return;
    case "router-clock":
      isolates.get(disturbance.place)?.clock.jump(disturbance.byMs);
  }
}

function summarise(answers: readonly Answered[]) {
  const failures: Record<string, number> = {};
  const latenciesMs: number[] = [];
  let degraded = 0;
  for (const { result, startedAtMs, endedAtMs } of answers) {
    if (result.ok) {
      latenciesMs.push(endedAtMs - startedAtMs);
      if (result.degraded !== undefined) degraded += 1;
    } else failures[result.failure.code] = (failures[result.failure.code] ?? 0) + 1;
  }
  latenciesMs.sort((a, b) => a - b);
  return { pictures: latenciesMs.length, failures, latenciesMs, degraded };
}

function countersOf({ places }: World): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const place of places.values()) {
    for (const [name, count] of Object.entries(place.machine().view().counters)) sums[name] = (sums[name] ?? 0) + count;
  }
  return sums;
}

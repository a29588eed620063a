/**
 * One load of previews under one policy, in virtual time through the real core: how long pictures take, and what they cost in GPU time.
 *
 * Open loop: people do not wait for each other. What ends without a picture in time counts with its whole deadline, so that a policy
 * cannot look quick by failing.
 */
import { type Ask, compile, type ExecutePorts, type Snapshot } from "../../../routing/authoring.ts";
import { chanceFrom } from "../../gpu/simulator/chance.ts";
import type { SimulatedEndpoint } from "../../gpu/simulator/endpoint.ts";
import { endpointsFromCatalog, meanServiceMs } from "../../gpu/simulator/index.ts";
import { type Answered, createWorld, SIDE } from "../virtual/world.ts";

/** The first requests fill queues and sketches, and are not counted. */
const WARM_UP = 0.2;

/** Who decides where an attempt goes. `blind`: any candidate, at once, whatever waits there. */
export type Deciding = "scheduler" | "blind";

export interface Trial {
  readonly snapshot: Snapshot;
  readonly deciding: Deciding;
  readonly seed: number;
  readonly requests: number;
  /** Requests a second from each continent. */
  readonly perSecond: Readonly<Record<string, number>>;
  readonly adjust: (endpoint: SimulatedEndpoint) => SimulatedEndpoint;
}

export interface TrialReport {
  /** Share of requests with a picture within the deadline, 0…1, and of those that were degraded. */
  readonly inTime: number;
  readonly degraded: number;
  /** ms, ascending; the deadline where no picture came. */
  readonly latenciesMs: readonly number[];
  readonly gpuSecondsPerPicture: number;
  readonly attemptsPerRequest: number;
  /** Share of requests that were hedged. */
  readonly hedged: number;
}

/** Runs a trial. */
export async function runTrial({ snapshot, deciding, seed, requests, perSecond, adjust }: Trial): Promise<TrialReport> {
  const chance = chanceFrom("previews", seed);
  const blind = chanceFrom("blind", seed);
  const world = await createWorld({
    snapshot,
    seed,
    adjust,
    ...(deciding === "blind" ? { scheduler: () => blindScheduler(blind) } : {}),
  });
  let attempts = 0;
  world.gpus.onWork(() => {
    attempts += 1;
  });
  const answers: Answered[] = [];
  const all = Object.values(perSecond).reduce((sum, rate) => sum + rate, 0);
  let atMs = 0;
  for (let at = 0; at < requests; at += 1) {
    atMs += (-Math.log(1 - chance()) * 1_000) / all;
    const continent = drawContinent(perSecond, chance() * all);
    const ask: Ask = {
      ...{ prompt: "a paper boat", purpose: "preview", text: [], seed: at, exportFlag: false },
      ...{ preferredFormat: "webp", format: "webp", width: SIDE, height: SIDE },
    };
    const { signal } = new AbortController();
    world.time.after(atMs, () => {
      const asked = { id: `p${at}`, ask, location: { continent }, automation: false, signal };
      void world.send(asked).then((answered) => {
        if (at >= requests * WARM_UP) answers.push(answered);
      });
    });
  }
  await world.time.run(atMs + 120_000);
  const counted = Math.floor(requests * (1 - WARM_UP));
  if (answers.length !== counted) throw new Error(`${answers.length} of ${counted} requests were answered`);
  const gpuMs = world.gpus.stations().reduce((sum, station) => sum + station.state().gpuMs, 0);
  const pictures = answers.filter(({ result }) => result.ok);
  return {
    inTime: pictures.length / counted,
    degraded: pictures.filter(({ result }) => result.ok && result.degraded !== undefined).length / counted,
    latenciesMs: answers
      .map(({ result, startedAtMs, endedAtMs, deadlineMs }) => (result.ok ? endedAtMs - startedAtMs : deadlineMs))
      .sort((a, b) => a - b),
    // Warm-up included on both sides, so that nothing is counted on one alone.
    gpuSecondsPerPicture: gpuMs / 1_000 / ((pictures.length / counted) * requests),
    attemptsPerRequest: attempts / requests,
    hedged: answers.filter(({ result }) => "trail" in result && result.trail.some(isHedge)).length / counted,
  };
}

/** The continent in whose share of the traffic `drawn` falls. */
function drawContinent(perSecond: Trial["perSecond"], drawn: number): string {
  let upTo = 0;
  for (const [continent, rate] of Object.entries(perSecond)) {
    upTo += rate;
    if (drawn < upTo) return continent;
  }
  return Object.keys(perSecond)[0] ?? "";
}

const isHedge = ({ kind, endpoint }: { readonly kind: string; readonly endpoint: string }): boolean =>
  kind === "hedge" && endpoint !== "none";

/** No state, no prediction, no refusal: what a router does that only knows timeouts. */
function blindScheduler(chance: () => number): ExecutePorts["scheduler"] {
  let count = 0;
  return {
    reserve({ candidates, avoid, place }) {
      const open = candidates.filter((id) => !avoid.includes(id));
      const endpoint = open[Math.floor(chance() * open.length)];
      if (endpoint === undefined) return Promise.resolve({ granted: false, why: "no_endpoint" });
      count += 1;
      const lease = { id: `blind-${count}`, endpoint, place, revoked: new AbortController().signal, probe: false };
      return Promise.resolve({ granted: true, lease });
    },
    release: () => undefined,
  };
}

/** Previews a second that the endpoints of a model in a place can draw, by the simulator's own times. */
export function capacityPerSecond(
  snapshot: Snapshot,
  adjust: Trial["adjust"],
  of: { place: string; model: string },
): number {
  const { endpoints } = snapshot.content.catalog;
  return endpointsFromCatalog(snapshot.content)
    .map(adjust)
    .filter(({ id, place }) => place === of.place && endpoints[id]?.model === of.model)
    .reduce((sum, { timing, steps = 1, slots }) => {
      if (timing === undefined) return sum;
      return sum + (1_000 * slots) / meanServiceMs(timing, { steps, pixels: SIDE * SIDE, pictures: 1 });
    }, 0);
}

/** Compiles texts that are known to be right. */
export async function compiled(routing: string, catalog: string): Promise<Snapshot> {
  const result = await compile({
    routing: { file: "routing", text: routing },
    catalog: { file: "catalog", text: catalog },
  });
  if (!result.ok) throw new Error(JSON.stringify(result.problems, null, 2));
  return result.snapshot;
}

/** A routing file of previews alone, under a policy. */
export function previewRouting(policy: string): string {
  return [
    `default_route: "preview"`,
    `routes: [{ match: "preview", model: "SD3.5 Medium", policy: fast-preview }]`,
    `policies: { fast-preview: { ${policy} } }`,
  ].join("\n");
}

/** Mean of the slowest hundredth, ms. */
export function slowestMs({ latenciesMs }: TrialReport): number {
  const slowest = latenciesMs.slice(Math.floor(0.99 * latenciesMs.length));
  return slowest.reduce((sum, ms) => sum + ms, 0) / Math.max(1, slowest.length);
}

/** `1.63 / 2.10 / 5.02 / 11.8`: p50, p95, p99 and p99.9, s. */
export function quantilesS({ latenciesMs }: TrialReport): string {
  const at = (q: number) => ((latenciesMs[Math.floor(q * (latenciesMs.length - 1))] ?? 0) / 1_000).toFixed(2);
  return [0.5, 0.95, 0.99, 0.999].map(at).join(" / ");
}

/**
 * What goes wrong in a run, drawn from its seed: faults that come and go, outages of whole regions, schedulers that restart, clocks
 * that jump. Data only; run.ts plays it.
 */
import type { PlaceId, Snapshot } from "../../../routing/index.ts";
import { between, type Chance, chanceFrom, oneOf } from "../../gpu/simulator/chance.ts";
import { FAULTS, type Fault, type FaultKind } from "../../gpu/simulator/index.ts";

export interface Weather {
  readonly faults: readonly Spell[];
  readonly disturbances: readonly Disturbance[];
}

/** A fault from one time to another, ms. */
export interface Spell {
  readonly fromMs: number;
  readonly toMs: number;
  /** An endpoint's id, a place, or `*`. */
  readonly target: string;
  readonly fault: Fault;
}

export type Disturbance = { readonly atMs: number; readonly place: PlaceId } & (
  | { readonly does: "restart"; readonly downMs: number }
  | { readonly does: "silence" | "slow"; readonly forMs: number }
  | { readonly does: "scheduler-clock" | "router-clock"; readonly byMs: number }
);

const KINDS = Object.keys(FAULTS) as FaultKind[];

/** The weather of a run of `lastsMs`. */
export function drawWeather(snapshot: Snapshot, seed: number, lastsMs: number): Weather {
  const chance = chanceFrom("weather", seed);
  const { places, endpoints } = snapshot.content.catalog;
  const regions = Object.values(places).flatMap(({ kind, id }) => (kind === "region" ? [id] : []));
  // Some runs are calm, some are storms.
  const spells = Math.floor(between(chance, 2, 24));
  const disturbances = Math.floor(between(chance, 0, 10));
  return {
    faults: Array.from({ length: spells }, () => {
      const fromMs = chance() * lastsMs;
      const target = drawTarget(chance, regions, Object.keys(endpoints));
      // What is everywhere is short, or nothing else could be seen in the run.
      const forMs = target === "*" ? between(chance, 1_000, 8_000) : between(chance, 2_000, 60_000);
      return { fromMs, toMs: Math.min(lastsMs, fromMs + forMs), target, fault: drawFault(chance) };
    }),
    disturbances: Array.from({ length: disturbances }, () =>
      drawDisturbance(chance, chance() * lastsMs, oneOf(chance, regions)),
    ),
  };
}

function drawTarget(chance: Chance, regions: readonly string[], endpoints: readonly string[]): string {
  const kind = chance();
  if (kind < 0.05) return "*";
  return kind < 0.4 ? oneOf(chance, regions) : oneOf(chance, endpoints);
}

function drawFault(chance: Chance): Fault {
  const kind = oneOf(chance, KINDS);
  const share = chance() < 0.5 ? 1 : between(chance, 0.05, 0.9);
  return {
    kind,
    share,
    ...(kind === "429" ? { retryAfterS: Math.round(between(chance, 0, 10)) } : {}),
    ...(kind === "slow" ? { factor: between(chance, 1.5, 12) } : {}),
    ...(kind === "slow-drip" ? { durationMs: between(chance, 1_000, 30_000) } : {}),
  };
}

function drawDisturbance(chance: Chance, atMs: number, place: PlaceId): Disturbance {
  const does = oneOf(chance, ["restart", "silence", "slow", "scheduler-clock", "router-clock"] as const);
  switch (does) {
    case "restart":
      return { does, atMs, place, downMs: between(chance, 0, 3_000) };
    case "silence":
    case "slow":
      return { does, atMs, place, forMs: between(chance, 500, 10_000) };
    case "scheduler-clock":
    case "router-clock":
      return { does, atMs, place, byMs: Math.round(between(chance, -60_000, 60_000)) };
  }
}

/** Plan requests for tests: a square preview of SD3.5 Medium for somebody at home in `weur`. */
import type { RequestFailure } from "../../routing/failure/index.ts";
import type { Leg, Plan } from "../../routing/plan/plan.ts";
import { createPlanner, type PlanAsk } from "../../routing/plan/planner.ts";
import { createRegions } from "../../routing/region/regions.ts";
import { aSnapshot, type SnapshotOverrides } from "./snapshot.ts";

export interface PlanParts extends Partial<Omit<PlanAsk, "classified" | "picture">> {
  readonly classified?: Partial<PlanAsk["classified"]>;
  readonly picture?: Partial<PlanAsk["picture"]>;
}

export function aPlanAsk(parts: PlanParts = {}): PlanAsk {
  return {
    home: "weur",
    ...parts,
    classified: { model: "sd35-medium", policy: "fast-preview", ...parts.classified },
    picture: { width: 1_024, height: 1_024, hasImage: false, hasMask: false, ...parts.picture },
  };
}

/** The plan of a request under a snapshot; throws where it is refused. */
export function planFor(parts: PlanParts = {}, overrides: SnapshotOverrides = {}): Plan {
  const result = tryPlan(parts, overrides);
  if (!result.ok) throw new Error(`refused: ${result.failure.code} ${result.failure.detail}`);
  return result.value;
}

/** Why a request is refused under a snapshot; throws where it is not. */
export function refusalOf(parts: PlanParts = {}, overrides: SnapshotOverrides = {}): RequestFailure {
  const result = tryPlan(parts, overrides);
  if (result.ok) throw new Error(`planned: ${result.value.legs.map(legWords).join(", ")}`);
  return result.failure;
}

/** A leg in words: `faster-model sd35-medium-turbo@weur (model)`. */
export function legWords(leg: Leg): string {
  const where = `${leg.kind} ${leg.model}@${leg.place}`;
  const upscale = leg.upscale ? " upscaled" : "";
  return leg.degraded === undefined ? `${where}${upscale}` : `${where}${upscale} (${leg.degraded})`;
}

function tryPlan(parts: PlanParts, overrides: SnapshotOverrides) {
  const snapshot = aSnapshot(overrides);
  return createPlanner(snapshot, createRegions(snapshot))(aPlanAsk(parts));
}

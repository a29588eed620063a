/**
 * Which of two versions serves a request while a push is staged. Pure; needs no store, so every edge picks alike and a client stays where it is.
 *
 * Fails safe: a client of whom nothing is known gets the former version.
 */
import { assign, type ClientLocation, createRegions, type Regions, type Snapshot } from "../../../routing/index.ts";
import type { ServedConfig } from "./config-store.ts";

export interface Client {
  /** What stays the same from request to request. */
  readonly unit: string | undefined;
  readonly location: ClientLocation;
}

/** Maps of staged snapshots, built once an isolate. */
const maps = new WeakMap<Snapshot, Regions>();

/** The configuration for one client; without a staged push, what there is. */
export function pickConfig(served: ServedConfig, client: Client): ServedConfig {
  const { staged, pointer } = served;
  if (staged === undefined || pointer?.rollout === undefined) return served;
  const { staged: _both, ...rest } = served;
  if (isPicked(pointer.rollout, staged, client)) return { ...rest, snapshot: staged };
  // Told apart from the newer version by an earlier time: places' schedulers keep the latest of the two.
  const former = { ...pointer, version: served.snapshot.version, pushedAtMs: pointer.pushedAtMs - 1 };
  return { ...rest, pointer: former };
}

type Stage = NonNullable<NonNullable<ServedConfig["pointer"]>["rollout"]>;

function isPicked(stage: Stage, staged: Snapshot, { unit, location }: Client): boolean {
  if (stage.kind === "share") {
    const { share, salt } = stage;
    return assign({ experiment: "config-stage", salt, unit, share }).arm === "canary";
  }
  let regions = maps.get(staged);
  if (regions === undefined) {
    regions = createRegions(staged);
    maps.set(staged, regions);
  }
  return stage.regions.includes(regions.home(location).region);
}

/**
 * Which of two versions serves a request while a push is staged. Pure; needs no store, so every edge picks alike and a client stays where it is.
 *
 * Fails safe: a client of whom nothing is known gets the former version.
 */
import {
  type Arm,
  assign,
  type ClientLocation,
  createRegions,
  type LiveStage,
  type Regions,
  type Snapshot,
  unitKey,
} from "../../../routing/index.ts";
import type { PickedStage, ServedConfig } from "./config-store.ts";

export interface Client {
  /** What stays the same from request to request. */
  readonly unit: string | undefined;
  readonly location: ClientLocation;
  /** How the judgement of the push stands; absent: nobody judges it, or that is not known. */
  readonly live?: LiveStage;
  /** The version that a caller who may asked for: one of the two. */
  readonly forced?: string;
}

/** Names the draw of a staged push, so that it is independent of every canary's. */
const STAGE_HASH = "config-stage";

/** Maps of staged snapshots, built once an isolate. */
const maps = new WeakMap<Snapshot, Regions>();

/** The configuration for one client; without a staged push, what there is. */
export function pickConfig(served: ServedConfig, client: Client): ServedConfig {
  const { staged, pointer } = served;
  if (staged === undefined || pointer?.rollout === undefined) return served;
  const { staged: _both, ...rest } = served;
  const { rollout } = pointer;
  const force = client.forced === undefined ? undefined : client.forced === staged.version ? "canary" : "baseline";
  const isJudged = rollout.kind === "share" && rollout.judge !== undefined;
  const picked: Picked = isJudged
    ? pickJudged({ salt: rollout.salt, pointer, former: served.snapshot, force }, client)
    : { arm: force ?? (isPicked(rollout, staged, client) ? "canary" : "baseline") };
  const { arm, ...stage } = picked;
  if (arm === "canary") return { ...rest, ...stage, snapshot: staged };
  // Told apart from the newer version by an earlier time: places' schedulers keep the latest of the two.
  const former = { ...pointer, version: served.snapshot.version, pushedAtMs: pointer.pushedAtMs - 1 };
  return { ...rest, ...stage, pointer: former };
}

interface Picked {
  readonly arm: Arm;
  readonly stage?: PickedStage;
}

interface Judged extends Pick<PickedStage, "former" | "pointer"> {
  readonly salt: string;
  readonly force: Arm | undefined;
}

/** By the share that the judgement allows now, so that a way back acts before the pointer says so. Not known: the former version. */
function pickJudged({ salt, force, ...stage }: Judged, { unit, live }: Client): Picked {
  const share = live?.share ?? 0;
  const forced = force === undefined ? {} : { force };
  const { arm, excluded } = assign({ experiment: STAGE_HASH, salt, unit, share, ...forced });
  if (!live?.recording) return { arm, stage };
  const recorded = {
    ...{ experiment: live.name, arm, share },
    ...(unit === undefined ? {} : { unit: unitKey(live.name, unit) }),
    ...(excluded === undefined ? {} : { excluded }),
  };
  return { arm, stage: { ...stage, recorded } };
}

type Stage = NonNullable<NonNullable<ServedConfig["pointer"]>["rollout"]>;

function isPicked(stage: Stage, staged: Snapshot, { unit, location }: Client): boolean {
  if (stage.kind === "share") {
    const { share, salt } = stage;
    return assign({ experiment: STAGE_HASH, salt, unit, share }).arm === "canary";
  }
  let regions = maps.get(staged);
  if (regions === undefined) {
    regions = createRegions(staged);
    maps.set(staged, regions);
  }
  return stage.regions.includes(regions.home(location).region);
}

/**
 * The arms of one request: which experiments run on its route, which arm it is in, and what is to be recorded of it.
 *
 * Pure over what the caller knows of the experiments. Fails safe: an experiment whose models are not those of the snapshot does not touch
 * the request.
 */
import type { ModelId, RouteName, SnapshotContent } from "../config/snapshot.ts";
import { type Arm, assignRoute, chooseUnit, type StickTo, type UnitSource, unitKey } from "./assign.ts";

/** A running experiment of two models, as an edge needs to know it. Plain JSON. */
export interface LiveExperiment {
  readonly name: string;
  readonly route: RouteName;
  readonly baseline: ModelId;
  readonly candidate: ModelId;
  readonly stickTo: StickTo;
  readonly salt: string;
  /** Of the canary, in force, 0…1. */
  readonly share: number;
  /** `false` once it ended: it still says which model serves, and takes no outcomes. */
  readonly recording: boolean;
  /** Present while previews are copied: the share of them, 0…1, and the GPU time that is left today, ms. */
  readonly shadow?: { readonly share: number; readonly remainingGpuMs: number };
}

/** A staged push under judgement, as an edge needs to know it. Plain JSON. */
export interface LiveStage {
  readonly kind: "config";
  readonly name: string;
  /** Of the push that it judges, epoch ms: another push of the same version is another experiment. */
  readonly pushedAtMs: number;
  /** Of the new version, in force, 0…1. */
  readonly share: number;
  readonly recording: boolean;
}

/** One experiment that an outcome belongs to. */
export interface RecordedArm {
  readonly experiment: string;
  readonly arm: Arm;
  readonly share: number;
  readonly unit?: number;
  readonly excluded?: "no-unit" | "forced";
}

export interface RouteArms {
  readonly arm: Arm;
  /** Serves in place of the route's model, and the experiment that says so; absent in the baseline. */
  readonly candidate?: ModelId;
  readonly experiment?: string;
  readonly recorded: readonly RecordedArm[];
}

export interface RouteArmsAsk {
  readonly experiments: readonly LiveExperiment[];
  readonly source: UnitSource;
  /** Arm asked for by a caller who may. */
  readonly force?: Arm;
}

/** The arms of a request on a route; `undefined` where no experiment runs on it. */
export function chooseRouteArms(
  { experiments, source, force }: RouteArmsAsk,
  routeName: RouteName,
  { routing, catalog }: SnapshotContent,
): RouteArms | undefined {
  const route = routing.routes.find(({ name }) => name === routeName);
  if (route === undefined) return undefined;
  const running = experiments.filter(
    (one) => one.route === routeName && one.baseline === route.model && catalog.models[one.candidate] !== undefined,
  );
  if (running.length === 0) return undefined;
  const units = new Map(running.map((one) => [one.name, chooseUnit(one.stickTo, source)]));
  const { serving, recorded } = assignRoute(
    running.map(({ name, salt, share }) => ({
      experiment: name,
      salt,
      unit: units.get(name),
      share,
      ...(force === undefined ? {} : { force }),
    })),
  );
  const candidate = running.find(({ name }) => name === serving?.experiment)?.candidate;
  const isRecording = new Set(running.filter((one) => one.recording).map(({ name }) => name));
  return {
    arm: serving === undefined ? "baseline" : "canary",
    ...(candidate === undefined || serving === undefined ? {} : { candidate, experiment: serving.experiment }),
    recorded: recorded
      .filter(({ ask }) => isRecording.has(ask.experiment))
      .map(({ ask: { experiment, share, unit }, assignment: { arm, excluded } }) => ({
        experiment,
        arm,
        share,
        ...(unit === undefined ? {} : { unit: unitKey(experiment, unit) }),
        ...(excluded === undefined ? {} : { excluded }),
      })),
  };
}

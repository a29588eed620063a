/**
 * A staged push as an experiment: two versions of the configuration, a unit a client's address, judged by the terms in the pointer. Pure.
 */
import { type ConfigPointer, type ExperimentSpec, type Snapshot, toRolloutSpec } from "../../../routing/index.ts";
import type { StageOrder } from "../../rollout/rollout-protocol.ts";
import type { ServedConfig } from "../adapters/config-store.ts";

/** Bad-event ratios that must be shown to be out of reach before everybody is served (control.md §6). */
const GUARD = { errors: 1.5, sloMisses: 1.5 } as const;

/** A push under judgement, from the pointer. */
export interface JudgedPush {
  /** Of the experiment. */
  readonly name: string;
  readonly pushedAtMs: number;
  readonly author: string;
  readonly spec: ExperimentSpec;
  readonly warmupMs?: number;
}

/** The push under judgement, if the served configuration is staged by one. */
export function judgedPush({ pointer }: Pick<ServedConfig, "pointer">): JudgedPush | undefined {
  return pointer === undefined ? undefined : toJudgedPush(pointer);
}

function toJudgedPush({ version, previous, rollout, pushedAtMs, author }: ConfigPointer): JudgedPush | undefined {
  if (rollout?.kind !== "share" || rollout.judge === undefined || previous === undefined) return undefined;
  const { ramp, mode, minRequests, minHours, warmupMs } = rollout.judge;
  const terms = { baseline: previous, candidate: version, ramp, mode, minRequests, minHours };
  const spec = toRolloutSpec({ ...terms, stickTo: "session", guard: GUARD });
  return { name: spec.name, pushedAtMs, author, spec, ...(warmupMs === undefined ? {} : { warmupMs }) };
}

/** What its object is told, so that it judges the push. */
export function toStageOrder({ pushedAtMs, author, spec, warmupMs }: JudgedPush): StageOrder {
  return { spec, person: author, pushedAtMs, ...(warmupMs === undefined ? {} : { limits: { warmupMs } }) };
}

/** The objective of a route by a version, ms; `undefined` where it has no such route. */
export function stageSloMs({ content: { routing } }: Snapshot, route: string): number | undefined {
  const policy = routing.routes.find(({ name }) => name === route)?.policy;
  return policy === undefined ? undefined : routing.policies[policy]?.sloMs;
}

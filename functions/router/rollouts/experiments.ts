/** A request's part in the running experiments: which there are, and what became of it. Nothing here holds an answer back. */
import type {
  Decided,
  ExecuteResult,
  LiveExperiment,
  LiveStage,
  RequestOutcome,
  ShadowCopy,
  Snapshot,
} from "../../../routing/index.ts";
import { rolloutOf } from "../../rollout/find-rollout.ts";
import type { ArmState } from "../../rollout/rollout-protocol.ts";
import { platformClock } from "../adapters/clock.ts";
import type { ServedConfig } from "../adapters/config-store.ts";
import type { Env } from "../environment.ts";
import { createArmsCache } from "./arms-cache.ts";
import { createOutbox } from "./outbox.ts";
import { type JudgedPush, stageSloMs, toStageOrder } from "./stage.ts";

const cache = createArmsCache<LiveExperiment>(platformClock);
const stages = createArmsCache<LiveStage>(platformClock);
const outbox = createOutbox({ clock: platformClock, newId: () => crypto.randomUUID() });

/** Those of whom experiments are looked up. */
export interface ExperimentsFor {
  readonly env: Env;
  readonly snapshot: Snapshot;
  background(work: Promise<unknown>): void;
}

/** Experiments to assign by; none and no call where the snapshot has no canary. */
export function liveExperiments({
  env,
  snapshot,
  background,
}: ExperimentsFor): readonly LiveExperiment[] | Promise<readonly LiveExperiment[]> {
  const names = Object.keys(snapshot.content.routing.canaries);
  if (names.length === 0) return [];
  return cache.current({
    names,
    load: async (name) => modelState(await rolloutOf(env.ROLLOUT, name).arms()),
    background,
  });
}

/** The staged push that is judged, as it is known; asked after in the same way. */
export function liveStage(
  push: JudgedPush,
  { env, background }: Pick<ExperimentsFor, "env" | "background">,
): LiveStage | undefined | Promise<LiveStage | undefined> {
  const load = async () => stageState(await rolloutOf(env.ROLLOUT, push.name).stage(toStageOrder(push)));
  const found = stages.current({ names: [stageKey(push)], load, background });
  return found instanceof Promise ? found.then(([stage]) => stage) : found[0];
}

/** Another push of the same version is another experiment. */
const stageKey = ({ name, pushedAtMs }: Pick<LiveStage, "name" | "pushedAtMs">): string => `${name}@${pushedAtMs}`;

const modelState = (state: ArmState): LiveExperiment | undefined =>
  state === undefined || "kind" in state ? undefined : state;
const stageState = (state: ArmState): LiveStage | undefined =>
  state !== undefined && "kind" in state ? state : undefined;

/** An object said how its experiment stands. */
function learn(name: string, state: ArmState): void {
  if (state !== undefined && "kind" in state) stages.learn(stageKey(state), state);
  else cache.learn(name, state);
}

/** A person changed an experiment through this isolate. */
export async function learnArms(env: Env, name: string): Promise<void> {
  learn(name, await rolloutOf(env.ROLLOUT, name).arms());
}

/** Sets GPU time aside for a shadow; `false` where there is none, or the object does not answer. */
export function claimGpu(env: Env, name: string, gpuMs: number): Promise<boolean> {
  return rolloutOf(env.ROLLOUT, name)
    .claimShadow(gpuMs)
    .catch(() => false);
}

/** Tells an experiment of a shadow. Once: a lost one costs a pair, and its GPU time stays spent. */
export async function reportShadow(env: Env, name: string, copy: ShadowCopy): Promise<void> {
  const batch = { id: crypto.randomUUID(), outcomes: [], shadows: [copy] };
  learn(name, await rolloutOf(env.ROLLOUT, name).report(batch));
}

/** A picture that failed its checks in any attempt; passed, where the one that was sent did. */
function checksOf(result: ExecuteResult): Pick<RequestOutcome, "checks"> {
  if (result.trail.some(({ failure }) => failure?.reason === "bad_picture")) return { checks: "failed" };
  return result.ok ? { checks: "passed" } : {};
}

export interface Ended {
  readonly decided: Decided;
  readonly result: ExecuteResult;
  readonly startedAtMs: number;
}

/** Tells the experiments how a request ended, once its last byte is out: those of its route, and the push that is being judged. */
export function recordOutcome({ decided, result, startedAtMs }: Ended, about: Reporting): void {
  const { stage } = about.served;
  const recorded = decided.arms?.recorded ?? [];
  const staged = stage?.recorded;
  if (recorded.length === 0 && staged === undefined) return;
  const { sloMs } = decided.plan.policy;
  const put = (delivered: boolean, costUsd: number): void => {
    const atMs = Date.now();
    const told = {
      kind: "request",
      ...{ atMs, elapsedMs: atMs - startedAtMs, costUsd, delivered },
      ...(result.ok && delivered ? { servedBy: result.leg.model } : {}),
      ...checksOf(result),
      attempts: result.trail.map(({ model, endpoint, outcome, failure, waitedMs }) => ({
        ...{ model, outcome },
        ...(endpoint === "none" ? { hadSlot: false as const } : {}),
        ...(waitedMs === undefined ? {} : { waitedMs }),
        ...(failure === undefined ? {} : { failure }),
      })),
    } as const;
    for (const { experiment, ...assigned } of recorded) send(experiment, { ...told, ...assigned, sloMs }, about);
    if (stage === undefined || staged === undefined) return;
    const { experiment, ...assigned } = staged;
    // By the former version's word: a push that asks less of itself is not better for it.
    send(
      experiment,
      { ...told, ...assigned, sloMs: stageSloMs(stage.former, decided.classified.route) ?? sloMs },
      about,
    );
  };
  if (result.ok) about.background(result.finished.then(({ whole, costUsd }) => put(whole, costUsd)));
  else put(false, result.costUsd);
}

/** Tells the push that is being judged of a request that its configuration refused. */
export function recordRefusal(startedAtMs: number, about: Reporting): void {
  const staged = about.served.stage?.recorded;
  if (staged === undefined) return;
  const { experiment, ...assigned } = staged;
  const atMs = Date.now();
  const elapsedMs = atMs - startedAtMs;
  const facts = { kind: "request", atMs, elapsedMs, sloMs: elapsedMs, costUsd: 0, delivered: false } as const;
  send(experiment, { ...facts, ...assigned, attempts: [], refused: true }, about);
}

/** On whose behalf outcomes are sent. */
type Reporting = Pick<ExperimentsFor, "env" | "background"> & { readonly served: Pick<ServedConfig, "stage"> };

function send(experiment: string, outcome: RequestOutcome, { env, background }: Reporting): void {
  outbox.put(experiment, outcome, {
    report: (name, batch) => rolloutOf(env.ROLLOUT, name).report(batch),
    learn,
    background,
  });
}

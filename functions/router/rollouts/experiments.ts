/** A request's part in the running experiments: which there are, and what became of it. Nothing here holds an answer back. */
import type {
  Decided,
  ExecuteResult,
  LiveExperiment,
  RequestOutcome,
  ShadowCopy,
  Snapshot,
} from "../../../routing/index.ts";
import { rolloutOf } from "../../rollout/find-rollout.ts";
import { platformClock } from "../adapters/clock.ts";
import type { Env } from "../environment.ts";
import { createArmsCache } from "./arms-cache.ts";
import { createOutbox } from "./outbox.ts";

const cache = createArmsCache(platformClock);
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
  return cache.current({ names, load: (name) => rolloutOf(env.ROLLOUT, name).arms(), background });
}

/** A person changed an experiment through this isolate. */
export async function learnArms(env: Env, name: string): Promise<void> {
  cache.learn(name, await rolloutOf(env.ROLLOUT, name).arms());
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
  cache.learn(name, await rolloutOf(env.ROLLOUT, name).report(batch));
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

/** Tells the experiments how a request ended, once its last byte is out. */
export function recordOutcome(
  { decided, result, startedAtMs }: Ended,
  { env, background }: Pick<ExperimentsFor, "env" | "background">,
): void {
  const recorded = decided.arms?.recorded ?? [];
  if (recorded.length === 0) return;
  const put = (delivered: boolean, costUsd: number): void => {
    const atMs = Date.now();
    for (const { experiment, ...assigned } of recorded) {
      const outcome: RequestOutcome = {
        kind: "request",
        atMs,
        ...assigned,
        elapsedMs: atMs - startedAtMs,
        sloMs: decided.plan.policy.sloMs,
        costUsd,
        delivered,
        ...(result.ok && delivered ? { servedBy: result.leg.model } : {}),
        ...checksOf(result),
        attempts: result.trail.map(({ model, outcome: how, failure }) => ({
          model,
          outcome: how,
          ...(failure === undefined ? {} : { failure }),
        })),
      };
      outbox.put(experiment, outcome, {
        report: (name, batch) => rolloutOf(env.ROLLOUT, name).report(batch),
        learn: cache.learn,
        background,
      });
    }
  };
  if (result.ok) background(result.finished.then(({ whole, costUsd }) => put(whole, costUsd)));
  else put(false, result.costUsd);
}

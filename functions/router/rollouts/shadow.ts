/**
 * Shadows: some previews are drawn again by the candidate, after their answer is out, and what comes is verified and thrown away.
 *
 * Whether, is routing/rollout's; a slot comes from the place's scheduler, of an idle pool or not at all; the day's GPU time from the Rollout
 * object. The copy is nobody's: no session, a tenant of its own, no header, no outcome but the pair. Fails safe: what goes wrong here costs a pair.
 */
import {
  type Ask,
  type AttemptOutcome,
  chooseShadow,
  type Decided,
  type ExecuteResult,
  execute,
  type LiveExperiment,
  type Policy,
  type Scheduler,
  type ShadowSide,
  toShadowSide,
} from "../../../routing/index.ts";
import { isolateMemory, portsFor } from "../adapters/ports.ts";
import { deciderOf, toImageRequest } from "../decider.ts";
import type { RequestContext } from "../request-context.ts";
import { claimGpu, reportShadow } from "./experiments.ts";

/** Who shadows are asked for, in the schedulers' books. */
const TENANT = "galley-shadow";

/** A place's view that is older says nothing of how idle it is, ms. */
const VIEW_MAX_AGE_MS = 5_000;

export interface Original {
  readonly ask: Ask;
  readonly decided: Decided;
  readonly result: ExecuteResult;
  readonly seed: number;
  /** How many the request has. */
  readonly pictures: number;
}

/** Has a request copied to a candidate behind its answer, where it is one of those. */
export function copyToCandidate(original: Original, context: RequestContext): void {
  const { decided, pictures } = original;
  const recorded = decided.arms?.recorded ?? [];
  for (const experiment of context.experiments) {
    const { shadow, name, salt, candidate } = experiment;
    const assigned = recorded.find((one) => one.experiment === name);
    if (shadow === undefined || assigned?.arm !== "baseline" || assigned.excluded === "forced") continue;
    const expectedGpuMs = context.snapshot.content.catalog.models[candidate]?.expected.p50Ms ?? 0;
    const { mode, priority } = decided.plan.policy;
    const chosen = chooseShadow({
      ...{ experiment: name, salt, requestId: context.requestId, ...shadow, expectedGpuMs },
      ...{ mode, priority, pictures, hasCallback: false, poolIdle: seemsIdle(candidate, decided.home, context) },
    });
    if (!chosen.copy) continue;
    context.background(copy({ ...original, experiment, expectedGpuMs }, context).catch(() => undefined));
    return;
  }
}

interface Copying extends Original {
  readonly experiment: LiveExperiment;
  readonly expectedGpuMs: number;
}

async function copy(copying: Copying, context: RequestContext): Promise<void> {
  const { result, experiment } = copying;
  const baseline = await sideOf(result, experiment.baseline);
  const plan = baseline === undefined ? undefined : planCopy(copying, context);
  if (baseline === undefined || plan === undefined) return;
  const claim = claiming(copying, context);
  const run = await execute(toInput(copying, plan, context), { ...portsFor(context), scheduler: claim.scheduler });
  // One that breaks off says so in `finished`.
  if (run.ok) await run.picture.body.pipeTo(new WritableStream()).catch(() => undefined);
  const candidate = await sideOf(run, experiment.candidate);
  if (claim.isRefused()) return;
  await reportShadow(context.env, experiment.name, {
    atMs: Date.now(),
    ...claim.cost(),
    ...(candidate === undefined ? {} : { pair: { baseline, candidate } }),
  });
}

/** What a run says of a model, once its last byte is through. */
async function sideOf(result: ExecuteResult, model: string): Promise<ShadowSide | undefined> {
  const whole = result.ok && (await result.finished).whole;
  const made = result.trail.find((one) => one.model === model && (one.outcome === "ok" || one.outcome === "running"));
  const serviceMs = made === undefined ? undefined : made.elapsedMs - (made.waitedMs ?? 0);
  return toShadowSide(model, { attempts: result.trail, whole, ...(serviceMs === undefined ? {} : { serviceMs }) });
}

/** The same picture by the candidate, tried once and at home only; `undefined` where the candidate would not serve it. */
function planCopy({ ask, experiment }: Copying, context: RequestContext): Decided | undefined {
  const { snapshot, admitted, automation, location, requestId } = context;
  const { session: _session, layer: _layer, ...alone } = ask;
  const source = { tenant: admitted.tenant, requestId };
  const arms = { experiments: [experiment], source, force: "canary" } as const;
  const decided = deciderOf(snapshot)({ ask: alone, tenant: admitted.tenant, automation, location, arms });
  if (!decided.ok) return undefined;
  const { plan } = decided.value;
  const [leg] = plan.legs;
  if (leg === undefined || leg.model !== experiment.candidate || leg.kind !== "primary" || leg.upscale)
    return undefined;
  const once: Policy = { ...plan.policy, maxAttempts: 1, priority: "automation", fallback: [] };
  return { ...decided.value, plan: { ...plan, policy: once, legs: [leg] } };
}

/** Nobody's request, with a deadline of its own. */
function toInput({ ask, seed }: Copying, { plan, size, format, deadlineMs }: Decided, context: RequestContext) {
  const startedAtMs = Date.now();
  return {
    ...{ snapshot: context.snapshot, plan, tenant: TENANT, requestId: `${context.requestId}-shadow` },
    request: toImageRequest(ask, { ...size, format, seed }),
    ...{ startedAtMs, deadlineAtMs: startedAtMs + deadlineMs, signal: new AbortController().signal },
  };
}

interface Claiming {
  readonly scheduler: Scheduler;
  /** There was a slot, and no GPU time. */
  isRefused(): boolean;
  /** GPU time that was taken and that was set aside, ms. */
  cost(): { readonly gpuMs: number; readonly claimedMs: number };
}

/** The scheduler as a shadow sees it: idle slots only, and only with GPU time for them. */
function claiming({ experiment, expectedGpuMs }: Copying, context: RequestContext): Claiming {
  const { scheduler } = portsFor(context);
  let claimed: boolean | undefined;
  let ended: AttemptOutcome | undefined;
  return {
    isRefused: () => claimed === false,
    cost: () => ({
      gpuMs: claimed === true ? (ended?.serviceMs ?? ended?.elapsedMs ?? expectedGpuMs) : 0,
      claimedMs: claimed === true ? expectedGpuMs : 0,
    }),
    scheduler: {
      async reserve(ask, signal) {
        const reservation = await scheduler.reserve({ ...ask, kind: "shadow" }, signal);
        if (!reservation.granted) return reservation;
        claimed = await claimGpu(context.env, experiment.name, expectedGpuMs);
        if (claimed) return reservation;
        const failure = { reason: "cancelled", cause: "revoked" } as const;
        const { model, sizeClass } = ask;
        scheduler.release(reservation.lease, { model, sizeClass, result: { ok: false, failure }, elapsedMs: 0 });
        return { granted: false, why: "budget" };
      },
      release(lease, outcome) {
        ended = outcome;
        scheduler.release(lease, outcome);
      },
    },
  };
}

/** Does the last view of the place show room? One that is old or was never seen leaves it to the scheduler, which has the last word. */
function seemsIdle(model: string, place: string, { startedAtMs }: RequestContext): boolean {
  const known = isolateMemory().places.get(place);
  if (known?.view === undefined || startedAtMs - known.viewAtMs > VIEW_MAX_AGE_MS) return true;
  const pool = known.view.pools.find((one) => one.model === model);
  if (pool === undefined) return false;
  return Object.values(pool.waiting).every((count) => count === 0) && pool.inUse < pool.slots;
}

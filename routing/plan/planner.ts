/**
 * Makes plans: the chain of a policy, less what cannot draw this picture, less what can never draw it in time, each leg with its times.
 *
 * Compiled once per snapshot; a chain is worked out once per (policy, model, home region). A leg stays as long as its median fits
 * the deadline: whether it still fits after the legs before it, and behind a queue, is seen when its turn comes. Fails closed: a
 * request that nothing can draw, or nothing in time, is refused before a GPU hears of it.
 */
import type {
  Catalog,
  Model,
  ModelId,
  PlaceId,
  Policy,
  PolicyName,
  Snapshot,
  SnapshotContent,
} from "../config/snapshot.ts";
import type { RequestFailure, Result } from "../failure/index.ts";
import { type AskedPicture, unfitness } from "./capability.ts";
import { type ChainAsk, type Geography, type Outline, outlineChain } from "./chain.ts";
import { requestDeadlineMs } from "./deadline.ts";
import {
  type DrawingTime,
  legInTime,
  type MeasuredTimes,
  type TimedOutline,
  timeOutline,
  upscaleFactor,
} from "./leg-times.ts";
import type { Leg, Plan } from "./plan.ts";

/** Where classification sent the request (a `Classified` fits). */
export interface Target {
  readonly model: ModelId;
  readonly policy: PolicyName;
  readonly cluster?: PlaceId;
}

export interface PlanAsk {
  readonly classified: Target;
  /** Home region of the client. */
  readonly home: PlaceId;
  readonly picture: AskedPicture;
  /** Every leg draws small and enlarges. Absent: those that the policy says. */
  readonly upscale?: boolean;
  /** As the client asked, ms. */
  readonly deadlineMs?: number;
  readonly measured?: MeasuredTimes;
}

/**
 * Failures: `invalid_request` (no model of the chain can draw it, or an absurd deadline), `deadline_exceeded` (none can in time),
 * `not_configured` (no endpoint serves any of them).
 */
export type Planner = (ask: PlanAsk) => Result<Plan, RequestFailure>;

/** Builds the planner of one snapshot. */
export function createPlanner(snapshot: Snapshot, geography: Geography): Planner {
  const { routing, catalog } = snapshot.content;
  const chainOf = rememberChains({ catalog, geography, clusters: clustersInOrder(snapshot.content) });
  const upscaler = bestUpscaler(catalog);
  return (ask) => {
    const policy = routing.policies[ask.classified.policy];
    if (!policy) throw new Error(`The snapshot has no policy ${ask.classified.policy}`);
    const deadline = requestDeadlineMs(policy, ask.deadlineMs);
    if (!deadline.ok) return deadline;
    const outlined = chainOf(policy, ask);
    const chain = ask.upscale === true ? outlined.map((leg) => ({ ...leg, upscale: leg.kind !== "stale" })) : outlined;
    const drawable = drawableLegs(chain, { catalog, upscaler, ask });
    if (!drawable.ok) return drawable;
    const legs = legsInTime(drawable.value, { policy, drawingMs: deadline.value - policy.reserveMs });
    if (!legs.ok) return legs;
    return { ok: true, value: { homeRegion: ask.home, policy, legs: [...legs.value, ...staleLegs(chain)] } };
  };
}

/** The one that serves by default first. */
function clustersInOrder({ routing: { defaultRoute }, catalog }: SnapshotContent): readonly PlaceId[] {
  const all = Object.values(catalog.places).filter((place) => place.kind === "cluster");
  const first = defaultRoute.kind === "cluster" ? [defaultRoute.cluster] : [];
  return [...new Set([...first, ...all.map(({ id }) => id)])];
}

function rememberChains(
  world: Pick<ChainAsk, "catalog" | "geography" | "clusters">,
): (policy: Policy, ask: PlanAsk) => readonly Outline[] {
  const remembered = new Map<string, readonly Outline[]>();
  return (policy, { classified: { model, cluster }, home }) => {
    const key = [policy.name, model, cluster ?? "", home].join("\n");
    const known = remembered.get(key);
    if (known) return known;
    const chain = outlineChain({ ...world, policy, model, cluster, home });
    remembered.set(key, chain);
    return chain;
  };
}

/** The strongest upscaler that stands anywhere. */
export function bestUpscaler(catalog: Catalog): Model | undefined {
  const served = new Set(Object.values(catalog.endpoints).map((endpoint) => endpoint.model));
  return Object.values(catalog.models)
    .filter((model) => model.kind === "upscale" && served.has(model.id))
    .sort((one, other) => upscaleFactor(other) - upscaleFactor(one))[0];
}

interface Drawing {
  readonly catalog: Catalog;
  readonly upscaler: Model | undefined;
  readonly ask: PlanAsk;
}

/** The legs whose model can draw this; refused with the first leg's reason when none can. */
function drawableLegs(chain: readonly Outline[], drawing: Drawing): Result<readonly TimedOutline[], RequestFailure> {
  const { catalog, ask } = drawing;
  const refusals: RequestFailure[] = [];
  const legs: TimedOutline[] = [];
  for (const outline of chain.filter((leg) => leg.kind !== "stale")) {
    const model = catalog.models[outline.model];
    if (!model) throw new Error(`The snapshot has no model ${outline.model}`);
    const upscaler = outline.upscale ? drawing.upscaler : undefined;
    const { classified, picture, measured } = ask;
    const refusal = unfitness(model, { picture, enlargeBy: upscaleFactor(upscaler) });
    if (refusal) refusals.push(refusal);
    else legs.push(timeOutline({ outline, model, picture, askedModel: classified.model, upscaler, measured }));
  }
  return legs.length > 0 ? { ok: true, value: legs } : { ok: false, failure: refusals[0] ?? notServed(drawing) };
}

function legsInTime(legs: readonly TimedOutline[], time: DrawingTime): Result<readonly Leg[], RequestFailure> {
  const fitting = legs.map((leg) => legInTime(leg, time)).filter((leg) => leg !== undefined);
  if (fitting.length > 0) return { ok: true, value: oneRegionOfAny(fitting) };
  const fastestMs = Math.min(...legs.map(({ times }) => times.q50Ms));
  const detail = `Nothing draws this in ${time.drawingMs} ms; the fastest model needs about ${fastestMs} ms.`;
  return { ok: false, failure: { code: "deadline_exceeded", detail } };
}

/** One `any-region` leg a model: the longer a chain, the less time each of its legs may take. */
function oneRegionOfAny(legs: readonly Leg[]): readonly Leg[] {
  return legs.filter((leg, at) => {
    const isRepeated = legs.slice(0, at).some((former) => former.kind === leg.kind && former.model === leg.model);
    return leg.kind !== "any-region" || !isRepeated;
  });
}

/** They take no time and no GPU, and come last: a picture that is drawn goes before one that is kept. */
function staleLegs(chain: readonly Outline[]): readonly Leg[] {
  return chain.filter((leg) => leg.kind === "stale").map((leg) => ({ ...leg, minMs: 0, capMs: 0 }));
}

function notServed({ catalog, ask }: Drawing): RequestFailure {
  const name = catalog.models[ask.classified.model]?.name ?? "the model";
  return { code: "not_configured", detail: `No endpoint serves ${name}.` };
}

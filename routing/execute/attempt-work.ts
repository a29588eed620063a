/**
 * What an attempt asks of the scheduler and of the dialect, worked out from the request and the leg. Pure.
 */
import type { Model, ModelId } from "../config/snapshot.ts";
import type { Work } from "../dialects/dialect.ts";
import type { AttemptFailure } from "../failure/index.ts";
import { sizeClassOf } from "../scheduler/size-class.ts";
import type { AttemptAsk } from "./attempt.ts";
import type { ExecuteInput } from "./executed.ts";
import type { Reservation, ReserveAsk } from "./ports.ts";

/** The model of a leg. Throws when the snapshot has none of that name: a plan is made from the same snapshot. */
export function modelOf(input: Pick<ExecuteInput, "snapshot">, id: ModelId): Model {
  const model = input.snapshot.content.catalog.models[id];
  if (model === undefined) throw new Error(`the plan names the model ${id}, which its snapshot does not have`);
  return model;
}

/**
 * Denoising steps of the attempt; `undefined` for a model that has none. The caller's steps are meant for the model that the route
 * names; another one does its own amount of work.
 */
export function stepsOf(input: Pick<ExecuteInput, "plan" | "request">, model: Model): number | undefined {
  if (!model.capabilities.steps) return undefined;
  const isAskedModel = model.id === input.plan.legs[0]?.model;
  return isAskedModel ? (input.request.steps ?? model.parameters.steps) : model.parameters.steps;
}

/** Guidance of the attempt; `undefined` for a model that has none. */
export function guidanceOf({ request }: Pick<ExecuteInput, "request">, model: Model): number | undefined {
  return model.capabilities.guidance ? (request.guidance ?? model.parameters.guidance) : undefined;
}

/** What to ask of the place's scheduler. */
export function reserveAskOf(input: ExecuteInput, ask: AttemptAsk, startedAtMs: number): ReserveAsk {
  const { leg, request } = ask;
  const steps = stepsOf(input, modelOf(input, leg.model));
  const { policy } = input.plan;
  return {
    place: leg.place,
    model: leg.model,
    candidates: leg.candidates,
    sizeClass: sizeClassOf(request.width, request.height),
    ...(steps === undefined ? {} : { steps }),
    priority: policy.priority,
    deadlineAtMs: ask.endsAtMs,
    kind: ask.kind,
    avoid: ask.avoid,
    ...(ask.beside ? { beside: true } : {}),
    tenant: input.tenant,
    ...(input.supersedeKey === undefined ? {} : { supersedeKey: input.supersedeKey }),
    requestId: input.requestId,
    policy: policy.name,
    timeoutMs: ask.endsAtMs - startedAtMs,
    elsewhere: ask.elsewhere,
    startedAtMs: input.startedAtMs,
    budgetOf: input.plan.homeRegion,
  };
}

/** What a refused slot means for the attempt. */
export function refusalFailure({ why, retryAfterMs }: Extract<Reservation, { granted: false }>): AttemptFailure {
  if (why === "superseded") return { reason: "cancelled", cause: "superseded" };
  const waits = retryAfterMs === undefined ? {} : { retryAfterMs };
  return { reason: "not_admitted", why: why === "budget" ? "shed" : why, ...waits };
}

/** What to ask of the endpoint. */
export function workOf(input: ExecuteInput, ask: AttemptAsk, at: { readonly nowMs: number; random(): number }): Work {
  const { request } = ask;
  const model = modelOf(input, ask.leg.model);
  const steps = stepsOf(input, model);
  const guidance = guidanceOf(input, model);
  return {
    request,
    model,
    ...(steps === undefined ? {} : { steps }),
    ...(guidance === undefined ? {} : { guidance }),
    timeoutMs: Math.max(0, Math.floor(ask.endsAtMs - at.nowMs)),
    attemptId: `${input.requestId}.${ask.number}`,
    ...(input.traceparent === undefined ? {} : { traceparent: childTrace(input.traceparent, at.random) }),
  };
}

/** Same trace, a parent id of its own: a hedge is a sibling span, not the same one. */
function childTrace(traceparent: string, random: () => number): string {
  const [version, traceId, , flags] = traceparent.split("-");
  return `${version}-${traceId}-${eightHexDigits(random)}${eightHexDigits(random)}-${flags}`;
}

/** Never all zeros, which the standard forbids. */
function eightHexDigits(random: () => number): string {
  return Math.floor(random() * 0xffff_ffff + 1)
    .toString(16)
    .padStart(8, "0");
}

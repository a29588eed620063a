/**
 * A request's way on one screen: decide (classify, locate, plan), then execute. What each step decides is routing's.
 */
import {
  type Ask,
  type Decided,
  type DecideInput,
  type ExecuteResult,
  execute,
  type RequestFailure,
  type Result,
} from "../../routing/index.ts";
import { measuredTimes } from "./adapters/measured-times.ts";
import { isolateMemory, portsFor } from "./adapters/ports.ts";
import { deciderOf, toImageRequest } from "./decider.ts";
import { keepLast } from "./finished-pictures/last-picture.ts";
import { isReusable, reuseOrDraw } from "./finished-pictures/reuse.ts";
import { recordFeatures } from "./record-features.ts";
import type { RequestContext } from "./request-context.ts";
import { recordOutcome, recordRefusal } from "./rollouts/experiments.ts";
import { copyToCandidate } from "./rollouts/shadow.ts";
import { MAX_SEED } from "./schemas.ts";
import { supersedeKeyOf } from "./supersede-key.ts";

/** One picture that was tried for. */
export interface Drawn {
  readonly decided: Decided;
  readonly seed: number;
  readonly result: ExecuteResult;
  /** Absent: it was drawn for this request. */
  readonly cache?: "hit" | "joined";
  /** Of a kept one, ms. */
  readonly ageMs?: number;
}

/** What became of one asked picture; `decided` is absent where the request was refused before a plan was made. */
export type Made = Drawn | { readonly decided?: never; readonly failure: RequestFailure };

/** Makes one picture. `index` tells the pictures of one request apart: each has the next seed. */
export async function makePicture(ask: Ask, context: RequestContext, index: number): Promise<Made> {
  const decided = decideOn(ask, context);
  if (!decided.ok) return { failure: decided.failure };
  return drawDecided({ ask, decided: decided.value, context, index, seed: seedOf(decided.value, index) });
}

/** What is to be done for an ask, or why it cannot be. Nothing was tried yet. */
export function decideOn(ask: Ask, context: RequestContext): Result<Decided, RequestFailure> {
  const decided = decideQuietly(ask, context);
  if (!decided.ok) recordRefusal(context.startedAtMs, context);
  return decided;
}

/** The same for what the caller did not ask for, such as a draft: no judgement hears that it cannot be. */
export function decideQuietly(ask: Ask, context: RequestContext): Result<Decided, RequestFailure> {
  const { snapshot, admitted, location, automation, startedAtMs, experiments, requestId, forcedArm } = context;
  const measured = measuredTimes(isolateMemory(), startedAtMs, Math.random);
  const input: DecideInput = {
    ask,
    tenant: admitted.tenant,
    automation,
    location,
    ...(measured === undefined ? {} : { measured }),
    ...(experiments.length === 0
      ? {}
      : {
          arms: {
            experiments,
            source: {
              tenant: admitted.tenant,
              requestId,
              ...(ask.session === undefined ? {} : { session: ask.session }),
            },
            ...(forcedArm === undefined ? {} : { force: forcedArm }),
          },
        }),
  };
  recordFeatures(context.env, snapshot, input);
  return deciderOf(snapshot)(input);
}

/** The seed of a request's `index`-th picture: the asked or derived one counted on, or a fresh one. */
export function seedOf({ seed }: Decided, index: number): number {
  return ((seed ?? Math.floor(Math.random() * MAX_SEED)) + index) % (MAX_SEED + 1);
}

/** One picture of a request that was decided on. */
export interface Drawing {
  readonly ask: Ask;
  readonly decided: Decided;
  readonly context: RequestContext;
  readonly index: number;
  readonly seed: number;
  /** How many the request has; 1 where it is not said. */
  readonly pictures?: number;
}

/** Draws it, unless an equal one is there already or on its way. */
export async function drawDecided(drawing: Drawing): Promise<Drawn> {
  const drawn = isReusable(drawing) ? await reuseOrDraw(drawing, drawFresh) : await drawFresh(drawing);
  keepLast(drawing, drawn);
  return drawn;
}

async function drawFresh(drawing: Drawing): Promise<Drawn> {
  const { ask, decided, context, index, seed, pictures = 1 } = drawing;
  const { snapshot, admitted } = context;
  const { plan, size, format, deadlineMs } = decided;
  const supersedeKey = supersedeKeyOf(drawing);
  const result = await execute(
    {
      snapshot,
      plan,
      request: toImageRequest(ask, { ...size, format, seed }),
      requestId: index === 0 ? context.requestId : `${context.requestId}-${index}`,
      tenant: admitted.tenant,
      startedAtMs: context.startedAtMs,
      deadlineAtMs: context.startedAtMs + deadlineMs,
      signal: context.signal,
      traceparent: context.traceparent,
      ...(supersedeKey === undefined ? {} : { supersedeKey }),
    },
    portsFor(context),
  );
  recordOutcome({ decided, result, startedAtMs: context.startedAtMs }, context);
  if (decided.arms !== undefined) copyToCandidate({ ask, decided, result, seed, pictures }, context);
  return { decided, seed, result };
}

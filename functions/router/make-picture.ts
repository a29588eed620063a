/**
 * A request's way on one screen: decide (classify, locate, plan), then execute. What each step decides is routing's.
 */
import {
  type Ask,
  createDecider,
  type Decided,
  type Decider,
  type ExecuteResult,
  execute,
  type ImageRequest,
  type RequestFailure,
  type Snapshot,
} from "../../routing/index.ts";
import { portsFor } from "./adapters/ports.ts";
import type { RequestContext } from "./request-context.ts";
import { MAX_SEED } from "./schemas.ts";

/** What became of one asked picture; `decided` is absent where the request was refused before a plan was made. */
export type Made =
  | { readonly decided: Decided; readonly seed: number; readonly result: ExecuteResult }
  | { readonly decided?: never; readonly failure: RequestFailure };

/** Look-up tables of a snapshot, built once an isolate. */
const deciders = new WeakMap<Snapshot, Decider>();

function deciderOf(snapshot: Snapshot): Decider {
  let decider = deciders.get(snapshot);
  if (decider === undefined) {
    decider = createDecider(snapshot);
    deciders.set(snapshot, decider);
  }
  return decider;
}

/** Makes one picture. `index` tells the pictures of one request apart: each has the next seed. */
export async function makePicture(ask: Ask, context: RequestContext, index: number): Promise<Made> {
  const { snapshot, admitted, location, automation } = context;
  const decided = deciderOf(snapshot)({ ask, tenant: admitted.tenant, automation, location });
  if (!decided.ok) return { failure: decided.failure };
  const { plan, size, format, deadlineMs } = decided.value;
  const seed = ((ask.seed ?? Math.floor(Math.random() * MAX_SEED)) + index) % (MAX_SEED + 1);
  const supersedeKey = ask.session === undefined ? undefined : `${admitted.tenant}:${ask.session}:${ask.layer ?? ""}`;
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
    portsFor(context.env, snapshot, context.background),
  );
  return { decided: decided.value, seed, result };
}

/** Only what changes the pixels. */
function toImageRequest(
  { prompt, negativePrompt, steps, guidance, text, image, mask }: Ask,
  chosen: Pick<ImageRequest, "width" | "height" | "format" | "seed">,
): ImageRequest {
  return {
    prompt,
    text,
    ...chosen,
    ...(negativePrompt === undefined ? {} : { negativePrompt }),
    ...(steps === undefined ? {} : { steps }),
    ...(guidance === undefined ? {} : { guidance }),
    ...(image === undefined ? {} : { image }),
    ...(mask === undefined ? {} : { mask }),
  };
}

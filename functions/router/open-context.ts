/**
 * Opens a request: admits it, finds its snapshot, its place on earth and its trace. Everything after this has a `RequestContext`.
 */
import type { RequestFailure } from "../../routing/index.ts";
import type { ConfigStore } from "./adapters/config-store.ts";
import { clientLocation } from "./adapters/location.ts";
import { admit } from "./admission.ts";
import { type Env, isLocal } from "./environment.ts";
import { clientSignal, type RequestContext } from "./request-context.ts";
import { childTraceparent, randomHex } from "./trace-context.ts";

export interface OpenOptions {
  configStore(env: Env): ConfigStore;
}

/** Requests from automation say so with this header; any value but `false` counts. */
const AUTOMATION_HEADER = "galley-automation";

export type Opened =
  | { readonly ok: true; readonly context: RequestContext }
  | { readonly ok: false; readonly failure: RequestFailure; readonly requestId: string };

/** Admission first: a refused caller costs no look at KV. */
export async function openContext(
  request: Request,
  env: Env,
  execution: Pick<ExecutionContext, "waitUntil">,
  options: OpenOptions,
): Promise<Opened> {
  const startedAtMs = Date.now();
  const requestId = crypto.randomUUID();
  const admitted = admit(env);
  if (!admitted.ok) return { ok: false, failure: admitted.failure, requestId };
  const background = (work: Promise<unknown>) => execution.waitUntil(work);
  const found = options.configStore(env).current(background);
  const served = found instanceof Promise ? await found : found;
  const local = isLocal(env);
  const automation = request.headers.get(AUTOMATION_HEADER);
  return {
    ok: true,
    context: {
      requestId,
      env,
      startedAtMs,
      admitted: admitted.value,
      served,
      snapshot: served.snapshot,
      location: clientLocation(request, local),
      signal: clientSignal(request),
      traceparent: childTraceparent(request.headers.get("traceparent"), randomHex),
      local,
      automation: automation !== null && automation !== "false",
      background,
    },
  };
}

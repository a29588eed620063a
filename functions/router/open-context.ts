/**
 * Opens a request: admits it, finds its snapshot, its place on earth and its trace. Everything after this has a `RequestContext`.
 */
import type { Arm, RequestFailure, Result } from "../../routing/index.ts";
import type { ConfigStore, ServedConfig } from "./adapters/config-store.ts";
import { clientLocation } from "./adapters/location.ts";
import { pickConfig } from "./adapters/pick-config.ts";
import { type Admitted, admit, missingScope } from "./admission.ts";
import { type Env, isLocal } from "./environment.ts";
import type { RequestContext } from "./request-context.ts";
import { liveExperiments, liveStage } from "./rollouts/experiments.ts";
import { judgedPush } from "./rollouts/stage.ts";
import { childTraceparent, randomHex } from "./trace-context.ts";

export interface OpenOptions {
  configStore(env: Env): ConfigStore;
}

/** Set by the platform. It is hashed to pick a version of a staged push, and neither kept nor passed on. */
const CLIENT_ADDRESS_HEADER = "cf-connecting-ip";

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
  const local = isLocal(env);
  const location = clientLocation(request, local);
  const config = found instanceof Promise ? await found : found;
  const forced = forcedVersion(request, config, admitted.value);
  if (!forced.ok) return { ok: false, failure: forced.failure, requestId };
  const push = config.staged === undefined ? undefined : judgedPush(config);
  const live = push === undefined ? undefined : await liveStage(push, { env, background });
  const served = pickConfig(config, {
    unit: request.headers.get(CLIENT_ADDRESS_HEADER) ?? undefined,
    location,
    ...(live === undefined ? {} : { live }),
    ...(forced.value === undefined ? {} : { forced: forced.value }),
  });
  const arm = forcedArm(request, admitted.value);
  if (!arm.ok) return { ok: false, failure: arm.failure, requestId };
  const running = liveExperiments({ env, snapshot: served.snapshot, background });
  const experiments = running instanceof Promise ? await running : running;
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
      location,
      signal: request.signal,
      traceparent: childTraceparent(request.headers.get("traceparent"), randomHex),
      local,
      cacheControl: request.headers.get("cache-control"),
      automation: automation !== null && automation !== "false",
      experiments,
      ...(arm.value === undefined ? {} : { forcedArm: arm.value }),
      background,
    },
  };
}

/** The header by which somebody who may looks at one arm; such requests are not analysed. */
const ARM_HEADER = "galley-arm";

function forcedArm(request: Request, admitted: Admitted): Result<Arm | undefined, RequestFailure> {
  const arm = request.headers.get(ARM_HEADER);
  if (arm === null) return { ok: true, value: undefined };
  const failure = missingScope("force-arm", admitted);
  if (failure !== undefined) return { ok: false, failure };
  if (arm === "baseline" || arm === "canary") return { ok: true, value: arm };
  return { ok: false, failure: { code: "invalid_request", detail: "galley-arm is baseline or canary." } };
}

/** The header that answers carry; sent by somebody who may, it picks one of the two versions of a staged push, uncounted. */
const CONFIG_HEADER = "galley-config";

function forcedVersion(
  request: Request,
  { snapshot, staged }: ServedConfig,
  admitted: Admitted,
): Result<string | undefined, RequestFailure> {
  const version = request.headers.get(CONFIG_HEADER);
  if (version === null) return { ok: true, value: undefined };
  const failure = missingScope("force-arm", admitted);
  if (failure !== undefined) return { ok: false, failure };
  if (version === snapshot.version || version === staged?.version) return { ok: true, value: version };
  const known = staged === undefined ? snapshot.version : `${snapshot.version} or ${staged.version}`;
  return { ok: false, failure: { code: "invalid_request", detail: `galley-config is ${known} here.` } };
}

/**
 * `/v1/canaries`: what `galley canary` speaks to. Reading needs the scope read-status, changing needs operate.
 */
import type { Context } from "hono";
import { Hono } from "hono/tiny";
import type * as z from "zod/mini";
import {
  type Canary,
  type ExperimentLimits,
  type ExperimentSpec,
  type PersonCommand,
  type RequestFailure,
  type Result,
  toExperimentSpec,
} from "../../../routing/index.ts";
import { rolloutOf } from "../../rollout/find-rollout.ts";
import { missingScope, type Scope } from "../admission.ts";
import { readJson } from "../body.ts";
import type { Env } from "../environment.ts";
import { checkBody } from "../parse-ask.ts";
import { problemResponse } from "../problem.ts";
import type { RequestContext } from "../request-context.ts";
import { canaryDocument } from "./document.ts";
import { learnArms } from "./experiments.ts";
import { commandBody } from "./schemas.ts";

type Handled = { Bindings: Env; Variables: { context: RequestContext } };
type Call = Context<Handled, "/:name">;

const NO_STORE = { "cache-control": "no-store" } as const;

type CommandBody = z.infer<typeof commandBody>;

/** The resource, after admission. */
export function canariesResource(): Hono<Handled> {
  const app = new Hono<Handled>();
  app.get("/", async (c) => {
    const { context } = c.var;
    const failure = missingScope("read-status", context.admitted);
    if (failure !== undefined) return problemResponse(failure, context);
    const { canaries } = context.snapshot.content.routing;
    const documents = await Promise.all(Object.values(canaries).map((canary) => lookAt(canary, context)));
    return c.json({ canaries: documents }, 200, NO_STORE);
  });
  app.get("/:name", async (c) => {
    const found = findCanary(c, "read-status");
    if (!found.ok) return problemResponse(found.failure, c.var.context);
    return c.json(await lookAt(found.value, c.var.context), 200, NO_STORE);
  });
  app.post("/:name", async (c) => {
    const found = findCanary(c, "operate");
    const failure = found.ok ? await obey(c, found.value) : found.failure;
    if (failure !== undefined) return problemResponse(failure, c.var.context);
    if (!found.ok) throw new Error("no canary and no failure");
    return c.json(await lookAt(found.value, c.var.context), 200, NO_STORE);
  });
  return app;
}

function findCanary(c: Call, scope: Scope): Result<Canary, RequestFailure> {
  const { admitted, snapshot } = c.var.context;
  const missing = missingScope(scope, admitted);
  if (missing !== undefined) return { ok: false, failure: missing };
  const { canaries } = snapshot.content.routing;
  const name = c.req.param("name");
  const canary = Object.hasOwn(canaries, name) ? canaries[name] : undefined;
  if (canary !== undefined) return { ok: true, value: canary };
  const known = Object.keys(canaries).slice(0, 10).join(", ");
  const detail = `The configuration in force has no canary of this name${known === "" ? "" : `; it has ${known}`}.`;
  return { ok: false, failure: { code: "not_found", detail } };
}

async function lookAt(canary: Canary, { env }: RequestContext): Promise<Record<string, unknown>> {
  return canaryDocument(canary, await rolloutOf(env.ROLLOUT, canary.name).view());
}

/** Does what the body says; why it could not, or `undefined`. */
async function obey(c: Call, canary: Canary): Promise<RequestFailure | undefined> {
  const { context } = c.var;
  const json = await readJson(c.req.raw);
  if (!json.ok) return json.failure;
  const body = checkBody(commandBody, json.value);
  if (!body.ok) return body.failure;
  const failure =
    body.value.command === "start"
      ? await start(canary, body.value, context)
      : await command(canary, body.value, context);
  if (failure === undefined) await learnArms(context.env, canary.name);
  return failure;
}

async function start(canary: Canary, body: CommandBody, context: RequestContext): Promise<RequestFailure | undefined> {
  const { routing } = context.snapshot.content;
  const route = routing.routes.find(({ name }) => name === canary.route);
  if (route === undefined) return { code: "conflict", detail: `There is no route ${canary.route} any more.` };
  const spec = startSpec(toExperimentSpec(canary, route.model), body);
  if (spec.ramp[0] === 0 && spec.shadowShare === 0) {
    const detail = "A canary that serves nobody learns from shadows alone; give them a share too.";
    return { code: "invalid_request", detail, path: "/shadow" };
  }
  const started = await rolloutOf(context.env.ROLLOUT, canary.name).start({
    spec,
    person: personOf(body, context),
    limits: limitsOf(canary, body),
  });
  if (started.ok) return undefined;
  return { code: "conflict", detail: `It is ${started.phase} already; abort or promote it first.` };
}

/** Numbers that differ from the usual ones, by the person's word before the routing file's. */
function limitsOf({ shadowGpuMsPerDay }: Canary, { warmup_ms, shadow_gpu_ms }: CommandBody): Partial<ExperimentLimits> {
  const gpuMs = shadow_gpu_ms ?? shadowGpuMsPerDay;
  return {
    ...(warmup_ms === undefined ? {} : { warmupMs: warmup_ms }),
    ...(gpuMs === undefined ? {} : { shadowGpuMsPerDay: gpuMs }),
  };
}

/** The routing file's experiment, with what the person wants otherwise: a ramp from `at` on, and less patience. */
function startSpec(spec: ExperimentSpec, { at, mode, min_requests, min_hours, shadow }: CommandBody): ExperimentSpec {
  const ramp = at === undefined ? spec.ramp : [at, ...spec.ramp.filter((share) => share > at)];
  return {
    ...spec,
    ramp,
    mode: mode ?? spec.mode,
    minRequests: min_requests ?? spec.minRequests,
    minHours: min_hours ?? spec.minHours,
    shadowShare: shadow ?? spec.shadowShare,
  };
}

async function command(
  canary: Canary,
  body: CommandBody,
  context: RequestContext,
): Promise<RequestFailure | undefined> {
  const word: PersonCommand = {
    command: body.command === "start" ? "resume" : body.command,
    person: personOf(body, context),
    ...(body.note === undefined ? {} : { note: body.note }),
  };
  const result = await rolloutOf(context.env.ROLLOUT, canary.name).command(word);
  if (result === undefined) return { code: "conflict", detail: "It was never started; start it first." };
  if (result.ok) return undefined;
  const why = result.why === "last-step" ? "its ramp has no further step" : `it is ${result.phase}`;
  return { code: "conflict", detail: `It cannot ${word.command}: ${why}.` };
}

const personOf = ({ person }: CommandBody, { admitted }: RequestContext): string => person ?? admitted.tenant;

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
import { canaryDocument, pushDocument } from "./document.ts";
import { learnArms } from "./experiments.ts";
import { commandBody } from "./schemas.ts";
import { judgedPush } from "./stage.ts";

type Handled = { Bindings: Env; Variables: { context: RequestContext } };
type Call = Context<Handled, "/:name">;

/** Of the experiment of a push: `config-` and its version. */
const PUSH_NAME = /^config-[0-9a-f]{16}$/;

const NO_STORE = { "cache-control": "no-store" } as const;

type CommandBody = z.infer<typeof commandBody>;

/** An experiment that can be asked for: a canary of the configuration, or a push that is or was judged. */
type Found =
  | { readonly kind: "canary"; readonly name: string; readonly canary: Canary }
  | { readonly kind: "push"; readonly name: string };

/** The resource, after admission. */
export function canariesResource(): Hono<Handled> {
  const app = new Hono<Handled>();
  app.get("/", async (c) => {
    const { context } = c.var;
    const failure = missingScope("read-status", context.admitted);
    if (failure !== undefined) return problemResponse(failure, context);
    const documents = await Promise.all(runningIn(context).map((found) => lookAt(found, context)));
    return c.json({ canaries: documents }, 200, NO_STORE);
  });
  app.get("/:name", (c) => answer(c, "read-status", async () => undefined));
  app.post("/:name", (c) => answer(c, "operate", (found) => obey(c, found)));
  return app;
}

/** Finds it, does what is asked, and shows how it stands then. */
async function answer(
  c: Call,
  scope: Scope,
  act: (found: Found) => Promise<RequestFailure | undefined>,
): Promise<Response> {
  const { context } = c.var;
  const found = find(c, scope);
  const failure = found.ok ? await act(found.value) : found.failure;
  if (failure !== undefined) return problemResponse(failure, context);
  if (!found.ok) throw new Error("nothing found and no failure");
  const document = await lookAt(found.value, context);
  return document === undefined ? problemResponse(nothingOf(context), context) : c.json(document, 200, NO_STORE);
}

/** The canaries of the version in force, and the push that is being judged. */
function runningIn({ snapshot, served }: RequestContext): readonly Found[] {
  const push = served.stage === undefined ? undefined : judgedPush(served.stage);
  return [
    ...(push === undefined ? [] : [{ kind: "push", name: push.name } as const]),
    ...Object.values(snapshot.content.routing.canaries).map(
      (canary) => ({ kind: "canary", name: canary.name, canary }) as const,
    ),
  ];
}

function find(c: Call, scope: Scope): Result<Found, RequestFailure> {
  const { context } = c.var;
  const missing = missingScope(scope, context.admitted);
  if (missing !== undefined) return { ok: false, failure: missing };
  const name = c.req.param("name");
  const found = runningIn(context).find((one) => one.name === name);
  if (found !== undefined) return { ok: true, value: found };
  // Of a push that is over, the object still tells how it ended.
  if (PUSH_NAME.test(name)) return { ok: true, value: { kind: "push", name } };
  return { ok: false, failure: nothingOf(context) };
}

function nothingOf(context: RequestContext): RequestFailure {
  const known = runningIn(context)
    .slice(0, 10)
    .map(({ name }) => name)
    .join(", ");
  const detail = `The configuration in force has no canary of this name${known === "" ? "" : `; it has ${known}`}.`;
  return { code: "not_found", detail };
}

/** The document; `undefined` of a push that was never judged. */
async function lookAt(found: Found, { env }: RequestContext): Promise<Record<string, unknown> | undefined> {
  const view = await rolloutOf(env.ROLLOUT, found.name).view();
  if (found.kind === "canary") return canaryDocument(found.canary, view);
  return view === undefined ? undefined : pushDocument(view);
}

/** Does what the body says; why it could not, or `undefined`. */
async function obey(c: Call, found: Found): Promise<RequestFailure | undefined> {
  const { context } = c.var;
  const json = await readJson(c.req.raw);
  if (!json.ok) return json.failure;
  const body = checkBody(commandBody, json.value);
  if (!body.ok) return body.failure;
  if (body.value.command !== "start") return command(found, body.value, context);
  if (found.kind === "canary") return start(found.canary, body.value, context);
  return { code: "conflict", detail: "A push is judged from its start; stage another one with `galley config push`." };
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
  if (started.ok) {
    await learnArms(context.env, canary.name);
    return undefined;
  }
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
  { name }: Found,
  body: CommandBody,
  context: RequestContext,
): Promise<RequestFailure | undefined> {
  const word: PersonCommand = {
    command: body.command === "start" ? "resume" : body.command,
    person: personOf(body, context),
    ...(body.note === undefined ? {} : { note: body.note }),
  };
  const result = await rolloutOf(context.env.ROLLOUT, name).command(word);
  if (result === undefined) return { code: "conflict", detail: "It was never started; start it first." };
  if (result.ok) {
    await learnArms(context.env, name);
    return undefined;
  }
  const why = result.why === "last-step" ? "its ramp has no further step" : `it is ${result.phase}`;
  return { code: "conflict", detail: `It cannot ${word.command}: ${why}.` };
}

const personOf = ({ person }: CommandBody, { admitted }: RequestContext): string => person ?? admitted.tenant;

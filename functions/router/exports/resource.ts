/**
 * `/v1/exports` and what is below it. A job of another tenant is not there.
 */
import type { Context } from "hono";
import { Hono } from "hono/tiny";
import { type Ahead, isOver, type RequestFailure } from "../../../routing/index.ts";
import { indexOf, jobOf } from "../../exports/find-objects.ts";
import type { JobRecord } from "../../exports/job-store.ts";
import { readJson } from "../body.ts";
import type { Env } from "../environment.ts";
import { acceptedFormat, decodePictures, toAsk } from "../generate.ts";
import { checkBody } from "../parse-ask.ts";
import { problemResponse } from "../problem.ts";
import type { RequestContext } from "../request-context.ts";
import { exportBody } from "../schemas.ts";
import { documentResponse, endFailure, slotsOf } from "./answers.ts";
import { imageResponse } from "./image.ts";
import { isLinkSound, MAX_LINK_S, signLink } from "./share-link.ts";
import { submitExport } from "./submit.ts";

type Handled = { Bindings: Env; Variables: { context: RequestContext } };
type Call = Context<Handled, "/:id">;

const NOT_FOUND: RequestFailure = { code: "not_found", detail: "There is no such export, or it is not kept any more." };

const FORBIDDEN: RequestFailure = { code: "forbidden", detail: "This key may not make or see exports." };

/** Rows of a listing where the caller does not say, and most that it may ask for. */
const PAGE = { usual: 20, most: 100 } as const;

/** How long a link lives where the caller does not say, s. */
const USUAL_LINK_S = 3_600;

/** The signed link's own way in, for those who have no key; anything else goes on to admission. */
export async function openSharedImage(
  c: Context<{ Bindings: Env }>,
  next: () => Promise<void>,
): Promise<Response | undefined> {
  const query = new URL(c.req.url).searchParams;
  if (!query.has("signature")) {
    await next();
    return undefined;
  }
  const requestId = crypto.randomUUID();
  const id = c.req.param("id") ?? "";
  if (!(await isLinkSound(c.env, id, { query, nowMs: Date.now() }))) {
    return problemResponse({ code: "forbidden", detail: "This link is not valid, or not any more." }, { requestId });
  }
  const record = await jobOf(c.env, id).look();
  if (record === undefined) return problemResponse(NOT_FOUND, { requestId });
  return imageResponse({ record, env: c.env, request: c.req.raw, requestId });
}

/** The resource, after admission. */
export function exportsResource(): Hono<Handled> {
  const app = new Hono<Handled>();
  app.use(async (c, next) => {
    if (!c.var.context.admitted.scopes.includes("export")) return problemResponse(FORBIDDEN, c.var.context);
    return next();
  });
  app.post("/", (c) => submit(c.req.raw, c.var.context));
  app.get("/", (c) => list(new URL(c.req.url).searchParams, c.var.context));
  app.get("/:id", (c) => show(c));
  app.delete("/:id", (c) => cancel(c));
  app.get("/:id/events", (c) => events(c));
  app.get("/:id/image", (c) => image(c));
  app.post("/:id/links", (c) => link(c));
  app.post("/:id/webhook", (c) => redeliver(c));
  return app;
}

async function submit(request: Request, context: RequestContext): Promise<Response> {
  const json = await readJson(request);
  if (!json.ok) return problemResponse(json.failure, context);
  const body = checkBody(exportBody, json.value);
  if (!body.ok) return problemResponse(body.failure, context);
  const { callback_url: callbackUrl, ...rest } = body.value;
  const pictures = await decodePictures(rest);
  if (!pictures.ok) return problemResponse(pictures.failure, context);
  const ask = toAsk(
    { ...rest, export: rest.export ?? rest.purpose === undefined },
    pictures.value,
    acceptedFormat(request),
  );
  return submitExport({
    request,
    context,
    ask,
    body: body.value,
    ...(callbackUrl === undefined ? {} : { callbackUrl }),
  });
}

async function show(c: Call): Promise<Response> {
  const record = await recordOf(c);
  if (record === undefined) return problemResponse(NOT_FOUND, c.var.context);
  const ahead = record.job.state === "queued" ? await aheadOf(record, c.var.context) : undefined;
  return documentResponse(record, c.var.context, ahead === undefined ? {} : { ahead });
}

async function cancel(c: Call): Promise<Response> {
  const { env, admitted } = c.var.context;
  const job = jobOf(env, c.req.param("id"));
  const cancelled = await job.cancel(admitted.tenant);
  const record = cancelled === undefined ? undefined : await job.look(admitted.tenant);
  return record === undefined ? problemResponse(NOT_FOUND, c.var.context) : documentResponse(record, c.var.context);
}

async function events(c: Call): Promise<Response> {
  const { env, admitted, requestId } = c.var.context;
  const lastEventId = c.req.header("last-event-id") ?? c.req.query("lastEventId");
  const response = await jobOf(env, c.req.param("id")).fetch(
    new Request("https://job/events", {
      headers: {
        "galley-tenant": admitted.tenant,
        ...(lastEventId === undefined ? {} : { "last-event-id": lastEventId }),
      },
    }),
  );
  if (response.status === 404) return problemResponse(NOT_FOUND, c.var.context);
  const headers = new Headers(response.headers);
  headers.set("galley-request-id", requestId);
  return new Response(response.body, { status: response.status, headers });
}

async function image(c: Call): Promise<Response> {
  const { context } = c.var;
  const record = await recordOf(c);
  if (record === undefined) return problemResponse(NOT_FOUND, context);
  const failure = endFailure(record);
  if (failure !== undefined) return problemResponse(failure, context);
  if (!isOver(record.job)) {
    const detail = "The export is not done yet. Its state says when it will be.";
    return problemResponse({ code: "conflict", detail, retryAfterMs: 1_000 }, context);
  }
  return imageResponse({ record, env: context.env, request: c.req.raw, requestId: context.requestId });
}

async function link(c: Call): Promise<Response> {
  const { context } = c.var;
  const record = await recordOf(c);
  if (record?.job.picture === undefined) return problemResponse(NOT_FOUND, context);
  const asked = Number(c.req.query("expires_in") ?? USUAL_LINK_S);
  if (!Number.isInteger(asked) || asked < 1 || asked > MAX_LINK_S) {
    const detail = `expires_in is a whole number of seconds, 1 to ${MAX_LINK_S}.`;
    return problemResponse({ code: "invalid_request", detail }, context);
  }
  const expiresAtS = Math.floor(Date.now() / 1_000) + asked;
  const path = await signLink(context.env, record.order.terms.id, expiresAtS);
  if (path === undefined) {
    const detail = "Links are off: this router has no key to sign them with.";
    return problemResponse({ code: "not_configured", detail }, context);
  }
  const url = new URL(path, c.req.url).href;
  const expires_at = new Date(expiresAtS * 1_000).toISOString();
  return c.json({ url, expires_at }, 201, { "cache-control": "no-store", "galley-request-id": context.requestId });
}

async function redeliver(c: Call): Promise<Response> {
  const { env, admitted } = c.var.context;
  const job = jobOf(env, c.req.param("id"));
  const opened = await job.redeliver(admitted.tenant);
  if (opened === undefined) return problemResponse(NOT_FOUND, c.var.context);
  if (!opened) {
    const detail = "There is no webhook to send: the export has no callback_url, or is not over.";
    return problemResponse({ code: "conflict", detail }, c.var.context);
  }
  const record = await job.look(admitted.tenant);
  return record === undefined
    ? problemResponse(NOT_FOUND, c.var.context)
    : documentResponse(record, c.var.context, { status: 202 });
}

async function list(query: URLSearchParams, context: RequestContext): Promise<Response> {
  const limit = Number(query.get("limit") ?? PAGE.usual);
  const cursor = query.get("cursor");
  if (!Number.isInteger(limit) || limit < 1 || limit > PAGE.most || (cursor !== null && !/^c\d{1,15}$/.test(cursor))) {
    const detail = `limit is 1 to ${PAGE.most}; cursor is what next_cursor was.`;
    return problemResponse({ code: "invalid_request", detail }, context);
  }
  const [state, route] = [query.get("state"), query.get("route")];
  const page = await indexOf(context.env, context.admitted.tenant).list({
    limit,
    ...(cursor === null ? {} : { before: Number(cursor.slice(1)) }),
    ...(state === null ? {} : { state }),
    ...(route === null ? {} : { route }),
  });
  const exports = page.entries.map(({ id, createdAtMs, endedAtMs, ...entry }) => ({
    name: `exports/${id}`,
    id,
    done: isOver({ state: entry.state as JobRecord["job"]["state"] }),
    ...entry,
    created_at: new Date(createdAtMs).toISOString(),
    ...(endedAtMs === undefined ? {} : { ended_at: new Date(endedAtMs).toISOString() }),
  }));
  return Response.json(
    { exports, ...(page.next === undefined ? {} : { next_cursor: `c${page.next}` }) },
    { headers: { "cache-control": "no-store", "galley-request-id": context.requestId } },
  );
}

function recordOf(c: Call): Promise<JobRecord | undefined> {
  const { env, admitted } = c.var.context;
  return jobOf(env, c.req.param("id")).look(admitted.tenant);
}

/** Older open jobs of the tenant, over the slots of the model on its place. */
async function aheadOf({ order }: JobRecord, { env, admitted, snapshot }: RequestContext): Promise<Ahead> {
  const jobs = await indexOf(env, admitted.tenant).ahead(order.terms.id);
  return { jobs, slots: slotsOf(snapshot, order.model) };
}

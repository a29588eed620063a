/**
 * The router's HTTP surface, in reading order: what needs no admission, then admission, then the calls.
 */
import bundledMethods from "galley-methods";
import type { MiddlewareHandler } from "hono";
import { Hono } from "hono/tiny";
import type { RequestFailure } from "../../routing/index.ts";
import { missingScope } from "./admission.ts";
import { answerCaseStudyGet, answerCaseStudyPost } from "./case-study.ts";
import type { Env } from "./environment.ts";
import { exportsResource, openSharedImage } from "./exports/resource.ts";
import { handleGenerate } from "./generate.ts";
import { openLink } from "./links/open-link.ts";
import { METRICS_TYPE, metricsText } from "./metrics.ts";
import { type OpenOptions, openContext } from "./open-context.ts";
import { openAiErrorResponse } from "./openai/error.ts";
import { handleEdits, handleGenerations } from "./openai/images.ts";
import { answerModel, answerModels } from "./openai/models.ts";
import { openPage } from "./pages.ts";
import { problemResponse } from "./problem.ts";
import type { RequestContext } from "./request-context.ts";
import { canariesResource } from "./rollouts/resource.ts";
import { statusDocument } from "./status.ts";

const methodsByPath = bundledMethods as Readonly<Record<string, readonly string[]>>;

type Handled = { Bindings: Env; Variables: { context: RequestContext } };

/** Builds the app over what an isolate keeps. */
export function createApp(options: OpenOptions): Hono<Handled> {
  const app = new Hono<Handled>();

  app.get("/healthz", (c) => c.json({ status: "ok" }, 200, { "cache-control": "no-store" }));

  app.get("/v1/images/:id{[0-9a-f]+}", async (c) => {
    const ifNoneMatch = c.req.header("if-none-match") ?? null;
    const link = { id: c.req.param("id"), url: new URL(c.req.url), env: c.env, nowMs: Date.now(), ifNoneMatch };
    const opened = await openLink(link);
    return opened instanceof Response ? opened : openAiErrorResponse(opened, { requestId: crypto.randomUUID() });
  });

  app.get("/v1/exports/:id/image", openSharedImage);

  app.get("*", async (c, next) => (await openPage(c.req.raw, c.env)) ?? next());

  app.use(async (c, next) => {
    const opened = await openContext(c.req.raw, c.env, c.executionCtx, options);
    if (!opened.ok) return failureResponse(c.req.path)(opened.failure, opened);
    c.set("context", opened.context);
    return next();
  });

  app.post("/v1/generate", (c) => handleGenerate(c.req.raw, c.var.context));
  app.post("/v1/images/generations", (c) => handleGenerations(c.req.raw, c.var.context));
  app.post("/v1/images/edits", (c) => handleEdits(c.req.raw, c.var.context));
  app.get("/v1/models", (c) => answerModels(c.var.context));
  app.get("/v1/models/:name", (c) => answerModel(c.req.param("name"), c.var.context));
  app.route("/v1/exports", exportsResource());
  app.get("/generate", (c) => answerCaseStudyGet(c.var.context));
  app.post("/generate", (c) => answerCaseStudyPost(c.req.raw, c.var.context));
  app.route("/v1/canaries", canariesResource());
  app.use("/v1/status", readersOnly);
  app.get("/v1/status", async (c) => c.json(await statusDocument(c.var.context), 200, { "cache-control": "no-store" }));
  app.use("/metrics", readersOnly);
  app.get("/metrics", async (c) => {
    const text = await metricsText(c.var.context);
    return c.body(text, 200, { "content-type": METRICS_TYPE, "cache-control": "no-store" });
  });

  // What the description has under a path is what the path takes.
  for (const [path, allow] of Object.entries(methodsByPath)) {
    app.all(path.replaceAll(/\{(\w+)\}/g, ":$1"), (c) => {
      if (allow.includes(c.req.method)) return c.notFound();
      const words = allow.join(", ");
      const failure: RequestFailure = { code: "method_not_allowed", detail: `This path takes ${words}.` };
      return failureResponse(c.req.path)(failure, c.var.context, { allow: words });
    });
  }
  app.notFound((c) => {
    const failure: RequestFailure = {
      code: "not_found",
      detail: "There is no such path. GET /docs shows all of them.",
    };
    return failureResponse(c.req.path)(failure, c.var.context ?? { requestId: crypto.randomUUID() });
  });
  // A thrown error is a bug: the caller gets a typed problem and nothing of its text; the log gets where it happened, not with what.
  app.onError((error, c) => {
    const context = c.var.context ?? { requestId: crypto.randomUUID() };
    console.error(
      JSON.stringify({ event: "internal-error", request_id: context.requestId, where: whereThrown(error) }),
    );
    const failure: RequestFailure = { code: "internal", detail: "The router broke. Its log has this request id." };
    return failureResponse(c.req.path)(failure, context);
  });
  return app;
}

/** Status and metrics show how much there is and how well it is: not for everybody who may draw. */
const readersOnly: MiddlewareHandler<Handled> = async (c, next) => {
  const failure = missingScope("read-status", c.var.context.admitted);
  return failure === undefined ? next() : problemResponse(failure, c.var.context);
};

/** Paths that OpenAI's clients call get their failures in its shape. */
function failureResponse(path: string): typeof problemResponse {
  return /^\/v1\/(?:images|models)(?:\/|$)/.test(path) ? openAiErrorResponse : problemResponse;
}

/** Name and frames of an error without its message, which may quote what the caller sent. */
function whereThrown(error: Error): string {
  const frames = (error.stack ?? "").split("\n").filter((line) => line.trimStart().startsWith("at "));
  return [error.name, ...frames.slice(0, 6).map((line) => line.trim())].join(" ");
}

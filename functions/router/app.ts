/**
 * The router's HTTP surface, in reading order: what needs no admission, then admission, then the calls.
 */
import { Hono } from "hono";
import type { RequestFailure } from "../../routing/index.ts";
import { answerCaseStudyGet, answerCaseStudyPost } from "./case-study.ts";
import type { Env } from "./environment.ts";
import { handleGenerate } from "./generate.ts";
import { type OpenOptions, openContext } from "./open-context.ts";
import { problemResponse } from "./problem.ts";
import type { RequestContext } from "./request-context.ts";
import { statusDocument } from "./status.ts";

type Handled = { Bindings: Env; Variables: { context: RequestContext } };

/** Builds the app over what an isolate keeps. */
export function createApp(options: OpenOptions): Hono<Handled> {
  const app = new Hono<Handled>();

  app.get("/healthz", (c) => c.json({ status: "ok" }, 200, { "cache-control": "no-store" }));

  app.use(async (c, next) => {
    const opened = await openContext(c.req.raw, c.env, c.executionCtx, options);
    if (!opened.ok) return problemResponse(opened.failure, opened);
    c.set("context", opened.context);
    return next();
  });

  app.post("/v1/generate", (c) => handleGenerate(c.req.raw, c.var.context));
  app.get("/generate", (c) => answerCaseStudyGet(c.var.context));
  app.post("/generate", (c) => answerCaseStudyPost(c.req.raw, c.var.context));
  app.get("/v1/status", (c) => c.json(statusDocument(c.var.context), 200, { "cache-control": "no-store" }));

  for (const [path, allow] of Object.entries({
    "/v1/generate": "POST",
    "/generate": "GET, POST",
    "/v1/status": "GET",
  })) {
    app.all(path, (c) => {
      const failure: RequestFailure = { code: "method_not_allowed", detail: `This path takes ${allow}.` };
      return problemResponse(failure, c.var.context, { allow });
    });
  }
  app.notFound((c) => {
    const failure: RequestFailure = {
      code: "not_found",
      detail: "There is no such path. GET /v1/status shows what runs.",
    };
    return problemResponse(failure, c.var.context ?? { requestId: crypto.randomUUID() });
  });
  // A thrown error is a bug: the caller gets a typed problem and nothing of its text; the log gets where it happened, not with what.
  app.onError((error, c) => {
    const context = c.var.context ?? { requestId: crypto.randomUUID() };
    console.error(
      JSON.stringify({ event: "internal-error", request_id: context.requestId, where: whereThrown(error) }),
    );
    return problemResponse({ code: "internal", detail: "The router broke. Its log has this request id." }, context);
  });
  return app;
}

/** Name and frames of an error without its message, which may quote what the caller sent. */
function whereThrown(error: Error): string {
  const frames = (error.stack ?? "").split("\n").filter((line) => line.trimStart().startsWith("at "));
  return [error.name, ...frames.slice(0, 6).map((line) => line.trim())].join(" ");
}

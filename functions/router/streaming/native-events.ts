/**
 * `POST /v1/generate` with `Accept: text/event-stream`: the native names of what happens.
 *
 * `preview` (a draft) and `picture`: the picture as `b64_json`, its facts, and under `galley` what the headers of a plain answer say;
 * `error`: a problem document, and the end; `done`: how many pictures, and the cost of everything that was tried.
 */
import { factMembers, jsonFacts } from "../answer.ts";
import { formatUsd } from "../answer-headers.ts";
import { objectWith } from "../picture-json.ts";
import { toProblem } from "../problem.ts";
import type { RequestContext } from "../request-context.ts";
import type { ServerEvent } from "./event-stream.ts";
import { drawnTogether, type Progress } from "./progress.ts";

/** The event that tells it. */
export function toNativeEvent(progress: Progress, context: RequestContext): ServerEvent {
  switch (progress.happened) {
    case "preview":
    case "picture": {
      const { index, drawn, result } = progress;
      const facts = { index, ...jsonFacts(result, drawn.seed), galley: factMembers(drawnTogether(progress), context) };
      return { name: progress.happened, data: objectWith(facts, { name: "b64_json", picture: result.picture }) };
    }
    case "failed":
      return { name: "error", data: [JSON.stringify(toProblem(progress.failure, context.requestId))] };
    case "done":
      return {
        name: "done",
        data: [JSON.stringify({ pictures: progress.pictures, cost_usd: Number(formatUsd(progress.costUsd)) })],
      };
  }
}

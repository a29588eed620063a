/**
 * From what became of a request to its HTTP answer. A picture's bytes stream through; nothing here holds one whole that came as a stream.
 */
import { type ExecuteResult, MEDIA_TYPES } from "../../routing/index.ts";
import { decisionHeaders, formatUsd, outcomeHeaders } from "./answer-headers.ts";
import type { Drawn, Made } from "./make-picture.ts";
import type { DrawnAll } from "./make-pictures.ts";
import { embedPictures } from "./picture-json.ts";
import { problemResponse } from "./problem.ts";
import type { RequestContext } from "./request-context.ts";

/** One picture as bytes, or the problem. */
export function answerPicture(made: Made, context: RequestContext): Response {
  if (made.decided === undefined) return problemResponse(made.failure, context);
  const { result } = made;
  const headers = factHeaders([made], context);
  if (!result.ok) return problemResponse(result.failure, context, headers);
  const { picture } = result;
  headers["content-type"] = MEDIA_TYPES[picture.format];
  if (picture.lengthBytes !== undefined) headers["content-length"] = String(picture.lengthBytes);
  headers["cache-control"] = "no-store";
  return new Response(picture.bytes ?? picture.body, { headers });
}

/** Several pictures (or one) as JSON with base64; the first failure is the answer's. */
export function answerPictures({ drawn, failed }: DrawnAll, context: RequestContext): Response {
  const headers = factHeaders(failed === undefined ? drawn : [failed, ...drawn], context);
  if (failed !== undefined) return problemResponse(failed.result.failure, context, headers);
  return embedPictures(
    drawn.flatMap(({ seed, result }) =>
      result.ok ? [{ picture: result.picture, facts: jsonFacts(result, seed) }] : [],
    ),
    { ...headers, "cache-control": "no-store" },
  );
}

/** The members beside a picture in JSON. */
export function jsonFacts({ picture, leg }: Extract<ExecuteResult, { ok: true }>, seed: number) {
  const { format, width, height } = picture;
  return { media_type: MEDIA_TYPES[format], width, height, seed, model: leg.model };
}

/** Headers that say what happened: the first picture's decision and endpoint, the attempts and the cost of all. */
export function factHeaders(
  drawn: readonly Drawn[],
  { requestId, snapshot, startedAtMs }: RequestContext,
): Record<string, string> {
  const [first] = drawn;
  if (first === undefined) return {};
  return {
    ...decisionHeaders({
      requestId,
      snapshot,
      classified: first.decided.classified,
      seed: first.seed,
      ...(first.decided.arms === undefined ? {} : { arm: first.decided.arms.arm }),
    }),
    ...outcomeHeaders(together(first, drawn), snapshot, Date.now() - startedAtMs),
    ...cacheHeaders(drawn),
  };
}

/** `miss` as soon as one of them was drawn for this request; the age is that of the oldest kept one. */
function cacheHeaders(drawn: readonly Drawn[]): Record<string, string> {
  const reused = drawn.map(({ cache }) => cache);
  const word = reused.includes(undefined) ? "miss" : reused.includes("joined") ? "joined" : "hit";
  const ageMs = Math.max(...drawn.map(({ ageMs: one = -1 }) => one));
  return { "galley-cache": word, ...(ageMs < 0 ? {} : { age: String(Math.floor(ageMs / 1_000)) }) };
}

export type FactMembers = Readonly<Record<string, string | number>>;

/** The same as JSON members, for answers whose headers are gone before a picture is there: `galley-cost-usd` is `cost_usd`. */
export function factMembers(drawn: readonly [Drawn, ...Drawn[]], context: RequestContext): FactMembers {
  const members = Object.entries(factHeaders(drawn, context))
    .filter(([name]) => name.startsWith("galley-"))
    .map(([name, value]) => [name.slice("galley-".length).replaceAll("-", "_"), value] as const);
  const costUsd = drawn.reduce((sum, { result }) => sum + result.costUsd, 0);
  return { ...Object.fromEntries(members), seed: drawn[0].seed, cost_usd: Number(formatUsd(costUsd)) };
}

function together(first: Drawn, drawn: readonly Drawn[]): ExecuteResult {
  const results = [...new Set(drawn.map(({ result }) => result))];
  if (results.length === 1) return first.result;
  return {
    ...first.result,
    trail: results.flatMap(({ trail }) => trail),
    warnings: [...new Set(results.flatMap(({ warnings }) => warnings))],
    costUsd: results.reduce((sum, { costUsd }) => sum + costUsd, 0),
  };
}

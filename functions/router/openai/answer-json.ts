/**
 * The answer to a call that is not streamed: `{created, data: [{b64_json | url, seed}], …}`. Never without a picture: an empty `data`
 * is taken for a failure and paid for three times (providers.md §4.2).
 */
import type { Picture } from "../../../routing/index.ts";
import { factHeaders, jsonFacts } from "../answer.ts";
import type { DrawnAll } from "../make-pictures.ts";
import { objectWith, type Piece, respondPieces } from "../picture-json.ts";
import type { RequestContext } from "../request-context.ts";
import { identityHeaders, openAiErrorResponse } from "./error.ts";
import { usageOf } from "./usage.ts";

/** How one picture is handed over. */
export type Delivered = { readonly b64: Picture } | { readonly url: string };

export interface ImagesAnswer {
  readonly all: DrawnAll;
  readonly context: RequestContext;
  /** In the order of `all.drawn`; only looked at when all went well. */
  readonly delivered: readonly Delivered[];
  /** Beside what the facts say: `galley-cache`, warnings about ignored members. */
  readonly headers: Readonly<Record<string, string>>;
}

/** The answer, or the failure that came first. */
export function answerImages({ all, context, delivered, headers }: ImagesAnswer): Response {
  const { drawn, failed } = all;
  const facts = withWarnings(factHeaders(failed === undefined ? drawn : [failed, ...drawn], context), headers);
  if (failed !== undefined) return openAiErrorResponse(failed.result.failure, context, facts);
  const entries = drawn.flatMap(({ seed, result }, index): readonly (readonly Piece[])[] => {
    const delivery = delivered[index];
    if (!result.ok || delivery === undefined) return [];
    const beside = jsonFacts(result, seed);
    return "url" in delivery
      ? [[JSON.stringify({ ...beside, url: delivery.url })]]
      : [objectWith(beside, { name: "b64_json", picture: delivery.b64 })];
  });
  const data = entries.flatMap((entry, index) => (index === 0 ? entry : [",", ...entry]));
  const head = JSON.stringify({ created: Math.floor(context.startedAtMs / 1000), ...describe(all) }).slice(0, -1);
  return respondPieces([`${head},"data":[`, ...data, "]}"], {
    ...facts,
    ...identityHeaders(context.requestId),
    "cache-control": "no-store",
  });
}

/** Two sources may warn; both are heard. */
export function withWarnings(
  facts: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>>,
): Record<string, string> {
  const warnings = [facts["galley-warning"], headers["galley-warning"]].filter((warning) => warning !== undefined);
  return { ...facts, ...headers, ...(warnings.length === 0 ? {} : { "galley-warning": warnings.join("; ") }) };
}

function describe({ drawn }: DrawnAll): Record<string, unknown> {
  const results = drawn.flatMap(({ result }) => (result.ok ? [result] : []));
  const [first] = results;
  if (first === undefined) return {};
  const { format, width, height } = first.picture;
  const usage = usageOf(results);
  return { output_format: format, size: `${width}x${height}`, ...(usage === undefined ? {} : { usage }) };
}

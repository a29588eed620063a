/**
 * From what became of a request to its HTTP answer. A picture's bytes stream through; nothing here holds one whole that came as a stream.
 */
import { type ExecuteResult, MEDIA_TYPES } from "../../routing/index.ts";
import { decisionHeaders, outcomeHeaders } from "./answer-headers.ts";
import type { Made } from "./make-picture.ts";
import { embedPictures } from "./picture-json.ts";
import { problemResponse } from "./problem.ts";
import type { RequestContext } from "./request-context.ts";

type Success = Extract<ExecuteResult, { ok: true }>;

/** One picture as bytes, or the problem. */
export function answerPicture(made: Made, context: RequestContext): Response {
  if (made.decided === undefined) return problemResponse(made.failure, context);
  const { result } = made;
  const headers = factHeaders(made, context);
  if (!result.ok) return problemResponse(result.failure, context, headers);
  const { picture } = result;
  headers["content-type"] = MEDIA_TYPES[picture.format];
  if (picture.lengthBytes !== undefined) headers["content-length"] = String(picture.lengthBytes);
  headers["cache-control"] = "no-store";
  return new Response(picture.bytes ?? picture.body, { headers });
}

/** Several pictures (or one) as JSON with base64; the first failure is the answer's. */
export function answerPictures(made: readonly Made[], context: RequestContext): Response {
  const successes: Success[] = [];
  for (const one of made) {
    if (one.decided === undefined) return problemResponse(one.failure, context);
    if (!one.result.ok) return problemResponse(one.result.failure, context, factHeaders(one, context));
    successes.push(one.result);
  }
  const first = made[0];
  const headers = first?.decided === undefined ? {} : factHeaders(first, context);
  const seeds = made.map((one) => (one.decided === undefined ? 0 : one.seed));
  return embedPictures(
    successes.map(({ picture, leg }, index) => ({
      picture,
      facts: {
        media_type: MEDIA_TYPES[picture.format],
        width: picture.width,
        height: picture.height,
        seed: seeds[index] ?? 0,
        model: leg.model,
      },
    })),
    { ...headers, "cache-control": "no-store" },
  );
}

/** Headers that say what happened. */
export function factHeaders(
  made: Extract<Made, { seed: number }>,
  { requestId, snapshot, startedAtMs }: RequestContext,
): Record<string, string> {
  return {
    ...decisionHeaders({ requestId, snapshot, classified: made.decided.classified, seed: made.seed }),
    ...outcomeHeaders(made.result, snapshot, Date.now() - startedAtMs),
  };
}

/**
 * `POST|GET /generate`: the case study's call, unchanged. `{prompt, model, timeout?}` (seconds) → JSON `{image: base64, …}`; 504 when
 * time is up, which is what its Python client waits for. The GET draws one fixed picture, so that `ab` sees equal lengths.
 */
import type { Ask } from "../../routing/index.ts";
import { factHeaders } from "./answer.ts";
import { readJson } from "./body.ts";
import { makePicture } from "./make-picture.ts";
import { checkBody } from "./parse-ask.ts";
import { objectWith, respondPieces } from "./picture-json.ts";
import { problemResponse } from "./problem.ts";
import type { RequestContext } from "./request-context.ts";
import { type CaseStudyBody, caseStudyBody } from "./schemas.ts";

/** What the GET draws. A fixed seed makes every answer the same, and still each is drawn: it is there to put load on GPUs. */
const DEFAULT_ASK: CaseStudyBody = { prompt: "a galley proof on a light table, top view", seed: 1 };

export const answerCaseStudyGet = (context: RequestContext): Promise<Response> =>
  answer(DEFAULT_ASK, { ...context, cacheControl: "no-store" });

export async function answerCaseStudyPost(request: Request, context: RequestContext): Promise<Response> {
  const json = await readJson(request);
  if (!json.ok) return problemResponse(json.failure, context);
  const body = checkBody(caseStudyBody, json.value);
  return body.ok ? answer(body.value, context) : problemResponse(body.failure, context);
}

async function answer(body: CaseStudyBody, context: RequestContext): Promise<Response> {
  const made = await makePicture(toAsk(body), context, 0);
  if (made.decided === undefined) return problemResponse(made.failure, context);
  const headers = { ...factHeaders([made], context), "cache-control": "no-store" };
  if (!made.result.ok) return problemResponse(made.result.failure, context, headers);
  const { picture, leg } = made.result;
  const { width, height, format } = picture;
  const facts = { model: leg.model, seed: made.seed, width, height, format };
  return respondPieces(objectWith(facts, { name: "image", picture }), headers);
}

function toAsk({ prompt, model, timeout, width, height, seed }: CaseStudyBody): Ask {
  return {
    prompt,
    text: [],
    preferredFormat: "png",
    exportFlag: false,
    ...(model === undefined ? {} : { model }),
    ...(timeout === undefined ? {} : { deadlineMs: Math.ceil(timeout * 1000) }),
    ...(width === undefined ? {} : { width }),
    ...(height === undefined ? {} : { height }),
    ...(seed === undefined ? {} : { seed }),
  };
}

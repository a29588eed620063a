/**
 * `POST /v1/generate`: the native call. Answers with the picture's bytes, with JSON and base64 when the caller asks for JSON, or with
 * server-sent events when it asks for those. Where the policy is a job, the request becomes one; where the policy promotes, one that
 * was too slow becomes one then.
 */
import type { Ask, InlinePicture, RequestFailure, Result } from "../../routing/index.ts";
import { answerPicture, answerPictures } from "./answer.ts";
import { readJson } from "./body.ts";
import { type Submission, submitExport } from "./exports/submit.ts";
import { type Drawn, decideOn, drawDecided, seedOf } from "./make-picture.ts";
import { drawAll } from "./make-pictures.ts";
import { checkBody, decodeInline } from "./parse-ask.ts";
import { problemResponse } from "./problem.ts";
import { readMask } from "./read-mask.ts";
import type { RequestContext } from "./request-context.ts";
import { type GenerateBody, generateBody } from "./schemas.ts";
import type { ServerEvent } from "./streaming/event-stream.ts";
import { toNativeEvent } from "./streaming/native-events.ts";
import { type StreamAsk, streamPictures } from "./streaming/stream-pictures.ts";

/** Handles the call. */
export async function handleGenerate(request: Request, context: RequestContext): Promise<Response> {
  const asked = await readAsk(request);
  if (!asked.ok) return problemResponse(asked.failure, context);
  const { ask, count, body } = asked.value;
  const decided = decideOn(ask, context);
  if (!decided.ok) return problemResponse(decided.failure, context);
  const submission: Submission = { request, context, ask, body, decided: decided.value };
  if (decided.value.plan.policy.mode === "job") return submitExport(submission);
  const work = { ask, decided: decided.value, context, count };
  const accept = request.headers.get("accept") ?? "";
  if (accept.includes("text/event-stream")) {
    const toEvents: StreamAsk["toEvents"] = async (progress) =>
      progress.happened === "failed" && isPromoted(progress.drawn, count)
        ? [await promotedEvent(submission)]
        : [toNativeEvent(progress, context)];
    return streamPictures({ ...work, wantsPreview: true, toEvents });
  }
  if (accept.includes("application/json")) {
    const all = await drawAll(work);
    if (all.failed !== undefined && isPromoted(all.failed, count)) return submitExport(submission);
    return answerPictures(all, context);
  }
  if (count > 1) {
    const detail = "Several pictures fit only into JSON or events: send Accept: application/json, or ask for one.";
    return problemResponse({ code: "invalid_request", detail, path: "/n" }, context);
  }
  const drawn = await drawDecided({ ...work, index: 0, seed: seedOf(decided.value, 0) });
  if (isPromoted(drawn, count)) return submitExport(submission);
  return answerPicture(drawn, context);
}

/** Too slow for its caller's connection, and the policy lets it go on as a job. A job is one picture. */
function isPromoted({ decided, result }: Drawn, count: number): boolean {
  if (result.ok || !decided.plan.policy.promote || count > 1) return false;
  const { code } = result.failure;
  return code === "deadline_exceeded" || code === "no_capacity";
}

/** The last event of a stream whose picture goes on as a job: where it is. A job that could not be made is an error like any other. */
async function promotedEvent({ request, ...submission }: Submission): Promise<ServerEvent> {
  // A stream does not wait twice.
  const headers = new Headers(request.headers);
  headers.delete("prefer");
  const taken = await submitExport({ ...submission, request: new Request(request.url, { headers }) });
  const document = (await taken.json()) as Readonly<Record<string, unknown>>;
  const location = taken.headers.get("location");
  return location === null
    ? { name: "error", data: [JSON.stringify(document)] }
    : { name: "promoted", data: [JSON.stringify({ location, ...document })] };
}

interface ReadAsk {
  readonly ask: Ask;
  readonly count: number;
  readonly body: GenerateBody;
}

async function readAsk(request: Request): Promise<Result<ReadAsk, RequestFailure>> {
  const json = await readJson(request);
  if (!json.ok) return json;
  const body = checkBody(generateBody, json.value);
  if (!body.ok) return body;
  const pictures = await decodePictures(body.value);
  if (!pictures.ok) return pictures;
  const ask = toAsk(body.value, pictures.value, acceptedFormat(request));
  return { ok: true, value: { ask, count: body.value.n ?? 1, body: body.value } };
}

/** Reference pictures as they came inside the body. */
export type InlinePictures = Pick<Ask, "image" | "moreImages" | "mask">;

/** Decodes the body's reference pictures. */
export async function decodePictures(body: GenerateBody): Promise<Result<InlinePictures, RequestFailure>> {
  if (body.mask !== undefined && body.image === undefined) {
    const detail = "A mask says where a reference picture may change; send `image` too.";
    return { ok: false, failure: { code: "invalid_request", detail, path: "/mask" } };
  }
  const pictures: InlinePicture[] = [];
  const texts = body.image === undefined ? [] : [body.image].flat();
  for (const [at, text] of texts.entries()) {
    const picture = decodeInline(text, Array.isArray(body.image) ? `/image/${at}` : "/image");
    if (!picture.ok) return picture;
    pictures.push(picture.value);
  }
  const [image, ...moreImages] = pictures;
  const given = body.mask === undefined ? undefined : decodeInline(body.mask, "/mask");
  const mask = given?.ok === true ? await readMask(given.value) : given;
  if (mask?.ok === false) return mask;
  return {
    ok: true,
    value: {
      ...(image === undefined ? {} : { image }),
      ...(moreImages.length === 0 ? {} : { moreImages }),
      ...(mask === undefined ? {} : { mask: mask.value }),
    },
  };
}

/** The ask of a checked body. */
export function toAsk(body: GenerateBody, pictures: InlinePictures, preferredFormat: Ask["preferredFormat"]): Ask {
  return {
    prompt: body.prompt,
    text: body.text ?? [],
    preferredFormat,
    exportFlag: body.export ?? false,
    ...pictures,
    ...(body.format === undefined ? {} : { format: body.format }),
    ...(body.purpose === undefined ? {} : { purpose: body.purpose }),
    ...(body.model === undefined ? {} : { model: body.model }),
    ...(body.negative_prompt === undefined ? {} : { negativePrompt: body.negative_prompt }),
    ...(body.width === undefined ? {} : { width: body.width }),
    ...(body.height === undefined ? {} : { height: body.height }),
    ...(body.seed === undefined ? {} : { seed: body.seed }),
    ...(body.steps === undefined ? {} : { steps: body.steps }),
    ...(body.guidance === undefined ? {} : { guidance: body.guidance }),
    ...(body.session === undefined ? {} : { session: body.session }),
    ...(body.layer === undefined ? {} : { layer: body.layer }),
    ...(body.upscale === undefined ? {} : { upscale: body.upscale }),
    ...(body.deadline_ms === undefined ? {} : { deadlineMs: body.deadline_ms }),
  };
}

/** WebP where the caller says that it takes it (every browser does), else PNG. */
export function acceptedFormat(request: Request): Ask["preferredFormat"] {
  const accept = request.headers.get("accept") ?? "";
  return accept.includes("image/webp") ? "webp" : accept.includes("image/jpeg") ? "jpeg" : "png";
}

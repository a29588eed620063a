/**
 * `POST /v1/images/generations` and `POST /v1/images/edits`: OpenAI's calls, over Galley's routing.
 */
import { findModel, type RequestFailure, type Result } from "../../../routing/index.ts";
import { readJson } from "../body.ts";
import { decideOn } from "../make-picture.ts";
import { checkBody } from "../parse-ask.ts";
import type { RequestContext } from "../request-context.ts";
import { streamPictures } from "../streaming/stream-pictures.ts";
import { answerWhole } from "./answer-whole.ts";
import { type ImagesCall, readModel, toCall } from "./call.ts";
import { readEditForm } from "./edit-form.ts";
import { identityHeaders, openAiErrorResponse } from "./error.ts";
import { toOpenAiEvents } from "./events.ts";
import { imagesBody, knownMember } from "./schemas.ts";

/** Handles a generation. */
export async function handleGenerations(request: Request, context: RequestContext): Promise<Response> {
  return answer(request, await readGeneration(request, context), context);
}

/** Handles an edit. */
export async function handleEdits(request: Request, context: RequestContext): Promise<Response> {
  return answer(request, await readEdit(request, context), context);
}

async function readGeneration(request: Request, context: RequestContext): Promise<Result<ImagesCall, RequestFailure>> {
  const json = await readJson(request);
  if (!json.ok) return json;
  const body = checkBody(imagesBody, json.value);
  return body.ok ? toCall(body.value, context) : body;
}

async function readEdit(request: Request, context: RequestContext): Promise<Result<ImagesCall, RequestFailure>> {
  const form = await readEditForm(request, (name, value) => refuseField({ name, value }, context));
  if (!form.ok) return form;
  const body = checkBody(imagesBody, form.value.fields);
  return body.ok ? toCall(body.value, { snapshot: context.snapshot, pictures: form.value.pictures }) : body;
}

/** What is wrong with a field whatever the others say. */
function refuseField(
  { name, value }: { readonly name: string; readonly value: unknown },
  { snapshot }: RequestContext,
): RequestFailure | undefined {
  const schema = knownMember(name);
  if (schema === undefined) return undefined;
  const checked = checkBody(schema, value);
  if (!checked.ok) return { ...checked.failure, path: `/${name}` };
  if (name !== "model" || typeof value !== "string") return undefined;
  const { model } = readModel(value, snapshot);
  if (model === undefined || findModel(snapshot.content.catalog, model) !== undefined) return undefined;
  return { code: "model_unknown", path: "/model", detail: "There is no such model; GET /v1/models lists them." };
}

async function answer(
  request: Request,
  call: Result<ImagesCall, RequestFailure>,
  context: RequestContext,
): Promise<Response> {
  if (!call.ok) return openAiErrorResponse(call.failure, context);
  const { ask, kind, count, stream, wantsPreview, ignored } = call.value;
  const decided = decideOn(ask, context);
  if (!decided.ok) return openAiErrorResponse(decided.failure, context);
  const headers = ignored.length === 0 ? {} : { "galley-warning": `ignored: ${ignored.join(", ")}` };
  if (!stream) return answerWhole({ request, call: call.value, decided: decided.value, context, headers });
  return streamPictures({
    ask,
    decided: decided.value,
    context,
    count,
    wantsPreview,
    headers: { ...headers, ...identityHeaders(context.requestId) },
    toEvents: (progress) => toOpenAiEvents(progress, kind, context),
  });
}

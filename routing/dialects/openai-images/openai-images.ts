/**
 * `openai-images`: the OpenAI Images API, as vLLM-Omni, SGLang Diffusion and OpenAI itself speak it.
 *
 * Sources: providers.md §3a (vLLM-Omni `protocol/images.py`, `docs/serving/image_edit_api.md`), §3b (SGLang `image_api.py`), §4.1
 * (openai npm 7.57). The flavour in the catalogue says which server it is; without one it is vLLM-Omni, which Galley's own GPUs run.
 * The picture comes as raw bytes, as base64 in `data[].b64_json`, or, where the catalogue's words ask for `response_format: url`, as a
 * link that is followed at once.
 */
import type { AttemptFailure, Result } from "../../failure/index.ts";
import type { Size } from "../../image/size.ts";
import { bearer, jsonCall, missingSecret, upstreamUrl, workHeaders } from "../call.ts";
import { costOf, type Usage } from "../cost.ts";
import type { Begun, Call, Dialect, Reading, Reported, ResponseHead, Target, Tokens, Work } from "../dialect.ts";
import { chooseFormat, decideOptions } from "../options.ts";
import { followPictureLink } from "../picture-url.ts";
import { listAt, numberAt, parseJson, textAt } from "../read-json.ts";
import { failed } from "../settled.ts";
import { fitSize, nearestRatio, sizeWarnings } from "../size.ts";
import { badResponse, bodyKind, isSuccess, unreadable } from "../success.ts";
import { errorReading } from "../upstream-error.ts";
import { type BodyParts, editForm, type Flavor, fieldsOf } from "./body.ts";
import { judge } from "./judge.ts";
import { pinLook } from "./models-look.ts";

/** Sizes of OpenAI models that do not draw any size (gpt-image-1.5, -1-mini; providers.md §4.1). */
const OPENAI_SIZES: readonly [Size, ...Size[]] = [
  { width: 1024, height: 1024 },
  { width: 1536, height: 1024 },
  { width: 1024, height: 1536 },
];

/** Most of an answer that only holds a link, bytes. */
const LINK_BODY_BYTES = 64 * 1024;

export const openaiImages: Dialect = {
  name: "openai-images",
  begin,
  pinLook,
  expectedSize,
  expectedFormat: chooseFormat,
};

function flavorOf(target: Target): Flavor {
  return target.endpoint.flavor ?? "vllm-omni";
}

function begin(work: Work, target: Target): Result<Begun, AttemptFailure> {
  const unset = missingSecret(target);
  if (unset !== undefined) return { ok: false, failure: unset };
  const flavor = flavorOf(target);
  const isOurs = flavor !== "openai";
  const options = decideOptions(work, {
    negativePrompt: isOurs,
    steps: isOurs,
    guidance: isOurs,
    seed: isOurs,
    image: true,
    // OpenAI's own limit (providers.md §4.1); what our servers take of several is not documented, so one.
    ...(isOurs ? {} : { maxImages: 16 }),
    mask: true,
    upscale: false,
  });
  if (!options.ok) return options;
  const size = chooseSize(work);
  if (!size.ok) return size;
  const parts: BodyParts = { work, flavor, size: size.value, options: options.value };
  const call = callOf(parts, target);
  return {
    ok: true,
    value: {
      step: { call, receive: (head) => receive(head, parts, target) },
      warnings: [...options.value.warnings, ...sizeWarnings(work.request, size.value)],
    },
  };
}

function chooseSize(work: Work): Result<Size, AttemptFailure> {
  const { request, model } = work;
  if (model.capabilities.size === "ratio") return { ok: true, value: nearestRatio(request, OPENAI_SIZES) };
  return fitSize(request, model.capabilities);
}

function callOf(parts: BodyParts, target: Target): Call {
  const { work, flavor } = parts;
  const accept = flavor === "vllm-omni" ? "image/*, application/json" : "application/json";
  const headers = { accept, ...workHeaders(work), ...bearer(target.key) };
  const base = target.endpoint.url;
  if (work.request.image === undefined)
    return jsonCall(upstreamUrl(base, "/v1/images/generations"), headers, fieldsOf(parts));
  return { method: "POST", url: upstreamUrl(base, "/v1/images/edits"), headers, body: editForm(parts) };
}

function receive(head: ResponseHead, parts: BodyParts, target: Target): Reading {
  const { work } = parts;
  if (!isSuccess(head)) return errorReading(head, work, (error) => judge(error, work));
  const kind = bodyKind(head);
  if (kind === "picture") return { read: "picture", reported: reportedOf({}, parts) };
  if (kind !== "json") return unreadable(kind);
  if (work.model.parameters.extra.response_format === "url") return linkReading(parts, target);
  return {
    read: "embedded",
    select: { paths: [["data", "*", "b64_json"]] },
    settle: (document) => {
      if (typeof document !== "object" || document === null) return { ok: false, failure: badResponse("not_json") };
      if (listAt(document, "data").length === 0) return { ok: false, failure: badResponse("no_picture") };
      return { ok: true, value: reportedOf(document, parts) };
    },
  };
}

function linkReading(parts: BodyParts, target: Target): Reading {
  return {
    read: "text",
    maxBytes: LINK_BODY_BYTES,
    settle: (text) => {
      const document = parseJson(text);
      if (document === undefined) return failed(badResponse("not_json"));
      return followPictureLink({
        url: textAt(document, "data", 0, "url"),
        endpoint: target.endpoint,
        reported: reportedOf(document, parts),
        sameOriginHeaders: bearer(target.key),
      });
    },
  };
}

/** SGLang tells its seconds, OpenAI its tokens; nobody echoes the seed, which was sent. */
function reportedOf(document: unknown, parts: BodyParts): Reported {
  const { work, size, options } = parts;
  const seconds = numberAt(document, "inference_time_s");
  const inputTokens = numberAt(document, "usage", "input_tokens");
  const outputTokens = numberAt(document, "usage", "output_tokens");
  const usage: Usage = {
    ...(seconds === undefined ? {} : { gpuMs: seconds * 1000 }),
    ...(inputTokens === undefined ? {} : { inputTokens }),
    ...(outputTokens === undefined ? {} : { outputTokens }),
  };
  const costUsd = costOf(work.model, size, usage);
  return {
    ...(options.takes.seed ? { seed: work.request.seed } : {}),
    ...(seconds === undefined ? {} : { serviceMs: seconds * 1000 }),
    ...(costUsd === undefined ? {} : { costUsd }),
    ...(inputTokens === undefined || outputTokens === undefined
      ? {}
      : { tokens: { input: inputTokens, output: outputTokens, ...inputSplit(document) } }),
  };
}

function inputSplit(document: unknown): Pick<Tokens, "inputText" | "inputImage"> {
  const inputText = numberAt(document, "usage", "input_tokens_details", "text_tokens");
  const inputImage = numberAt(document, "usage", "input_tokens_details", "image_tokens");
  return { ...(inputText === undefined ? {} : { inputText }), ...(inputImage === undefined ? {} : { inputImage }) };
}

/** OpenAI's own sizes are exact too: they are asked for by name. */
function expectedSize(work: Work): Size | undefined {
  const size = chooseSize(work);
  return size.ok ? size.value : undefined;
}

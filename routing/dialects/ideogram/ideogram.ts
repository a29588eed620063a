/**
 * `ideogram`: Ideogram V2A Turbo and its relatives, where typography matters.
 *
 * Source: Ideogram's OpenAPI of 2026-06 (providers.md §2). The answer holds a temporary link; it is followed at once in a second step and
 * shown to nobody. A refused picture comes as status 200 with `is_image_safe: false` and no link; a refused prompt as 422. Nothing in the
 * answer names the model's version: the pin stays unverified. Ten requests in flight are allowed: the catalogue's concurrency.
 */
import type { AttemptFailure, Result } from "../../failure/index.ts";
import type { Size } from "../../image/size.ts";
import { jsonCall, missingSecret, upstreamUrl, workHeaders } from "../call.ts";
import { costOf } from "../cost.ts";
import type { Begun, Dialect, Reading, Reported, ResponseHead, Settled, Target, Work } from "../dialect.ts";
import { decideOptions } from "../options.ts";
import { followPictureLink } from "../picture-url.ts";
import { numberAt, parseJson, textAt, valueAt } from "../read-json.ts";
import { refused } from "../refusal.ts";
import { failed } from "../settled.ts";
import { badResponse, bodyKind, isSuccess, unreadable } from "../success.ts";
import { errorReading, type UpstreamError } from "../upstream-error.ts";
import { bodyOf, IDEOGRAM_PIXELS, isVersion3, ratioOf, readsNegativePrompt } from "./body.ts";

/** Most of the answer that holds the link, bytes: one entry, with the prompt in it. */
const ANSWER_BYTES = 64 * 1024;

export const ideogram: Dialect = { name: "ideogram", begin };

function begin(work: Work, target: Target): Result<Begun, AttemptFailure> {
  const unset = missingSecret(target);
  if (unset !== undefined) return { ok: false, failure: unset };
  const { upstreamName } = work.model;
  const options = decideOptions(work, {
    negativePrompt: readsNegativePrompt(upstreamName),
    steps: false,
    guidance: false,
    seed: true,
    image: false,
    mask: false,
    upscale: false,
  });
  if (!options.ok) return options;
  const url = upstreamUrl(target.endpoint.url, isVersion3(upstreamName) ? "/v1/ideogram-v3/generate" : "/generate");
  const headers = {
    accept: "application/json",
    ...workHeaders(work),
    ...(target.key === undefined ? {} : { "api-key": target.key }),
  };
  return {
    ok: true,
    value: {
      step: {
        call: jsonCall(url, headers, bodyOf(work, options.value)),
        receive: (head) => receive(head, { work, target, takesSeed: options.value.takes.seed }),
      },
      warnings: [...options.value.warnings, ...shapeWarnings(work)],
    },
  };
}

/** Only a square of one megapixel is known to come exactly as asked. */
function shapeWarnings(work: Work): readonly string[] {
  const { width, height } = work.request;
  const { ratio } = ratioOf(work);
  if (ratio === "1:1" && width === 1024 && height === 1024) return [];
  return [`size ${width}x${height} becomes ${ratio} at about 1 megapixel`];
}

interface Asked {
  readonly work: Work;
  readonly target: Target;
  readonly takesSeed: boolean;
}

function receive(head: ResponseHead, asked: Asked): Reading {
  if (!isSuccess(head)) return errorReading(head, asked.work, judge);
  const kind = bodyKind(head);
  if (kind !== "json") return unreadable(kind);
  return { read: "text", maxBytes: ANSWER_BYTES, settle: (text) => settle(text, asked) };
}

function settle(text: string, asked: Asked): Settled {
  const document = parseJson(text);
  if (document === undefined) return failed(badResponse("not_json"));
  const picture = valueAt(document, "data", 0);
  if (valueAt(picture, "is_image_safe") === false) return failed(refused("picture"));
  return followPictureLink({
    url: textAt(picture, "url"),
    endpoint: asked.target.endpoint,
    reported: reportedOf(picture, asked),
  });
}

function reportedOf(picture: unknown, asked: Asked): Reported {
  const { work } = asked;
  const seed = numberAt(picture, "seed") ?? (asked.takesSeed ? work.request.seed : undefined);
  const costUsd = costOf(work.model, sizeOf(textAt(picture, "resolution")));
  return { ...(seed === undefined ? {} : { seed }), ...(costUsd === undefined ? {} : { costUsd }) };
}

/** `"1312x736"`; without it, a square of the usual pixels. */
function sizeOf(resolution: string | undefined): Size {
  const [, width, height] = /^(\d{2,5})x(\d{2,5})$/.exec(resolution ?? "") ?? [];
  if (width === undefined || height === undefined) return { width: IDEOGRAM_PIXELS, height: 1 };
  return { width: Number(width), height: Number(height) };
}

/** 422 is the safety check's status; a validation list under the same status is not. */
function judge(error: UpstreamError): AttemptFailure | undefined {
  const isSafety = error.message === undefined || /safety|prohibited|moderation/i.test(error.message);
  return error.status === 422 && isSafety ? refused("prompt") : undefined;
}

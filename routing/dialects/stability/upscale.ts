/**
 * Stability's upscalers: `fast` and `conservative` answer with the picture, `creative` with an id that is polled.
 *
 * Source: Stability's v2beta reference (providers.md §5): polls are at least ten seconds apart, 202 means not yet, results are kept for
 * a day and only for the key that asked. Which upscaler it is, is the last word of the model's upstream name. `fast` reads nothing but
 * the picture; it draws four times each side.
 */

import type { Size } from "../../image/size.ts";
import { sniffPicture } from "../../image/sniff.ts";
import { bearer, upstreamUrl } from "../call.ts";
import type { Call, Reading, ResponseHead, Settled, Step, Target, Work } from "../dialect.ts";
import type { Options } from "../options.ts";
import { parseJson, textAt } from "../read-json.ts";
import { failed, nextStep } from "../settled.ts";
import { badResponse, isSuccess } from "../success.ts";
import { errorReading } from "../upstream-error.ts";
import { type Asked, judge, receivePicture } from "./answer.ts";

export type Upscaler = "fast" | "conservative" | "creative";

/** Stability's own wish: "no more than once every 10 seconds". */
const POLL_MS = 10_000;

/** `{"id": …}` or `{"id", "status"}`. */
const ID_BODY_BYTES = 16 * 1024;

/** Sides of `fast` pictures grow by this (providers.md §5). */
const FAST_FACTOR = 4;

export function upscalerOf(upstreamName: string): Upscaler {
  if (/creative$/.test(upstreamName)) return "creative";
  return /conservative$/.test(upstreamName) ? "conservative" : "fast";
}

/** Form fields beside the picture. */
export function upscaleFields(work: Work, options: Options, sentSeed: number): Record<string, string> {
  const { request, model } = work;
  if (upscalerOf(model.upstreamName) === "fast") return { output_format: options.format };
  return {
    prompt: request.prompt,
    ...(request.negativePrompt === undefined ? {} : { negative_prompt: request.negativePrompt }),
    seed: String(sentSeed),
    output_format: options.format,
  };
}

/** Exact only for `fast`, and only where the source can be read. */
export function upscaledSize(work: Work): Size | undefined {
  const { image } = work.request;
  if (upscalerOf(work.model.upstreamName) !== "fast" || image === undefined) return undefined;
  const source = sniffPicture(image.bytes);
  if (source === undefined || source === "need-more") return undefined;
  return { width: source.width * FAST_FACTOR, height: source.height * FAST_FACTOR };
}

/** Reads the id of a creative upscale and asks for the first poll. */
export function receiveId(head: ResponseHead, asked: Asked, target: Target): Reading {
  if (!isSuccess(head) && head.status !== 202) return errorReading(head, asked.work, judge);
  return {
    read: "text",
    maxBytes: ID_BODY_BYTES,
    settle: (text): Settled => {
      const id = textAt(parseJson(text), "id");
      // It becomes part of a URL: nothing but what ids are made of.
      if (id === undefined || !/^[\w-]{1,128}$/.test(id)) return failed(badResponse("unexpected_type"));
      return nextStep(pollStep(id, asked, target));
    },
  };
}

function pollStep(id: string, asked: Asked, target: Target): Step {
  const call: Call = {
    method: "GET",
    url: upstreamUrl(target.endpoint.url, `/v2beta/stable-image/upscale/creative/result/${id}`),
    headers: { accept: "image/*", ...bearer(target.key) },
  };
  return {
    call,
    delayMs: POLL_MS,
    receive: (head) => {
      if (head.status !== 202) return receivePicture(head, asked);
      return { read: "text", maxBytes: ID_BODY_BYTES, settle: () => nextStep(pollStep(id, asked, target)) };
    },
  };
}

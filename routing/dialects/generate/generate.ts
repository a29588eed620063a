/**
 * `generate`: Galley's own GPU worker, the call of the case study grown up.
 *
 * Source: the case study's `gen_client.py` (`POST …/generate` with `{prompt, model}`, 504 when time is up), extended by us; the GPU
 * simulator and `infra/gpu/sd35` speak it. `Accept: image/*` brings raw bytes with the facts in headers (`x-model-version`, `x-seed`,
 * `server-timing: queue;dur=, gpu;dur=`); a worker that knows only JSON answers `{image, model_version, seed}`.
 * Models of kind `upscale` are called at `/upscale` with `{image, factor, format}` and answer the same.
 */
import type { AttemptFailure, Result } from "../../failure/index.ts";
import type { Size } from "../../image/size.ts";
import { sniffPicture } from "../../image/sniff.ts";
import { bearer, jsonCall, missingSecret, upstreamUrl, workHeaders } from "../call.ts";
import { costOf } from "../cost.ts";
import type { Begun, Dialect, Reading, Reported, ResponseHead, Target, Work } from "../dialect.ts";
import { chooseFormat, decideOptions } from "../options.ts";
import { numberAt, textAt, valueAt } from "../read-json.ts";
import { refusalWord, refused } from "../refusal.ts";
import { serverTimingMs } from "../server-timing.ts";
import { fitSize, shrinkSize, sizeWarnings } from "../size.ts";
import { badResponse, bodyKind, isSuccess, unreadable } from "../success.ts";
import { errorReading, overloaded, quotaExhausted, type UpstreamError } from "../upstream-error.ts";
import { factorOf, generateBody, upscaleBody } from "./body.ts";

const TAKES = {
  negativePrompt: true,
  steps: true,
  guidance: true,
  seed: true,
  image: true,
  mask: true,
  upscale: true,
} as const;

export const generate: Dialect = { name: "generate", begin, expectedSize, expectedFormat: chooseFormat };

function begin(work: Work, target: Target): Result<Begun, AttemptFailure> {
  const unset = missingSecret(target);
  if (unset !== undefined) return { ok: false, failure: unset };
  const options = decideOptions(work, TAKES);
  if (!options.ok) return options;
  const isUpscale = work.model.kind === "upscale";
  const size = chooseSize(work);
  if (!size.ok) return size;
  const headers = { accept: "image/*", ...workHeaders(work), ...bearer(target.key) };
  const url = upstreamUrl(target.endpoint.url, isUpscale ? "/upscale" : "/generate");
  const body = isUpscale ? upscaleBody(work, options.value) : generateBody(work, options.value, size.value);
  return {
    ok: true,
    value: {
      step: { call: jsonCall(url, headers, body), receive: (head) => receive(head, work, size.value) },
      warnings: [...options.value.warnings, ...(isUpscale ? [] : sizeWarnings(work.request, size.value))],
    },
  };
}

/** An upscale's is only what the price goes by; a `ratio` model draws the shape as large as it can. */
function chooseSize(work: Work): Result<Size, AttemptFailure> {
  const { request, model } = work;
  if (model.kind === "upscale") return { ok: true, value: expectedSize(work) ?? request };
  if (model.capabilities.size === "ratio") return { ok: true, value: shrinkSize(request, model.capabilities) };
  return fitSize(request, model.capabilities);
}

function receive(head: ResponseHead, work: Work, size: Size): Reading {
  if (!isSuccess(head)) return errorReading(head, work, judge);
  const kind = bodyKind(head);
  if (kind === "picture") return { read: "picture", reported: reportedInHeaders(head, work, size) };
  if (kind !== "json") return unreadable(kind);
  return {
    read: "embedded",
    select: { paths: [["image"]] },
    settle: (document) => {
      if (typeof document !== "object" || document === null) return { ok: false, failure: badResponse("not_json") };
      if (valueAt(document, "error") !== undefined) return { ok: false, failure: badResponse("no_picture") };
      const pin = textAt(document, "model_version");
      const seed = numberAt(document, "seed");
      return {
        ok: true,
        value: {
          ...reportedInHeaders(head, work, size),
          ...(pin === undefined ? {} : { pin }),
          ...(seed === undefined ? {} : { seed }),
        },
      };
    },
  };
}

function reportedInHeaders(head: ResponseHead, work: Work, size: Size): Reported {
  const { headers } = head;
  const pin = headers.get("x-model-version")?.trim();
  const echoedSeed = /^\d{1,15}$/.exec(headers.get("x-seed")?.trim() ?? "")?.[0];
  const seed = echoedSeed === undefined ? sentSeed(work) : Number(echoedSeed);
  const queueMs = serverTimingMs(headers.get("server-timing"), "queue");
  const serviceMs = serverTimingMs(headers.get("server-timing"), "gpu");
  const costUsd = costOf(work.model, size, serviceMs === undefined ? {} : { gpuMs: serviceMs });
  return {
    ...(pin === undefined || pin === "" ? {} : { pin }),
    ...(seed === undefined ? {} : { seed }),
    ...(queueMs === undefined ? {} : { queueMs }),
    ...(serviceMs === undefined ? {} : { serviceMs }),
    ...(costUsd === undefined ? {} : { costUsd }),
  };
}

/** The seed that was sent and not contradicted. */
function sentSeed(work: Work): number | undefined {
  return work.model.kind === "generate" && work.model.capabilities.seed ? work.request.seed : undefined;
}

/** The worker's own error words, beside what the status says. */
function judge(error: UpstreamError): AttemptFailure | undefined {
  if (error.words.includes("moderation_blocked") || error.words.includes("content_moderation")) {
    return refused(error.words.map(refusalWord).find((word) => word !== undefined) ?? "prompt");
  }
  if (error.words.includes("quota_exceeded")) return quotaExhausted(error);
  if (error.words.includes("overloaded")) return overloaded(error);
  return undefined;
}

function expectedSize(work: Work): Size | undefined {
  const { request, model } = work;
  if (model.kind === "generate") {
    const size = fitSize(request, model.capabilities);
    return model.capabilities.size === "exact" && size.ok ? size.value : undefined;
  }
  const source = request.image === undefined ? undefined : sniffPicture(request.image.bytes);
  if (source === undefined || source === "need-more") return undefined;
  const factor = factorOf(model);
  return { width: source.width * factor, height: source.height * factor };
}

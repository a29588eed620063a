/**
 * `workers-ai`: Cloudflare's own models, the last resort at the edge itself.
 *
 * Source: `@cloudflare/workers-types` 5.20261117, developers.cloudflare.com/workers-ai (providers.md §3e). An endpoint whose URL is
 * `binding:AI` goes through the runtime's binding (`Call.binding`; binding.ts turns its outputs and exceptions into responses); an http
 * URL is the REST API's account base, `…/accounts/{id}`, which answers `{result: {image}}` or bytes. No version can be pinned.
 */
import type { AttemptFailure, Result } from "../../failure/index.ts";
import type { Size } from "../../image/size.ts";
import { bearer, jsonCall, missingSecret, upstreamUrl, workHeaders } from "../call.ts";
import { costOf } from "../cost.ts";
import type { Begun, Call, Dialect, Reading, Reported, ResponseHead, Target, Work } from "../dialect.ts";
import { decideOptions } from "../options.ts";
import { listAt } from "../read-json.ts";
import { fitSize, sizeWarnings } from "../size.ts";
import { badResponse, bodyKind, isSuccess, unreadable } from "../success.ts";
import { errorReading } from "../upstream-error.ts";
import { familyOf, flux2Form, type InputParts, inputsOf, takesOf } from "./inputs.ts";
import { judge } from "./judge.ts";

/** What FLUX.1 schnell draws, px; also what the price goes by where the model chooses. */
const OWN_SIZE: Size = { width: 1024, height: 1024 };

export const workersAi: Dialect = { name: "workers-ai", begin, expectedSize };

function begin(work: Work, target: Target): Result<Begun, AttemptFailure> {
  const unset = missingSecret(target);
  if (unset !== undefined) return { ok: false, failure: unset };
  const options = decideOptions(work, takesOf(familyOf(work.model.upstreamName)));
  if (!options.ok) return options;
  const fitted = drawsAnySize(work) ? fitSize(work.request, work.model.capabilities) : undefined;
  if (fitted !== undefined && !fitted.ok) return fitted;
  const parts: InputParts = { work, options: options.value, size: fitted?.value };
  return {
    ok: true,
    value: {
      step: { call: callOf(parts, target), receive: (head) => receive(head, parts) },
      warnings: [...options.value.warnings, ...sizeWarnings(work.request, fitted?.value ?? OWN_SIZE)],
    },
  };
}

function drawsAnySize(work: Work): boolean {
  return work.model.capabilities.size === "exact" && familyOf(work.model.upstreamName) !== "flux-1-schnell";
}

function callOf(parts: InputParts, target: Target): Call {
  const { work } = parts;
  const model = work.model.upstreamName;
  const isForm = familyOf(model) === "flux-2";
  const headers = { ...workHeaders(work), ...bearer(target.key) };
  if (/^https?:/.test(target.endpoint.url)) {
    const url = upstreamUrl(target.endpoint.url, `/ai/run/${model}`);
    return isForm ? { method: "POST", url, headers, body: flux2Form(parts) } : jsonCall(url, headers, inputsOf(parts));
  }
  const inputs = isForm ? {} : inputsOf(parts);
  return {
    method: "POST",
    url: model,
    headers,
    ...(isForm ? { body: flux2Form(parts) } : {}),
    binding: { kind: "workers-ai", inputs },
  };
}

function receive(head: ResponseHead, parts: InputParts): Reading {
  if (!isSuccess(head)) return errorReading(head, parts.work, judge);
  const kind = bodyKind(head);
  const reported = reportedOf(parts);
  if (kind === "picture") return { read: "picture", reported };
  if (kind !== "json") return unreadable(kind);
  return {
    read: "embedded",
    select: { paths: [["image"], ["result", "image"]] },
    settle: (document) => {
      if (typeof document !== "object" || document === null) return { ok: false, failure: badResponse("not_json") };
      if (listAt(document, "errors").length > 0) return { ok: false, failure: badResponse("no_picture") };
      return { ok: true, value: reported };
    },
  };
}

function reportedOf(parts: InputParts): Reported {
  const { work, options, size } = parts;
  const costUsd = costOf(work.model, size ?? OWN_SIZE);
  return {
    ...(options.takes.seed ? { seed: work.request.seed } : {}),
    ...(costUsd === undefined ? {} : { costUsd }),
  };
}

function expectedSize(work: Work): Size | undefined {
  if (!drawsAnySize(work)) return undefined;
  const size = fitSize(work.request, work.model.capabilities);
  return size.ok ? size.value : undefined;
}

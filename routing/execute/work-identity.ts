/**
 * When two legs of two requests are the same work: equal text from here. Its hash is the address under which a finished picture is kept.
 *
 * In it are the tenant, so that none ever sees another's, the model with its pin and the catalogue's own parameters, the upscaler where the
 * leg enlarges, and the canonical request. Not in it: the endpoint and the place, which serve the same pin or nothing.
 */

import type { Model } from "../config/snapshot.ts";
import { canonicalJson } from "../config/snapshot-json.ts";
import { canonicalRequest, type PictureHashes } from "../image/canonical.ts";
import type { Leg } from "../plan/plan.ts";
import { bestUpscaler } from "../plan/planner.ts";
import { guidanceOf, modelOf, stepsOf } from "./attempt-work.ts";
import type { ExecuteInput } from "./executed.ts";

/** Raised when the meaning of the text changes: what was kept under the former one is not found any more. */
const SCHEMA = 1;

export interface IdentityAsk extends Pick<ExecuteInput, "snapshot" | "plan" | "request" | "tenant"> {
  readonly leg: Leg;
  /** Of every picture that the request carries. */
  readonly hashes: PictureHashes;
}

/** The text. */
export function workIdentity(ask: IdentityAsk): string {
  const { snapshot, request, tenant, leg, hashes } = ask;
  const model = modelOf(ask, leg.model);
  const steps = stepsOf(ask, model);
  const guidance = guidanceOf(ask, model);
  const upscaler = leg.upscale ? bestUpscaler(snapshot.content.catalog) : undefined;
  const last = upscaler ?? model;
  const { formats } = last.capabilities;
  const settled = {
    ...(steps === undefined ? {} : { steps }),
    ...(guidance === undefined ? {} : { guidance }),
    format: formats.includes(request.format) ? request.format : (formats[0] ?? request.format),
  };
  return canonicalJson({
    schema: SCHEMA,
    tenant,
    model: facts(model),
    ...(upscaler === undefined ? {} : { upscaler: facts(upscaler) }),
    request: canonicalRequest(request, settled, hashes),
  });
}

function facts({ id, pin, dialect, upstreamName, parameters }: Model) {
  return { id, pin, dialect, upstreamName, extra: parameters.extra };
}

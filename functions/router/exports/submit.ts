/**
 * Takes an export: decide, enter it in the tenant's index, keep its reference pictures, make the job, answer 202 (or wait as asked).
 *
 * In that order, so that whatever dies on the way leaves either nothing or a job that goes on by itself. A repeat of the same key comes to
 * the same job wherever the first one stopped. Fails closed: no 202 before the job is written down.
 */

import {
  type Ask,
  checkWebhookUrl,
  type Decided,
  fingerprint,
  type InlinePicture,
  type RequestFailure,
  type Result,
  sha256Hex,
} from "../../../routing/index.ts";
import { indexOf, jobOf } from "../../exports/find-objects.ts";
import type { JobOrder, KeptPicture } from "../../exports/job-order.ts";
import { webhookSecrets } from "../../exports/webhook-secrets.ts";
import { decideOn, seedOf } from "../make-picture.ts";
import { problemResponse } from "../problem.ts";
import type { RequestContext } from "../request-context.ts";
import type { GenerateBody } from "../schemas.ts";
import { randomHex } from "../trace-context.ts";
import { acceptedResponse, settledResponse, slotsOf } from "./answers.ts";
import { parseIdempotencyKey, parsePreferWait } from "./request-headers.ts";

/** What an export has at least from its admission to its end, ms: the policy's deadline where that is a job's, else ten minutes. */
const LEAST_DEADLINE_MS = 10 * 60_000;

/**
 * Predicted time from the last byte drawn to the committed picture, ms, and ms a megapixel more: it is written, read, inflated and copied.
 * Over local R2 on two busy cores 0.5 s for a megapixel and 3 s for four were seen; half of that where nothing else runs.
 */
const STORING = { leastMs: 300, perMegapixelMs: 300 } as const;

/** How long a finished job and its picture are kept, ms (AIP-151: operations about 30 days). */
const KEEP_MS = 30 * 24 * 3_600_000;

/** Most open exports of a tenant where the variable does not say. */
const MAX_OPEN = 100;

/** What the caller may expect before there is room for another export, s. */
const FULL_RETRY_S = 10;

export interface Submission {
  readonly request: Request;
  readonly context: RequestContext;
  readonly ask: Ask;
  /** The checked body, as the caller sent it: what makes two requests the same. */
  readonly body: GenerateBody;
  readonly callbackUrl?: string;
  /** What was decided about the same ask already. */
  readonly decided?: Decided;
}

/** The answer to a submission. */
export async function submitExport(submission: Submission): Promise<Response> {
  const { request, context } = submission;
  const checked = checkSubmission(submission);
  if (!checked.ok) return problemResponse(checked.failure, context);
  const decided = decideJob(submission);
  if (!decided.ok) return problemResponse(decided.failure, context);
  const { env, admitted, startedAtMs } = context;
  const { tenant } = admitted;
  const limit = maxOpen(env.GALLEY_MAX_OPEN_EXPORTS);
  const { classified } = decided.value;
  const admission = await indexOf(env, tenant).admit({
    id: randomHex(32),
    ...(checked.value === undefined ? {} : { key: await fingerprint([tenant, checked.value]) }),
    fingerprint: await fingerprintOf(submission),
    nowMs: startedAtMs,
    maxOpen: limit,
    route: classified.route,
    model: classified.model,
  });
  if (!admission.admitted) {
    return admission.why === "full" ? fullResponse(limit, context) : mismatchResponse(context);
  }
  const { id } = admission;
  const ahead = { jobs: admission.ahead, slots: slotsOf(context.snapshot, classified.model) };
  const job = jobOf(env, id);
  const known = admission.isNew ? undefined : await job.look(tenant);
  if (known === undefined) await job.create(await toOrder(submission, decided.value, id));
  const waitS = parsePreferWait(request.headers.get("prefer"));
  if (waitS === undefined) {
    const record = known ?? (await job.look(tenant));
    return record === undefined ? gone(context) : acceptedResponse(record, context, { ahead });
  }
  const record = await job.settled(tenant, waitS * 1_000);
  if (record === undefined) return gone(context);
  return settledResponse(record, { request, context, waitS });
}

/** A job takes part in experiments where its route is rendered as jobs; one that only became a job belongs to no arm. */
function decideJob({ ask, context, decided: known }: Submission): Result<Decided, RequestFailure> {
  const decided = known === undefined ? decideOn(ask, context) : { ok: true as const, value: known };
  const isApart = decided.ok && decided.value.arms !== undefined && decided.value.plan.policy.mode !== "job";
  return isApart ? decideOn(ask, { ...context, experiments: [] }) : decided;
}

/** The idempotency key, after everything was looked at that can be refused without asking anybody. */
function checkSubmission({
  request,
  context,
  body,
  callbackUrl,
}: Submission): Result<string | undefined, RequestFailure> {
  const { env, admitted, local } = context;
  if (!admitted.scopes.includes("export")) {
    return { ok: false, failure: { code: "forbidden", detail: "This key may not make exports." } };
  }
  if ((body.n ?? 1) > 1) {
    const detail = "An export is one picture. Send one request for each.";
    return { ok: false, failure: { code: "invalid_request", detail, path: "/n" } };
  }
  if (callbackUrl !== undefined) {
    const problem = checkWebhookUrl(callbackUrl, { loopback: local });
    if (problem !== undefined) {
      const detail = `The callback ${problem}; it must be https at a public host.`;
      return { ok: false, failure: { code: "invalid_request", detail, path: "/callback_url" } };
    }
    if (webhookSecrets(env).length === 0) {
      const detail = "Callbacks are off: this router has no secret to sign them with.";
      return { ok: false, failure: { code: "not_configured", detail } };
    }
  }
  return parseIdempotencyKey(request.headers.get("idempotency-key"));
}

/** The body with its pictures' hashes in their place, so that it is the same however they were encoded. */
async function fingerprintOf({ body, ask }: Submission): Promise<string> {
  const hashOf = ({ bytes }: InlinePicture) => sha256Hex(bytes);
  const { image, moreImages, mask } = ask;
  return fingerprint({
    ...body,
    ...(image === undefined ? {} : { image: await hashOf(image) }),
    ...(moreImages === undefined ? {} : { more_images: await Promise.all(moreImages.map(hashOf)) }),
    ...(mask === undefined ? {} : { mask: await hashOf(mask) }),
  });
}

async function toOrder(submission: Submission, decided: Decided, id: string): Promise<JobOrder> {
  const { request, context, ask, callbackUrl } = submission;
  const { admitted, startedAtMs, automation, location, requestId, traceparent, snapshot } = context;
  const { image, moreImages, mask, deadlineMs: _spent, ...kept } = ask;
  const { classified, plan, size, format, deadlineMs, arms } = decided;
  const [keptImage, keptMask, ...keptMore] = await Promise.all([
    image && keep(context, `kept/${id}/image`, image),
    mask && keep(context, `kept/${id}/mask`, mask),
    ...(moreImages ?? []).map((one, at) => keep(context, `kept/${id}/image-${at + 2}`, one)),
  ]);
  const isJob = plan.policy.mode === "job";
  return {
    terms: {
      id,
      tenant: admitted.tenant,
      createdAtMs: startedAtMs,
      deadlineAtMs: startedAtMs + (isJob ? deadlineMs : Math.max(deadlineMs, LEAST_DEADLINE_MS)),
      maxAttempts: plan.policy.maxAttempts,
      acceptSecondBill: plan.policy.acceptSecondBill,
      expectedMs:
        (plan.legs[0]?.minMs ?? 0) + STORING.leastMs + (STORING.perMegapixelMs * size.width * size.height) / 1e6,
    },
    ask: { ...kept, purpose: classified.purpose, preferredFormat: format },
    ...(keptImage === undefined ? {} : { image: keptImage }),
    ...(keptMore.length === 0 ? {} : { moreImages: keptMore }),
    ...(keptMask === undefined ? {} : { mask: keptMask }),
    seed: seedOf(decided, 0),
    width: ask.width ?? ask.height ?? size.width,
    height: ask.height ?? ask.width ?? size.height,
    automation,
    location,
    requestId,
    traceparent,
    route: classified.route,
    reason: classified.reason,
    model: classified.model,
    policy: classified.policy,
    config: snapshot.version,
    ...(arms === undefined ? {} : { arms }),
    origin: new URL(request.url).origin,
    ...(callbackUrl === undefined ? {} : { callbackUrl }),
    keepMs: KEEP_MS,
  };
}

async function keep({ env }: RequestContext, key: string, { bytes, format }: InlinePicture): Promise<KeptPicture> {
  await env.IMAGES.put(key, bytes);
  return { key, format };
}

function maxOpen(variable: string | undefined): number {
  const asked = Number(variable ?? Number.NaN);
  return Number.isInteger(asked) && asked > 0 ? asked : MAX_OPEN;
}

/** RateLimit headers: IETF draft 11, a quota of concurrent requests. */
function fullResponse(limit: number, context: RequestContext): Response {
  const failure: RequestFailure = {
    code: "rate_limited",
    detail: `At most ${limit} exports may be open at a time. Wait for some to end, or cancel them.`,
    retryAfterMs: FULL_RETRY_S * 1_000,
  };
  return problemResponse(failure, context, {
    "ratelimit-policy": `"exports";q=${limit};qu="concurrent-requests"`,
    ratelimit: `"exports";r=0;t=${FULL_RETRY_S}`,
  });
}

function mismatchResponse(context: RequestContext): Response {
  const detail = "This Idempotency-Key was used for a request with another body. Use a new key.";
  return problemResponse({ code: "idempotency_mismatch", detail }, context);
}

function gone(context: RequestContext): Response {
  return problemResponse({ code: "internal", detail: "The export could not be read back. Send it again." }, context);
}

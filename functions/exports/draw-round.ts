/**
 * A round that draws: plan under the configuration in force now, render through the router's own attempt loop, take the picture in.
 */
import {
  type Ask,
  attemptsLeft,
  type Decided,
  decideNextStep,
  dialectOf,
  isDear,
  type Leg,
  type Plan,
  type RequestFailure,
  type Result,
  type Snapshot,
  sizeToDraw,
  upscalerLeg,
} from "../../routing/index.ts";
import { deciderOf, toImageRequest } from "../router/decider.ts";
import { callUpstreams } from "./call-upstreams.ts";
import type { Round, RoundResult } from "./job-host.ts";
import { isDearBill, ledgerOf, noPicture } from "./round-facts.ts";
import type { RoundPorts } from "./run-round.ts";
import { enlargingBy, takePicture } from "./take-picture.ts";

/** Runs it. */
export async function drawRound(round: Round, by: RoundPorts, leftMs: number): Promise<RoundResult> {
  const { order } = round;
  const startedAtMs = by.nowMs();
  const ask = await toAsk(round, by, leftMs);
  const decided = decide(round, by, ask);
  if (!decided.ok) return noPicture(decided.failure);
  const { plan, deadlineMs } = decided.value;
  const result = await callUpstreams(round, by, {
    plan,
    // A size that covers the asked one.
    request: toImageRequest(ask, {
      ...{ seed: order.seed, format: decided.value.format },
      ...drawnSize(order, decided.value, by),
    }),
    startedAtMs,
    deadlineAtMs: startedAtMs + Math.min(leftMs, deadlineMs),
  });
  const ledger = ledgerOf(result, round, startedAtMs);
  if (!result.ok) return noPicture(result.failure, { ledger, dear: isDearBill(result, round, by.snapshot) });
  const { leg, picture, degraded } = result;
  const model = by.snapshot.content.catalog.models[leg.model];
  return takePicture(picture, {
    ...{ round, by, ledger, finished: result.finished, isFromUpstream: true },
    dear: isDear(model, order.width * order.height),
    known: {
      seed: order.seed,
      model: leg.model,
      pin: result.pin === "verified" ? (model?.pin ?? "unverified") : "unverified",
      endpoint: result.endpoint,
      place: leg.place,
      config: by.snapshot.version,
      ...(degraded === undefined ? {} : { degraded: `${degraded.what}; reason=${degraded.reason}` }),
      warnings: result.warnings,
      isSmall: leg.upscale,
      isEnlarged: false,
    },
  });
}

async function toAsk({ order }: Round, by: RoundPorts, leftMs: number): Promise<Ask> {
  const [[image, mask], moreImages] = await Promise.all([
    Promise.all([order.image, order.mask].map((kept) => kept && by.load(kept))),
    order.moreImages && Promise.all(order.moreImages.map((kept) => by.load(kept))),
  ]);
  // No model is passed over for its format: the picture is brought to the asked one afterwards.
  const { format, ...ask } = order.ask;
  return {
    ...ask,
    preferredFormat: format ?? ask.preferredFormat,
    deadlineMs: leftMs,
    ...(image === undefined ? {} : { image }),
    ...(moreImages === undefined ? {} : { moreImages }),
    ...(mask === undefined ? {} : { mask }),
  };
}

/** By the first leg's model: the others round by themselves, and are brought to size like every picture. */
function drawnSize(
  { width, height }: Round["order"],
  { plan }: Decided,
  { snapshot: { content } }: RoundPorts,
): { readonly width: number; readonly height: number } {
  const [leg] = plan.legs;
  const model = leg && content.catalog.models[leg.model];
  if (model === undefined) return { width, height };
  const upscaler = leg?.upscale ? upscalerLeg(content.catalog, [leg.place])?.upscaler : undefined;
  const factor = upscaler?.capabilities.upscaleFactor ?? 1;
  const { sizeMultiple, maxPixels } = model.capabilities;
  return sizeToDraw({ width, height }, { sizeMultiple: sizeMultiple * factor, maxPixels: maxPixels * factor ** 2 });
}

/** The plan for what is left of the job's attempts; without dear models where one may be billed already. */
function decide({ order, job }: Round, { snapshot, arms }: RoundPorts, ask: Ask): Result<Decided, RequestFailure> {
  const { automation, location } = order;
  const { tenant } = order.terms;
  const decided = deciderOf(snapshot)({ ask, tenant, automation, location, ...(arms === undefined ? {} : { arms }) });
  if (!decided.ok) return decided;
  const { plan } = decided.value;
  const { models } = snapshot.content.catalog;
  const pixels = order.width * order.height;
  const isSpared = job.dearBill && !job.terms.acceptSecondBill;
  const fitting = fittingLegs(order, plan, snapshot);
  if (!fitting.ok) return fitting;
  const legs = isSpared ? fitting.value.filter(({ model }) => !isDear(models[model], pixels)) : fitting.value;
  if (legs.length === 0) {
    const detail = "A picture may have been billed that never came, and the policy accepts no second bill.";
    return { ok: false, failure: { code: "upstream_failed", detail } };
  }
  const maxAttempts = Math.max(1, Math.min(plan.policy.maxAttempts, attemptsLeft(job)));
  return { ok: true, value: { ...decided.value, plan: { ...plan, legs, policy: { ...plan.policy, maxAttempts } } } };
}

/** The legs whose model, as far as anybody can tell, draws what can become the asked size: nobody pays for a picture that cannot. */
function fittingLegs(
  { width, height }: Round["order"],
  { legs }: Plan,
  { content }: Snapshot,
): Result<readonly Leg[], RequestFailure> {
  const { models, endpoints } = content.catalog;
  let refusal: RequestFailure | undefined;
  const fitting = legs.filter((leg) => {
    const [model, endpoint] = [models[leg.model], endpoints[leg.candidates[0] ?? ""]];
    const usualSize = endpoint && dialectOf(endpoint.dialect).usualSize;
    if (model === undefined || usualSize === undefined) return true;
    const next = decideNextStep({
      have: { ...usualSize(model, { width, height }), format: "png" },
      want: { width, height },
      ...(leg.upscale ? enlargingBy(content.catalog, leg.place) : {}),
    });
    if (next.step === "refuse") refusal ??= next.failure;
    return next.step !== "refuse";
  });
  return fitting.length > 0 || refusal === undefined ? { ok: true, value: fitting } : { ok: false, failure: refusal };
}

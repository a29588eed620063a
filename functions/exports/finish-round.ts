/**
 * A round that goes on from a picture which was drawn before: enlarged by an upscaler, or brought to its size by the codec, or only stored.
 *
 * One of the three a round; what it makes is kept before the next begins. Draws nothing: where the picture is gone, the next round does.
 */
import {
  attemptsLeft,
  createRegions,
  cropPng,
  type DrawnPicture,
  type NextStep,
  type Plan,
  type Shape,
  TIERS,
  upscalerLeg,
} from "../../routing/index.ts";
import { callUpstreams } from "./call-upstreams.ts";
import { CodecFailed, MAX_CODEC_SIDE_PX } from "./codec.ts";
import type { Round, RoundResult } from "./job-host.ts";
import { isDearBill, ledgerOf, NOBODY_ASKED, noPicture } from "./round-facts.ts";
import type { RoundPorts } from "./run-round.ts";
import type { Received } from "./store-picture.ts";
import { type Coming, nextStep, storePicture, takePicture, unstored } from "./take-picture.ts";

/** How often the codec is asked before its word counts: it may be its own trouble. */
const CODEC_TRIES = 2;

type Shaping = Extract<NextStep, { step: "shape" }>;

interface Finishing {
  readonly drawn: DrawnPicture;
  readonly leftMs: number;
}

/** Runs it. */
export async function finishRound(round: Round, by: RoundPorts, { drawn, leftMs }: Finishing): Promise<RoundResult> {
  // The drawn picture was paid for, whatever becomes of it.
  const coming: Coming = { round, by, known: drawn, ledger: NOBODY_ASKED, dear: true };
  let received: Received | undefined;
  try {
    received = await by.pictures.reopen(drawn, round.order.terms.id);
  } catch (error: unknown) {
    return unstored(error, { ledger: NOBODY_ASKED, dear: false });
  }
  if (received === undefined) return lost("The picture that was drawn is not in the store any more.");
  const next = nextStep(shapeOf(drawn), coming);
  switch (next.step) {
    case "store":
      return storePicture(received, shapeOf(drawn), { ...coming, dear: false });
    case "refuse":
      return noPicture(next.failure);
    case "shape":
      return shape(received, next, coming);
    case "upscale":
      return upscale(received, coming, { drawn, leftMs });
  }
}

/** The next round draws, where the policy accepts a second bill or the model is not dear. */
function lost(detail: string): RoundResult {
  return noPicture({ code: "internal", detail }, { dear: true, drawnIsGone: true });
}

async function shape(received: Received, next: Shaping, coming: Coming): Promise<RoundResult> {
  const { round, known } = coming;
  const { to, fit } = next;
  const size = `${to.width}x${to.height}`;
  round.note({ state: "storing" });
  for (let time = 1; ; time += 1) {
    try {
      const body = await shaped(received, next, coming);
      if (body === undefined) {
        const detail = `The model does not draw ${size}, and nothing here brings pictures to that (binding CODEC, ${MAX_CODEC_SIDE_PX} px a side).`;
        return noPicture({ code: "not_configured", detail });
      }
      const warnings = [...known.warnings, `${fit.how === "cut" ? "cut" : "scaled and cut"} to ${size}`];
      return await takePicture({ ...to, body }, { ...coming, known: { ...known, warnings }, dear: false });
    } catch (error: unknown) {
      if (!(error instanceof CodecFailed)) return unstored(error, { ledger: NOBODY_ASKED, dear: false });
      if (time < CODEC_TRIES) continue;
      if (error.damaged) return lost("The picture that was drawn does not decode.");
      return noPicture({ code: "internal", detail: error.message });
    }
  }
}

/** Where nothing is scaled a PNG's rows are cut here; all else is the codec's. `undefined`: nothing can do it. */
async function shaped(received: Received, { to, fit }: Shaping, { by }: Coming) {
  if (fit.how === "cut" && to.format === "png") {
    const body = await cropPng(await received.read(), fit.box);
    if (body !== undefined) return body;
  }
  if (by.codec === undefined || Math.max(to.width, to.height) > MAX_CODEC_SIDE_PX) return undefined;
  return by.codec.cover(await received.read(), to);
}

const shapeOf = ({ format, width, height }: Shape): Shape => ({ format, width, height });

async function upscale(received: Received, coming: Coming, { drawn, leftMs }: Finishing): Promise<RoundResult> {
  const { round, by } = coming;
  const startedAtMs = by.nowMs();
  const called = planOf(round, by, { drawn, leftMs });
  if (called === undefined) {
    return noPicture({ code: "not_configured", detail: "No endpoint enlarges pictures any more." });
  }
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = await received.readWhole();
  } catch (error: unknown) {
    return unstored(error, { ledger: NOBODY_ASKED, dear: false });
  }
  const { ask, seed } = round.order;
  const result = await callUpstreams(round, by, {
    plan: called.plan,
    request: {
      ...{ prompt: ask.prompt, text: ask.text, seed, format: drawn.format },
      ...{ width: drawn.width * called.factor, height: drawn.height * called.factor },
      image: { bytes, format: drawn.format },
    },
    deadlineAtMs: startedAtMs + leftMs,
    startedAtMs,
  });
  const ledger = ledgerOf(result, round, startedAtMs);
  if (!result.ok) return noPicture(result.failure, { ledger, dear: isDearBill(result, round, by.snapshot) });
  return takePicture(result.picture, {
    ...coming,
    ...{ ledger, finished: result.finished, isFromUpstream: true },
    known: { ...drawn, isEnlarged: true, warnings: [...drawn.warnings, ...result.warnings] },
    dear: false,
  });
}

/** The upscaler nearest to what drew, twice, under the job's policy. */
function planOf(
  { order, job }: Round,
  { snapshot }: RoundPorts,
  { drawn, leftMs }: Finishing,
): { readonly plan: Plan; readonly factor: number } | undefined {
  const { catalog, routing } = snapshot.content;
  const found = upscalerLeg(catalog, [drawn.place]);
  if (found === undefined) return undefined;
  const { hedge: _never, ...policy } = routing.policies[order.policy] ?? TIERS["quality-render"];
  const leg = { ...found.leg, capMs: Math.min(leftMs, policy.attemptTimeoutMs ?? leftMs) };
  return {
    plan: {
      homeRegion: createRegions(snapshot).home(order.location).region,
      policy: { ...policy, overlap: false, maxAttempts: Math.max(1, Math.min(policy.maxAttempts, attemptsLeft(job))) },
      legs: [
        { kind: "primary", ...leg },
        { kind: "same-model", ...leg },
      ],
    },
    factor: found.upscaler.capabilities.upscaleFactor ?? 1,
  };
}

/**
 * Legs that draw small and enlarge: a second call, to an upscaler, with the picture of the first.
 *
 * The upscaler and its factor are the planner's choice (it planned the leg's time by them). Where none stands anywhere, the leg draws
 * at the asked size, as the planner assumed too. The small picture is verified like any other before it is enlarged.
 */
import type { Catalog, Model, PlaceId } from "../config/snapshot.ts";
import type { ImageRequest, InlinePicture } from "../image/request.ts";
import { upscaleFactor } from "../plan/leg-times.ts";
import type { Leg } from "../plan/plan.ts";
import { bestUpscaler } from "../plan/planner.ts";
import type { AttemptAsk, Served } from "./attempt.ts";
import type { ExecuteInput } from "./executed.ts";

/** Most bytes of a picture that is enlarged: it has to be held whole to be sent on. A 2-megapixel PNG is at most 8 MB. */
export const MAX_SMALL_BYTES = 16 * 1024 * 1024;

export interface Upscaling {
  readonly upscaler: Model;
  /** What to ask the first model for. */
  readonly small: ImageRequest;
  /** Where the second call goes. */
  readonly leg: Leg;
  /** Of the leg's window, what is kept for the second call, ms; at most half of it is. */
  readonly keptMs: number;
}

/** The upscaler of a catalogue and the leg that calls it, at the first of some places that has it; `undefined` where none stands. */
export function upscalerLeg(
  catalog: Catalog,
  near: readonly PlaceId[],
): { readonly upscaler: Model; readonly leg: Omit<Leg, "kind"> } | undefined {
  const upscaler = bestUpscaler(catalog);
  if (upscaler === undefined) return undefined;
  const endpoints = Object.values(catalog.endpoints).filter((endpoint) => endpoint.model === upscaler.id);
  const places = [...near, ...endpoints.map((endpoint) => endpoint.place)];
  const place = places.find((id) => endpoints.some((endpoint) => endpoint.place === id));
  if (place === undefined) return undefined;
  const { p50Ms, p95Ms } = upscaler.expected;
  const candidates = endpoints.filter((endpoint) => endpoint.place === place).map((endpoint) => endpoint.id);
  return { upscaler, leg: { model: upscaler.id, place, candidates, minMs: p50Ms, capMs: p95Ms, upscale: false } };
}

/** How a leg is to be enlarged; `undefined` for one that is not. */
function upscalingOf(input: ExecuteInput, leg: Leg): Upscaling | undefined {
  const { catalog } = input.snapshot.content;
  const found = leg.upscale ? upscalerLeg(catalog, [leg.place, input.plan.homeRegion]) : undefined;
  if (found === undefined) return undefined;
  const { upscaler } = found;
  const factor = upscaleFactor(upscaler);
  return {
    upscaler,
    small: {
      ...input.request,
      width: Math.ceil(input.request.width / factor),
      height: Math.ceil(input.request.height / factor),
    },
    leg: { kind: leg.kind, ...found.leg },
    keptMs: upscaler.expected.p95Ms,
  };
}

/** A leg that draws small: how it goes on, and the small picture once it is there. */
export interface Stage {
  readonly upscaling: Upscaling;
  /** What the whole leg was asked. */
  readonly ask: AttemptAsk;
  readonly small?: Served;
}

/** What the leg's first call is asked; with `upscaling`, another call follows, for which part of the window is kept. */
export function openingOf(
  input: ExecuteInput,
  ask: AttemptAsk,
  nowMs: number,
): { readonly opening: AttemptAsk; readonly upscaling?: Upscaling } {
  const upscaling = upscalingOf(input, ask.leg);
  if (upscaling === undefined) return { opening: ask };
  const endsAtMs = ask.endsAtMs - Math.min(upscaling.keptMs, (ask.endsAtMs - nowMs) / 2);
  return { opening: { ...ask, request: upscaling.small, headBytes: MAX_SMALL_BYTES, endsAtMs }, upscaling };
}

/** What the second call is asked. */
export function enlargingAsk(
  { ask, upscaling }: Stage,
  to: { readonly request: ImageRequest; readonly small: InlinePicture; readonly number: number },
): AttemptAsk {
  return {
    ...ask,
    leg: upscaling.leg,
    kind: ask.kind === "first" ? "first" : "fallback",
    avoid: [],
    number: to.number,
    request: enlarge(to.request, to.small),
  };
}

/** The second call's request. */
function enlarge(request: ImageRequest, picture: InlinePicture): ImageRequest {
  const { mask: _drawnAlready, ...rest } = request;
  return { ...rest, image: picture };
}

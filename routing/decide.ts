/**
 * Everything that is decided about a request before an upstream is called: what it is for, where home is, which legs it may take.
 *
 * Pure. One decider a snapshot, because its look-up tables are built once; a decision then costs the same whatever the size of the
 * configuration.
 */

import { createClassifier } from "./classify/classifier.ts";
import type { Classified, RequestFeatures } from "./classify/classify.ts";
import { findQuotedText } from "./classify/quoted-text.ts";
import { findModel } from "./config/names.ts";
import type { Catalog, Model, ModelId, PlaceId, Snapshot } from "./config/snapshot.ts";
import { derivedSeed } from "./derived-seed.ts";
import type { RequestFailure, Result } from "./failure/index.ts";
import type { ImageRequest, PictureFormat } from "./image/request.ts";
import type { Size } from "./image/size.ts";
import type { AskedPicture } from "./plan/capability.ts";
import { requestDeadlineMs } from "./plan/deadline.ts";
import { type MeasuredTimes, upscaleFactor } from "./plan/leg-times.ts";
import type { Plan } from "./plan/plan.ts";
import { bestUpscaler, createPlanner } from "./plan/planner.ts";
import { defaultSize, fitSize } from "./plan/size.ts";
import type { ClientLocation } from "./region/client-location.ts";
import { createRegions } from "./region/regions.ts";
import { chooseRouteArms, type RouteArms, type RouteArmsAsk } from "./rollout/route-arms.ts";

/** What the caller asks for, after its body was checked. Absent fields take the model's and the policy's own. */
export interface Ask extends Omit<ImageRequest, "width" | "height" | "seed" | "format"> {
  /** Only when the caller insists; a model that cannot make it does not serve. */
  readonly format?: PictureFormat;
  /** What the caller would like best, where the model makes it. */
  readonly preferredFormat: PictureFormat;
  /** px. One alone means a square. */
  readonly width?: number;
  readonly height?: number;
  readonly seed?: number;
  readonly purpose?: string;
  /** A model's name, id or alias, as the caller wrote it. */
  readonly model?: string;
  readonly exportFlag: boolean;
  /** Draw small and enlarge to the asked size, whatever leg serves. */
  readonly upscale?: boolean;
  readonly session?: string;
  readonly layer?: string;
  /** Most time the caller gives it, ms. */
  readonly deadlineMs?: number;
}

export interface DecideInput {
  readonly ask: Ask;
  readonly tenant: string;
  readonly automation: boolean;
  readonly location: ClientLocation;
  /** Service times that were measured, where there are enough samples; the catalogue's guess holds elsewhere. */
  readonly measured?: MeasuredTimes;
  /** Experiments that run, and whom the request belongs to. A caller who names a model takes part in none. */
  readonly arms?: RouteArmsAsk;
}

export interface Decided {
  readonly classified: Classified;
  readonly home: PlaceId;
  readonly plan: Plan;
  /** What will be asked of the model, px. */
  readonly size: Size;
  readonly format: PictureFormat;
  /** Asked, or derived where the policy says so; absent: each request draws a fresh one, and no two are the same work. */
  readonly seed?: number;
  /** From admission, ms. */
  readonly deadlineMs: number;
  /** Absent where no experiment runs on the route. */
  readonly arms?: RouteArms;
}

export type Decider = (input: DecideInput) => Result<Decided, RequestFailure>;

/** Builds the decider of one snapshot. */
export function createDecider(snapshot: Snapshot): Decider {
  const { catalog } = snapshot.content;
  const classify = createClassifier(snapshot);
  const regions = createRegions(snapshot);
  const plan = createPlanner(snapshot, regions);
  /** What follows once the model is known. */
  const decideWith = (
    classified: Classified,
    { ask, location, measured }: DecideInput,
  ): Result<Decided, RequestFailure> => {
    const drawn = catalog.models[classified.model];
    if (drawn === undefined) throw new Error(`The snapshot has no model ${classified.model}`);
    const enlarged = ask.upscale === true ? enlargedModel(drawn, catalog) : { ok: true as const, value: drawn };
    if (!enlarged.ok) return enlarged;
    const asked = askedSize(ask);
    const size: Result<Size, RequestFailure> =
      asked === undefined
        ? { ok: true, value: defaultSize(enlarged.value, classified.purpose) }
        : fitSize(enlarged.value, asked);
    if (!size.ok) return size;
    const { region: home } = regions.home(location);
    const planned = plan({
      classified,
      home,
      picture: toPicture(ask, size.value),
      ...(ask.upscale === undefined ? {} : { upscale: ask.upscale }),
      ...(ask.deadlineMs === undefined ? {} : { deadlineMs: ask.deadlineMs }),
      ...(measured === undefined ? {} : { measured }),
    });
    if (!planned.ok) return planned;
    const { policy } = planned.value;
    const deadline = requestDeadlineMs(policy, ask.deadlineMs);
    if (!deadline.ok) return deadline;
    const seed = ask.seed ?? (policy.seed === "derived" ? derivedSeed({ ...ask, ...size.value }) : undefined);
    return {
      ok: true,
      value: {
        classified,
        home,
        plan: planned.value,
        size: size.value,
        format: ask.format ?? likedFormat(drawn, ask.preferredFormat),
        ...(seed === undefined ? {} : { seed }),
        deadlineMs: deadline.value,
      },
    };
  };
  return (input) => {
    const { ask, tenant, automation, location } = input;
    const model = askedModel(snapshot, ask.model);
    if (!model.ok) return model;
    const classified = classify(toFeatures({ ask, model: model.value, tenant, automation, location }));
    if (!classified.ok) return classified;
    const arms =
      input.arms === undefined || model.value !== undefined
        ? undefined
        : chooseRouteArms(input.arms, classified.value.route, snapshot.content);
    if (arms === undefined) return decideWith(classified.value, input);
    const inArm = arms.candidate === undefined ? classified.value : { ...classified.value, model: arms.candidate };
    const decided = decideWith(inArm, input);
    // What the candidate cannot draw the route's own model does; the arm stays as it was drawn.
    const saved = decided.ok || arms.candidate === undefined ? decided : decideWith(classified.value, input);
    return saved.ok ? { ok: true, value: { ...saved.value, arms } } : saved;
  };
}

/** What of a request decides its route, for recordings; the failure is `model_unknown`. */
export function featuresOf(snapshot: Snapshot, input: DecideInput): Result<RequestFeatures, RequestFailure> {
  const model = askedModel(snapshot, input.ask.model);
  return model.ok ? { ok: true, value: toFeatures({ ...input, model: model.value }) } : model;
}

function askedModel(snapshot: Snapshot, name: string | undefined): Result<ModelId | undefined, RequestFailure> {
  if (name === undefined) return { ok: true, value: undefined };
  const model = findModel(snapshot.content.catalog, name);
  if (model !== undefined) return { ok: true, value: model.id };
  const detail = "The catalogue has no model of this name; GET /v1/status lists them.";
  return { ok: false, failure: { code: "model_unknown", path: "/model", detail } };
}

/** What the model can do with an upscaler behind it: larger pictures, in larger steps. */
function enlargedModel(model: Model, catalog: Catalog): Result<Model, RequestFailure> {
  const factor = upscaleFactor(bestUpscaler(catalog));
  if (factor === 1) {
    const detail = "No upscaler stands anywhere; leave `upscale` out.";
    return { ok: false, failure: { code: "invalid_request", path: "/upscale", detail } };
  }
  const { sizeMultiple, maxPixels } = model.capabilities;
  const capabilities = {
    ...model.capabilities,
    sizeMultiple: sizeMultiple * factor,
    maxPixels: maxPixels * factor ** 2,
  };
  return { ok: true, value: { ...model, capabilities } };
}

/** The format that the caller likes best where the model makes it, else the model's first. */
function likedFormat({ capabilities: { formats } }: Model, liked: PictureFormat): PictureFormat {
  return formats.includes(liked) ? liked : (formats[0] ?? liked);
}

function toPicture(ask: Ask, size: Size): AskedPicture {
  return {
    ...size,
    hasImage: ask.image !== undefined,
    hasMask: ask.mask !== undefined,
    ...(ask.moreImages === undefined ? {} : { moreImages: ask.moreImages.length }),
    ...(ask.steps === undefined ? {} : { steps: ask.steps }),
    ...(ask.format === undefined ? {} : { format: ask.format }),
  };
}

/** Both sides, where at least one was asked. */
function askedSize({ width, height }: Ask): Size | undefined {
  const [side, other] = [width ?? height, height ?? width];
  return side === undefined || other === undefined ? undefined : { width: side, height: other };
}

function toFeatures({
  ask,
  model,
  tenant,
  automation,
  location,
}: DecideInput & { model: ModelId | undefined }): RequestFeatures {
  const asked = askedSize(ask);
  return {
    width: asked?.width ?? 0,
    height: asked?.height ?? 0,
    hasOverlays: ask.text.length > 0,
    hasQuotedText: findQuotedText(ask.prompt).length > 0,
    hasImage: ask.image !== undefined,
    hasMask: ask.mask !== undefined,
    automation,
    exportFlag: ask.exportFlag,
    tenant,
    ...(ask.purpose === undefined ? {} : { purpose: ask.purpose }),
    ...(model === undefined ? {} : { model }),
    ...(location.country === undefined ? {} : { country: location.country }),
  };
}

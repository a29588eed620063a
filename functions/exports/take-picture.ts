/**
 * A picture that comes in, from an upstream or from the codec: taken into the store, looked at, and kept as finished or unfinished.
 *
 * What was paid for is not thrown away while it is good: where it cannot be put in its place now, it stays unfinished in the store, and the
 * next round goes on from it.
 */
import {
  type Catalog,
  type DrawnPicture,
  decideNextStep,
  dialectOf,
  type Enlarging,
  type Finished,
  type NextStep,
  type Picture,
  type PictureDefect,
  type PlaceId,
  type RequestFailure,
  requestFailure,
  type Shape,
  SourceBroke,
  traitsOf,
  upscalerLeg,
  verifyPicture,
} from "../../routing/index.ts";
import type { Round, RoundResult } from "./job-host.ts";
import { lookAtPixels } from "./look-at-pixels.ts";
import { noPicture, type RoundLedger, withoutPicture } from "./round-facts.ts";
import type { RoundPorts } from "./run-round.ts";
import { PictureUnstorable, type Received } from "./store-picture.ts";

/** Before the store is asked again for a picture that lies in it unfinished, ms. */
const STORE_AGAIN_MS = 5_000;

/** All that is known of a picture but its bytes. */
export type Known = Omit<DrawnPicture, "key" | "sha256" | "bytes" | keyof Shape>;

export interface Coming {
  readonly round: Round;
  readonly by: RoundPorts;
  readonly known: Known;
  readonly ledger: RoundLedger;
  readonly isFromUpstream?: boolean;
  /** Of a picture that comes from an upstream: its last word on the cost, on the pin, and on whether the picture is to be had at all. */
  readonly finished?: Promise<Finished>;
  /** Its loss may not be followed by another of its price. */
  readonly dear: boolean;
}

/** Takes it in. The next round does what is still to be done to it. */
export async function takePicture(
  picture: Pick<Picture, "format" | "width" | "height" | "body" | "bytes">,
  arriving: Coming,
): Promise<RoundResult> {
  const { round, by, finished, isFromUpstream = false } = arriving;
  const { order, job, note, signal } = round;
  let coming = arriving;
  const shape: Shape = { format: picture.format, width: picture.width, height: picture.height };
  const next = nextStep(shape, coming);
  let received: Received;
  let defect: PictureDefect | undefined;
  try {
    received = await by.pictures.receive(picture, { jobId: order.terms.id, name: String(job.fence), signal });
    if (finished !== undefined) {
      const { costUsd, failure, verified } = await finished;
      coming = { ...coming, ledger: { ...coming.ledger, costUsd } };
      if (failure !== undefined) {
        await received.drop();
        const ledger = withoutPicture(coming.ledger, failure.reason);
        return noPicture(requestFailure([failure]), { ledger, dear: coming.dear && traitsOf(failure).maybeBilled });
      }
      if (verified && !coming.known.isEnlarged) coming = { ...coming, known: { ...coming.known, pin: pinOf(coming) } };
    }
    note({ state: "verifying" });
    defect = await verify(received, shape);
    // What the codec shapes it decodes, and what comes from it has been; a PNG was inflated to its last row.
    if (defect === undefined && next.step !== "shape" && shape.format !== "png" && isFromUpstream)
      defect = await lookAtPixels(() => received.read(), by.codec);
  } catch (error: unknown) {
    return unstored(error, coming);
  }
  const { ledger, dear } = coming;
  if (defect !== undefined) {
    await received.drop();
    const detail = "The picture that came was damaged.";
    const failure: RequestFailure = { code: "upstream_failed", detail, cause: { reason: "bad_picture", defect } };
    return noPicture(failure, { ledger: withoutPicture(ledger, "bad_picture"), dear });
  }
  if (next.step === "refuse") {
    await received.drop();
    const failure = foreseen(coming) ? odd(next.failure) : next.failure;
    return noPicture(failure, { ledger: withoutPicture(ledger, "bad_picture"), dear });
  }
  return next.step === "store" ? storePicture(received, shape, coming) : keepUnfinished(received, shape, coming);
}

/** Of the model that drew it. */
function pinOf({ by, known }: Coming): string {
  return by.snapshot.content.catalog.models[known.model]?.pin ?? known.pin;
}

/** How often a picture is read anew whose reading broke off. */
const READ_TRIES = 3;

/** A store that breaks off in the middle spoils no picture. Rejects with `PictureUnstorable`. */
async function verify(received: Received, shape: Shape): Promise<PictureDefect | undefined> {
  for (let time = 1; time <= READ_TRIES; time += 1) {
    try {
      return await verifyPicture(await received.read(), shape);
    } catch (error: unknown) {
      if (!(error instanceof SourceBroke)) throw error;
    }
  }
  throw new PictureUnstorable("internal", "The store for finished pictures breaks off.");
}

/** Was it seen beforehand that what this model draws can become the asked size? Then what came is the model's fault. */
function foreseen({ by, known }: Coming): boolean {
  const endpoint = by.snapshot.content.catalog.endpoints[known.endpoint];
  return endpoint !== undefined && dialectOf(endpoint.dialect).usualSize !== undefined;
}

/** The next time it may draw what it usually does. */
function odd({ detail }: RequestFailure): RequestFailure {
  return { code: "upstream_failed", detail, cause: { reason: "bad_picture", defect: "wrong_dimensions" } };
}

/** What is to be done with a picture of this job. */
export function nextStep(
  have: Shape,
  { round: { order }, by, known }: Pick<Coming, "round" | "by" | "known">,
): NextStep {
  const { format } = order.ask;
  const want = { width: order.width, height: order.height, ...(format === undefined ? {} : { format }) };
  const mayEnlarge = known.isSmall && !known.isEnlarged;
  return decideNextStep({ have, want, ...(mayEnlarge ? enlargingBy(by.snapshot.content.catalog, known.place) : {}) });
}

/** What the catalogue's upscaler makes of a picture that was drawn in `place`; empty where there is none. */
export function enlargingBy(catalog: Catalog, place: PlaceId): { readonly enlarging?: Enlarging } {
  const found = upscalerLeg(catalog, [place]);
  if (found === undefined) return {};
  const { maxPixels, upscaleFactor = 1 } = found.upscaler.capabilities;
  return { enlarging: { factor: upscaleFactor, maxPixels } };
}

/** Puts a picture that is what was asked for in its place. */
export async function storePicture(received: Received, shape: Shape, coming: Coming): Promise<RoundResult> {
  const { round, known, ledger } = coming;
  const { isSmall: _small, isEnlarged: _enlarged, ...facts } = known;
  round.note({ state: "storing" });
  try {
    return { ...ledger, ok: true, picture: { ...facts, ...shape, ...(await received.keep()) } };
  } catch (error: unknown) {
    // The next round tries again; one that goes on from it already is tried again by its own backoff.
    if (!(error instanceof PictureUnstorable) || round.job.drawn !== undefined) return unstored(error, coming);
    return keepUnfinished(received, shape, coming, STORE_AGAIN_MS);
  }
}

async function keepUnfinished(received: Received, shape: Shape, coming: Coming, waitMs = 0): Promise<RoundResult> {
  const { by, known, ledger } = coming;
  try {
    const drawn = { ...known, ...shape, ...(await received.keepUnfinished()) };
    return { ...ledger, ok: true, drawn, notBeforeMs: by.nowMs() + waitMs };
  } catch (error: unknown) {
    return unstored(error, coming);
  }
}

/** The store's own failure is the round's; anything else is a bug. */
export function unstored(error: unknown, { ledger, dear }: Pick<Coming, "ledger" | "dear">): RoundResult {
  if (!(error instanceof PictureUnstorable)) throw error;
  const failure: RequestFailure = { code: error.code, detail: error.message };
  return noPicture(failure, { ledger: withoutPicture(ledger, "not_stored"), dear });
}

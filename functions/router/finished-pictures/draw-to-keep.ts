/**
 * Draws a picture that others may have too: one that is held whole is theirs at once and kept, one that streams is kept while it is sent.
 *
 * A stream cannot cross from one request to another; where others wait for it, it is read whole first, within a bound. Kept is only what came
 * whole and verified, under the pin that served. Fails open: what cannot be shared or kept is still its own client's.
 */
import {
  type ExecuteResult,
  type Picture,
  REQUEST_FAILURES,
  type RequestFailure,
  wholePicture,
} from "../../../routing/index.ts";
import { platformClock } from "../adapters/clock.ts";
import type { EqualEnding } from "../joining/equal-work.ts";
import type { Drawing, Drawn } from "../make-picture.ts";
import { copyWhileSending } from "./copy-while-sending.ts";
import type { KeptFacts } from "./kept-facts.ts";
import { keepPicture, MAX_KEPT_BYTES, type ShelfPorts, shelfPlace } from "./picture-shelf.ts";
import { uploadInParts, uploadOfLength } from "./upload.ts";
import { readForOthers } from "./whole-for-others.ts";
import type { WorkKeys } from "./work-key.ts";

/** Draws it, whatever there is already. */
export type Draw = (drawing: Drawing) => Promise<Drawn>;

export interface Work {
  readonly drawing: Drawing;
  readonly draw: Draw;
  readonly keys: WorkKeys;
}

type Success = Extract<ExecuteResult, { ok: true }>;
type Keeping = Pick<Work, "drawing" | "keys">;

/** The shelves as one request reaches them. */
export function shelfPorts({ context }: Drawing): ShelfPorts {
  return { bucket: context.env.IMAGES, clock: platformClock, background: context.background };
}

/** Draws. `signal` calls it off; `others` counts who waits besides the request that it is drawn in. */
export async function drawToKeep(
  { drawing, draw, keys }: Work,
  signal: AbortSignal,
  others: () => number,
): Promise<EqualEnding<Drawn>> {
  const drawn = await draw({ ...drawing, context: { ...drawing.context, signal } });
  const { result } = drawn;
  if (!result.ok) return { value: drawn, sharable: isOfAll(result) };
  // A stale picture is its own session's and no other's.
  if (result.degraded?.what === "stale") return { value: drawn, sharable: false };
  const { bytes } = result.picture;
  if (bytes !== undefined) return endWith({ drawing, keys }, drawn, { result, bytes });
  if (others() === 0) return { value: keepStreaming({ drawing, keys }, drawn, result), sharable: false };
  const read = await readForOthers(result.picture).catch(() => undefined);
  if (read === undefined)
    return { value: { ...drawn, result: { ...result, ok: false, failure: BROKE } }, sharable: false };
  if (read.bytes === undefined) return { value: withPicture(drawn, result, read.picture), sharable: false };
  const whole = withPicture(drawn, result, wholePicture(result.picture, read.bytes));
  return endWith({ drawing, keys }, whole, { result, bytes: read.bytes });
}

/** A picture that all who wait may have. Who comes while it is put away has it too, unless another leg than the first made it. */
function endWith(
  keeping: Keeping,
  value: Drawn,
  made: { readonly result: Success; readonly bytes: Uint8Array<ArrayBuffer> },
): EqualEnding<Drawn> {
  const stored = keepWhole(keeping, made.result, made.bytes);
  const [first] = keeping.drawing.decided.plan.legs;
  const { leg } = made.result;
  const isFirst = leg.model === first?.model && leg.upscale === first.upscale;
  return { value, sharable: true, ...(isFirst ? { stored } : {}) };
}

const BROKE: RequestFailure = { code: "upstream_failed", detail: "The picture broke off." };

/** Failures that all would have met: not those of one client's time, connection or session. */
function isOfAll({ failure: { code } }: Extract<ExecuteResult, { ok: false }>): boolean {
  if (code === "client_gone" || code === "superseded" || code === "deadline_exceeded") return false;
  return !REQUEST_FAILURES[code].retryable || code === "upstream_failed" || code === "no_capacity";
}

function withPicture(drawn: Drawn, result: Success, picture: Picture): Drawn {
  return { ...drawn, result: { ...result, picture } };
}

/** Under the pin that served, and only where that was verified. Resolves when it is put away. */
async function keepWhole({ drawing, keys }: Keeping, result: Success, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  const maxAgeMs = drawing.decided.plan.policy.cacheMs;
  if (maxAgeMs === 0 || bytes.byteLength > MAX_KEPT_BYTES) return;
  const keeping = (async () => {
    const { whole, verified } = await result.finished;
    if (!whole || !verified) return;
    // The answer goes out first.
    await platformClock.sleep(0);
    const address = await keys.addressOf(result.leg);
    await keepPicture({ address, maxAgeMs, facts: factsOf(result) }, bytes, shelfPorts(drawing));
  })();
  drawing.context.background(keeping.catch(() => undefined));
  return keeping;
}

/** The same for a picture that streams: it is uploaded while it is sent. */
function keepStreaming({ drawing, keys }: Keeping, drawn: Drawn, result: Success): Drawn {
  const { context, decided } = drawing;
  const { picture } = result;
  const { lengthBytes } = picture;
  if (decided.plan.policy.cacheMs === 0 || (lengthBytes ?? 0) > MAX_KEPT_BYTES) return drawn;
  const { body, kept } = copyWhileSending({
    picture,
    clock: platformClock,
    maxBytes: MAX_KEPT_BYTES,
    isGood: async () => {
      const { whole, verified } = await result.finished;
      return whole && verified;
    },
    open: async () => {
      const address = await keys.addressOf(result.leg);
      const place = { bucket: context.env.IMAGES, ...shelfPlace({ address, facts: factsOf(result) }) };
      return lengthBytes === undefined ? uploadInParts(place) : uploadOfLength(place, lengthBytes);
    },
  });
  context.background(kept);
  return withPicture(drawn, result, { ...picture, body });
}

function factsOf({ picture, endpoint, leg, warnings }: Success): KeptFacts {
  const { format, width, height } = picture;
  return { madeAtMs: Date.now(), format, width, height, endpoint, place: leg.place, warnings };
}

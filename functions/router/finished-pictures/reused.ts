/**
 * What a request is answered with that did not draw for itself: the picture of an equal one, a kept one, or nothing because it left.
 */
import { type CancelCause, cancelledFailure, type Leg, wholePicture } from "../../../routing/index.ts";
import type { Drawing, Drawn } from "../make-picture.ts";
import { MAX_LAST_BYTES, wantsLast } from "./last-picture.ts";
import type { FoundPicture } from "./picture-shelf.ts";

/** Pictures whose cost an answer has told: it is told once. State: isolate memory, as long as the picture. */
const toldCosts = new WeakSet<Drawn>();

/** The picture that another request drew, as this one's own: bytes are shared, streams are not. */
export function ownCopy({ decided, seed }: Drawing, drawn: Drawn, cache: "joined" | "hit"): Drawn {
  const { result } = withCost(drawn);
  const own = { decided, seed, cache };
  if (!result.ok) return { ...own, result };
  const { degraded, ...told } = result;
  const { picture, costUsd } = told;
  const bytes = picture.bytes ?? new Uint8Array();
  // Who found it finished is told of the picture, not of the work.
  const ofWork = cache === "hit" ? { trail: [], reported: {} } : degraded === undefined ? {} : { degraded };
  return {
    ...own,
    result: {
      ...told,
      ...ofWork,
      picture: wholePicture(picture, bytes),
      finished: Promise.resolve({ whole: true, verified: result.pin === "verified", costUsd, bytes: bytes.byteLength }),
    },
  };
}

/** What work has cost is told by the first answer that it serves; the others got it for nothing. */
export function withCost(drawn: Drawn): Drawn {
  if (!toldCosts.has(drawn)) {
    toldCosts.add(drawn);
    return drawn;
  }
  return { ...drawn, result: { ...drawn.result, costUsd: 0 } };
}

export interface Hit {
  readonly drawing: Drawing;
  readonly leg: Leg;
  readonly found: FoundPicture;
}

/**
 * A kept picture streams from where it is kept; it is read whole only where it has to be kept once more, for its session. Rejects where
 * that breaks off.
 */
export async function toHit({ drawing, leg, found: { facts, lengthBytes, body } }: Hit): Promise<Drawn> {
  const { decided, seed } = drawing;
  const { endpoint, place, warnings, madeAtMs } = facts;
  const isRead = wantsLast(drawing) && lengthBytes <= MAX_LAST_BYTES;
  const picture = isRead
    ? wholePicture(facts, new Uint8Array(await new Response(body).arrayBuffer()))
    : { format: facts.format, width: facts.width, height: facts.height, lengthBytes, body };
  return {
    decided,
    seed,
    cache: "hit",
    ageMs: Math.max(0, Date.now() - madeAtMs),
    result: {
      ok: true,
      picture,
      leg: { ...leg, place },
      endpoint,
      pin: "verified",
      reported: {},
      trail: [],
      warnings,
      costUsd: 0,
      finished: Promise.resolve({ whole: true, verified: true, costUsd: 0, bytes: lengthBytes }),
    },
  };
}

/** This request waits no longer for what others still wait for. */
export function leftAlone({ decided, seed }: Drawing, cause: CancelCause): Drawn {
  const failure = cancelledFailure(cause);
  return { decided, seed, result: { ok: false, failure, cancelled: cause, trail: [], warnings: [], costUsd: 0 } };
}

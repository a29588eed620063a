/**
 * One picture of a request with a seed, as cheaply as it can be had: kept and found, or drawn at this moment for an equal request, or drawn.
 *
 * Work that others wait for is nobody's in particular: it goes on when the client leaves that it was begun for, and ends with the last one
 * who waits. It runs in the request that began it, which the platform keeps for up to 30 s after its client left. A picture that streams
 * cannot cross requests; where others wait for it, it is read whole first, within a bound. State: isolate memory for what is drawn now.
 * Fails open: what cannot be shared is drawn again.
 */
import {
  type CancelCause,
  cancelledFailure,
  causeOf,
  type ExecuteResult,
  type Leg,
  type Picture,
  REQUEST_FAILURES,
  type RequestFailure,
  wholePicture,
} from "../../../routing/index.ts";
import { platformClock } from "../adapters/clock.ts";
import { createEqualWork, type EqualEnding } from "../joining/equal-work.ts";
import { LEFT } from "../joining/shared-work.ts";
import type { Drawing, Drawn } from "../make-picture.ts";
import { copyWhileSending } from "./copy-while-sending.ts";
import { type Directives, parseDirectives } from "./directives.ts";
import type { KeptFacts } from "./kept-facts.ts";
import { MAX_LAST_BYTES, wantsLast } from "./last-picture.ts";
import {
  type FoundPicture,
  findPicture,
  keepPicture,
  MAX_KEPT_BYTES,
  type ShelfPorts,
  shelfPlace,
} from "./picture-shelf.ts";
import { noteReuse } from "./reuse-counts.ts";
import { uploadInParts, uploadOfLength } from "./upload.ts";
import { readForOthers } from "./whole-for-others.ts";
import { type WorkKeys, workKeys } from "./work-key.ts";

/** Draws it, whatever there is already. */
export type Draw = (drawing: Drawing) => Promise<Drawn>;

type Success = Extract<ExecuteResult, { ok: true }>;

/** What is drawn in this isolate now. */
const running = createEqualWork<Drawn>(platformClock);

/** How long past its deadline work may say that it is over, ms. */
const LATE_MS = 1_000;

/** Time for a look at a session's last picture, ms: one read from R2. */
const LAST_LOOK_MS = 200;

/** Pictures whose cost an answer has told: it is told once. */
const toldCosts = new WeakSet<Drawn>();

/**
 * May equal requests have one picture? Those that have a seed; while a canary runs on the route none may, because what was not drawn
 * says nothing of either arm.
 */
export function isReusable({ decided, context }: Drawing): boolean {
  if (decided.seed === undefined || (decided.arms?.recorded.length ?? 0) > 0) return false;
  return parseDirectives(context.cacheControl).mayKeep;
}

/** Finds, joins or draws it. */
export async function reuseOrDraw(drawing: Drawing, draw: Draw): Promise<Drawn> {
  const drawn = await have(drawing, draw);
  noteReuse(drawing, drawn.cache ?? "miss");
  return drawn;
}

async function have(drawing: Drawing, draw: Draw): Promise<Drawn> {
  const { decided, context } = drawing;
  const [leg] = decided.plan.legs;
  const directives = parseDirectives(context.cacheControl);
  if (leg === undefined) return draw(drawing);
  const keys = await workKeys(drawing);
  const work = { drawing, draw, keys };
  if (directives.maxAgeMs === 0) return (await drawToKeep(work, context.signal, () => 0)).value;

  const address = await keys.addressOf(leg);
  const maxAgeMs = maxAgeOf(drawing, directives);
  for (let isSought = maxAgeMs === 0; ; isSought = true) {
    const entry = running.find(keys.inFlight(address));
    if (entry !== undefined) {
      const wasOver = entry.isOver();
      const ending = await entry.join(patienceOf(drawing));
      if (ending === LEFT && context.signal.aborted) return leftAlone(drawing, causeOf(context.signal, "client_gone"));
      if (ending !== LEFT && !ending.sharable) continue;
      // Its session's last picture is better than another's failure, or than none in time.
      if ((ending === LEFT || mayPass(ending.value)) && wantsLast(drawing)) return draw(drawing);
      if (ending === LEFT) return leftAlone(drawing, "deadline");
      return ownCopy(drawing, ending.value, wasOver ? "hit" : "joined");
    }
    if (isSought) return begin(work, keys.inFlight(address));
    const found = await findPicture({ address, maxAgeMs }, shelfPorts(drawing));
    const hit = found === undefined ? undefined : await toHit({ drawing, leg, found }).catch(() => undefined);
    if (hit !== undefined) return hit;
  }
}

/** Aborts when the client has left or its time is up, less what a look for its session's last picture takes. */
function patienceOf(drawing: Drawing): AbortSignal {
  const { decided, context } = drawing;
  const keptMs = wantsLast(drawing) ? decided.plan.policy.reserveMs + LAST_LOOK_MS : 0;
  const leftMs = Math.max(0, context.startedAtMs + decided.deadlineMs - keptMs - Date.now());
  return AbortSignal.any([context.signal, AbortSignal.timeout(leftMs)]);
}

/** A failure that another time, or another picture, may help. */
function mayPass({ result }: Drawn): boolean {
  return !result.ok && REQUEST_FAILURES[result.failure.code].retryable;
}

function maxAgeOf({ decided }: Drawing, { maxAgeMs = Number.POSITIVE_INFINITY }: Directives): number {
  return Math.min(decided.plan.policy.cacheMs, maxAgeMs);
}

function shelfPorts({ context }: Drawing): ShelfPorts {
  return { bucket: context.env.IMAGES, clock: platformClock, background: context.background };
}

// ---------------------------------------------------------------- drawing for all

interface Work {
  readonly drawing: Drawing;
  readonly draw: Draw;
  readonly keys: WorkKeys;
}

/** Begins work that others may join. Its starter waits like everybody else, and leaves like everybody else. */
async function begin(work: Work, key: string): Promise<Drawn> {
  const { decided, context } = work.drawing;
  const entry = running.begin({
    key,
    overAtMs: context.startedAtMs + decided.deadlineMs + LATE_MS,
    start: (signal, others) => drawToKeep(work, signal, others),
    background: context.background,
  });
  const waiting = entry.work.wait(context.signal);
  // The platform may drop a request whose client left: it is kept until it was counted out.
  context.background(waiting.catch(() => undefined));
  const ending = await waiting;
  if (ending !== LEFT) return withCost(ending.value);
  // The last to leave hears what the work that was cut off has cost.
  if (entry.work.waiters() === 0) return withCost((await entry.work.outcome()).value);
  return leftAlone(work.drawing, causeOf(context.signal, "client_gone"));
}

async function drawToKeep(
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

// ---------------------------------------------------------------- keeping

type Keeping = Pick<Work, "drawing" | "keys">;

/** Under the pin that served, and only where that was verified. Resolves when it is put away. */
async function keepWhole({ drawing, keys }: Keeping, result: Success, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  const maxAgeMs = drawing.decided.plan.policy.cacheMs;
  if (maxAgeMs === 0 || bytes.byteLength > MAX_KEPT_BYTES) return;
  const keeping = (async () => {
    const { whole, verified } = await result.finished;
    if (!whole || !verified) return;
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

// ---------------------------------------------------------------- answering

/** The picture that another request drew, as this one's own: bytes are shared, streams are not. */
function ownCopy({ decided, seed }: Drawing, drawn: Drawn, cache: "joined" | "hit"): Drawn {
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
function withCost(drawn: Drawn): Drawn {
  if (!toldCosts.has(drawn)) {
    toldCosts.add(drawn);
    return drawn;
  }
  return { ...drawn, result: { ...drawn.result, costUsd: 0 } };
}

interface Hit {
  readonly drawing: Drawing;
  readonly leg: Leg;
  readonly found: FoundPicture;
}

/**
 * A kept picture streams from where it is kept; it is read whole only where it has to be kept once more, for its session. Rejects where
 * that breaks off.
 */
async function toHit({ drawing, leg, found: { facts, lengthBytes, body } }: Hit): Promise<Drawn> {
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
function leftAlone({ decided, seed }: Drawing, cause: CancelCause): Drawn {
  const failure = cancelledFailure(cause);
  return { decided, seed, result: { ok: false, failure, cancelled: cause, trail: [], warnings: [], costUsd: 0 } };
}

/**
 * One picture of a request with a seed, as cheaply as it can be had: kept and found, or drawn at this moment for an equal request, or drawn.
 *
 * Work that others wait for is nobody's in particular: it goes on when the client leaves that it was begun for, and ends with the last one
 * who waits. It runs in the request that began it, which the platform keeps for up to 30 s after its client left. State:
 * isolate memory for what is drawn now. Fails open: what cannot be shared is drawn again.
 */
import { causeOf, REQUEST_FAILURES } from "../../../routing/index.ts";
import { platformClock } from "../adapters/clock.ts";
import { createEqualWork } from "../joining/equal-work.ts";
import { LEFT } from "../joining/shared-work.ts";
import type { Drawing, Drawn } from "../make-picture.ts";
import { type Directives, parseDirectives } from "./directives.ts";
import { type Draw, drawToKeep, shelfPorts, type Work } from "./draw-to-keep.ts";
import { wantsLast } from "./last-picture.ts";
import { findPicture } from "./picture-shelf.ts";
import { noteReuse } from "./reuse-counts.ts";
import { leftAlone, ownCopy, toHit, withCost } from "./reused.ts";
import { workKeys } from "./work-key.ts";

/** What is drawn in this isolate now. */
const running = createEqualWork<Drawn>(platformClock);

/** How long past its deadline work may say that it is over, ms. */
const LATE_MS = 1_000;

/** Time for a look at a session's last picture, ms: one read from R2. */
const LAST_LOOK_MS = 200;

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

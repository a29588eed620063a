/**
 * Lends slots to isolates while there is slack, and renews what they keep using.
 */
import { admissionOf, settle } from "./breaker.ts";
import type { Ask, Credit, CreditAsk } from "./contract.ts";
import { CREDIT_HOLD_P95S, CREDIT_MS, type CreditRecord, keptFree, lendable } from "./credits.ts";
import { hedgeAfterMs, predictedOf } from "./grant.ts";
import { leasesOf } from "./leases.ts";
import { bestOf, type Choice, freeSlots, type Option, optionsFor, usableSlots, weightOf } from "./options.ts";
import { waitingCount } from "./queue.ts";
import { type Shape, shapeKey } from "./size-class.ts";
import { freshId, type Pool, type SchedulerState, tally } from "./state.ts";

/** The kind of work that a pool is asked for most. */
export function typicalShape(pool: Pool): Shape {
  const uses = [...pool.shapes.values()];
  return uses.reduce(
    (most, next) => (next.weight > most.weight ? next : most),
    uses[0] ?? { shape: { sizeClass: "m" }, weight: 0 },
  ).shape;
}

/** A typical preview of the pool that nothing hurries. */
export function typicalAsk(state: SchedulerState, pool: Pool): Ask {
  return {
    place: state.place,
    model: pool.model,
    candidates: pool.endpoints,
    ...typicalShape(pool),
    priority: "interactive",
    deadlineAtMs: Number.MAX_SAFE_INTEGER,
    kind: "fallback",
    avoid: [],
    tenant: "",
    requestId: "",
    elsewhere: true,
  };
}

/** A credit for an isolate, or `undefined` while there is no slack. */
export function lend(state: SchedulerState, ask: CreditAsk): Credit | undefined {
  const pool = state.pools.get(ask.model);
  if (pool === undefined || [...pool.triggers.values()].some((trigger) => trigger.down)) return undefined;
  const former = ask.renews === undefined ? undefined : state.credits.get(ask.renews);
  if (ask.renews !== undefined && (former?.isolateId !== ask.isolateId || former.model !== ask.model)) return undefined;
  return former === undefined ? lendNew(state, pool, ask) : renew(state, pool, former, ask);
}

function lendNew(state: SchedulerState, pool: Pool, ask: CreditAsk): Credit | undefined {
  const slots = lendable({ ...slackOf(state, pool), held: heldBy(state, ask), asked: ask.slots });
  const choice = slots < 1 ? undefined : bestTypical(state, pool);
  if (choice === undefined || choice.waitMs > 0) return undefined;
  const { endpoint } = choice.option;
  const idle = Math.min(slots, freeSlots(state, endpoint));
  tally(state, "credit_lent");
  const { isolateId, model } = ask;
  return putCredit(state, pool, { id: freshId(state), isolateId, model, endpoint: endpoint.id, idle }, choice, ask);
}

/**
 * The same credit with a new end: as many slots as are wanted and the slack allows, which may be fewer than before. Nothing when others
 * need all of them, or its endpoint is unwell or slow: then the isolate gives it back.
 */
function renew(state: SchedulerState, pool: Pool, former: CreditRecord, ask: CreditAsk): Credit | undefined {
  if (former.expiresAtMs <= state.nowMs) return undefined;
  const endpoint = state.endpoints.get(former.endpoint);
  if (endpoint === undefined || admissionOf(settle(endpoint.breaker, state.nowMs), state.nowMs) !== "normal") return;
  if (weightOf(state, endpoint) < 1) return undefined;
  const choice = typicalAt(state, pool, former.endpoint);
  if (choice === undefined) return undefined;
  const slack = slackOf(state, pool);
  const running = runningOn(state, former);
  const wanted = Math.max(0, ask.slots - running);
  const growth = Math.min(
    lendable({ ...slack, held: heldBy(state, ask), asked: Math.max(0, wanted - former.idle) }),
    freeSlots(state, endpoint),
  );
  const missing = Math.max(0, keptFree(slack.total) - slack.free);
  const idle = growth > 0 ? former.idle + growth : Math.max(0, Math.min(former.idle - missing, wanted));
  if (idle + running === 0) return undefined;
  tally(state, "credit_renewed");
  const credit = putCredit(state, pool, { ...former, idle }, choice, ask);
  return { ...credit, slots: idle + running };
}

interface Slack {
  /** Free slots of healthy endpoints of the model, and all of their slots. */
  readonly free: number;
  readonly total: number;
  readonly waiting: number;
}

function slackOf(state: SchedulerState, pool: Pool): Slack {
  const well = pool.endpoints
    .map((id) => state.endpoints.get(id)!)
    .filter((endpoint) => {
      endpoint.breaker = settle(endpoint.breaker, state.nowMs);
      return admissionOf(endpoint.breaker, state.nowMs) === "normal";
    });
  return {
    free: well.reduce((sum, endpoint) => sum + freeSlots(state, endpoint), 0),
    total: well.reduce((sum, endpoint) => sum + usableSlots(endpoint, state.nowMs), 0),
    waiting: waitingCount(pool.queue),
  };
}

/** Idle slots that the isolate holds of the model. */
function heldBy(state: SchedulerState, { isolateId, model }: CreditAsk): number {
  let held = 0;
  for (const credit of state.credits.values())
    if (credit.isolateId === isolateId && credit.model === model && credit.expiresAtMs > state.nowMs)
      held += credit.idle;
  return held;
}

const runningOn = (state: SchedulerState, credit: CreditRecord): number =>
  leasesOf(state.leases, credit.endpoint).filter((lease) => lease.creditId === credit.id).length;

const bestTypical = (state: SchedulerState, pool: Pool): Choice | undefined =>
  bestOf(optionsFor(state, pool, typicalAsk(state, pool)).options, { ahead: new Map() });

function typicalAt(state: SchedulerState, pool: Pool, endpoint: string): Choice | undefined {
  const { options } = optionsFor(state, pool, { ...typicalAsk(state, pool), candidates: [endpoint] });
  return bestOf(options, { ahead: new Map() });
}

/** Writes a credit down until its new end, and says what its holder needs to know. */
function putCredit(
  state: SchedulerState,
  pool: Pool,
  parts: Pick<CreditRecord, "id" | "isolateId" | "model" | "endpoint" | "idle">,
  choice: Choice,
  ask: CreditAsk,
): Credit {
  const expiresAtMs = state.nowMs + CREDIT_MS;
  const { estimate } = choice.option;
  state.credits.set(parts.id, {
    ...parts,
    expiresAtMs,
    holdUntilMs: Math.ceil(expiresAtMs + CREDIT_HOLD_P95S * estimate.q95Ms),
  });
  const hedge = hedgeFor(state, pool, choice.option, ask);
  return {
    id: parts.id,
    model: pool.model,
    endpoint: parts.endpoint,
    slots: parts.idle,
    expiresAtMs,
    predicted: predictedOf(estimate, choice.option.overheads),
    typical: shapeKey(typicalShape(pool)),
    ...(ask.policy === undefined ? {} : { policy: ask.policy }),
    ...(hedge === undefined ? {} : { hedgeAfterMs: hedge }),
  };
}

function hedgeFor(state: SchedulerState, pool: Pool, option: Option, { policy }: CreditAsk): number | undefined {
  if (policy === undefined) return undefined;
  return hedgeAfterMs(state, pool, option, { ...typicalAsk(state, pool), kind: "first", policy });
}

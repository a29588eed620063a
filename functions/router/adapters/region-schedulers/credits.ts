/**
 * Slots in hand: which request may start on one without asking, and how many are worth asking for.
 *
 * A credit is for the pool's typical work on one endpoint, for first attempts that it would bring home in time; everything else is asked one
 * by one. Changes the place's memory and nothing else.
 */
import { type Credit, type CreditAsk, type ReserveAsk, shapeKey } from "../../../../routing/index.ts";
import type { Demand, HeldCredit, IsolateMemory, PlaceMemory } from "./memory.ts";

/** Demand is counted in windows of this length, ms. */
const WINDOW_MS = 2_000;
/** Fewer first attempts in two windows are not worth lending a slot to: it would be given back as idle before the next. */
const WORTH_STARTS = 3;
/** A credit is renewed at most this often, ms: so soon it notices that others need the room. */
const RENEW_AFTER_MS = 500;
/** An ask for a credit that was not answered for so long is lost, ms. */
const ASK_LOST_MS = 1_000;

/** A slot of a credit for this ask, taken; `undefined` where there is none. */
export function takeSlot(place: PlaceMemory, ask: ReserveAsk, nowMs: number): HeldCredit | undefined {
  if (place.credits.size === 0 || !mayUseCredit(ask)) return undefined;
  const shape = shapeKey({ sizeClass: ask.sizeClass, ...(ask.steps === undefined ? {} : { steps: ask.steps }) });
  for (const credit of place.credits.values()) {
    const inUse = place.inUse.get(credit.id) ?? 0;
    if (credit.model !== ask.model || credit.typical !== shape || inUse >= credit.slots) continue;
    if (nowMs >= credit.expiresAtMs || nowMs + credit.predicted.p95Ms > ask.deadlineAtMs) continue;
    if (!ask.candidates.includes(credit.endpoint) || ask.avoid.includes(credit.endpoint)) continue;
    place.inUse.set(credit.id, inUse + 1);
    return credit;
  }
  return undefined;
}

/** Gives a slot back to its credit. `worksOn`: the endpoint goes on with what was cut off, so the slot is not free. */
export function giveSlotBack(place: PlaceMemory, creditId: string, worksOn: boolean): void {
  const inUse = (place.inUse.get(creditId) ?? 1) - 1;
  if (inUse > 0) place.inUse.set(creditId, inUse);
  else place.inUse.delete(creditId);
  const credit = place.credits.get(creditId);
  if (credit !== undefined && worksOn) place.credits.set(creditId, { ...credit, slots: credit.slots - 1 });
}

/** Nothing is started on this credit any more, and its scheduler will be told. */
export function dropCredit(place: PlaceMemory, creditId: string): void {
  if (place.credits.delete(creditId)) place.outbox.returned(creditId);
}

/** Credits of a place in which nothing was started for this time go back, ms. */
export const IDLE_MS = 1_000;

/** Is this request to see whether the place falls idle after its last start? Says yes once a start. */
export function claimIdleCheck(place: PlaceMemory): boolean {
  if (place.credits.size === 0 || place.idleCheckOfMs === place.startedAtMs) return false;
  place.idleCheckOfMs = place.startedAtMs;
  return true;
}

/** Drops every credit of a place that has fallen idle; `false` where it has not, or holds none. */
export function dropIdleCredits(place: PlaceMemory, nowMs: number): boolean {
  if (place.credits.size === 0 || nowMs - place.startedAtMs < IDLE_MS) return false;
  for (const id of place.credits.keys()) dropCredit(place, id);
  place.demand.clear();
  return true;
}

/** Takes in what was lent. `sentAtMs` (ours) and `repliedAtMs` (the scheduler's) are the same moment seen by two clocks. */
export function takeCredits(
  place: PlaceMemory,
  told: { readonly asked: readonly CreditAsk[]; readonly lent: readonly Credit[] },
  at: { readonly sentAtMs: number; readonly repliedAtMs: number },
): void {
  for (const { model, renews } of told.asked) {
    const demand = place.demand.get(model);
    if (demand !== undefined) demand.askedAtMs = 0;
    if (renews !== undefined && told.lent.every(({ id }) => id !== renews)) dropCredit(place, renews);
  }
  for (const credit of told.lent) {
    const expiresAtMs = at.sentAtMs + (credit.expiresAtMs - at.repliedAtMs);
    place.credits.set(credit.id, { ...credit, expiresAtMs, renewAtMs: at.sentAtMs + RENEW_AFTER_MS });
  }
}

/** What is worth asking for now: renewals of what is used, and more where demand is higher. Forgets what has ended. */
export function creditAsks(memory: IsolateMemory, place: PlaceMemory, nowMs: number): CreditAsk[] {
  const asks: CreditAsk[] = [];
  for (const credit of place.credits.values()) if (credit.expiresAtMs <= nowMs) place.credits.delete(credit.id);
  for (const [model, demand] of place.demand) {
    const wanted = wantedSlots(demand, nowMs);
    const isAsking = demand.askedAtMs !== 0 && nowMs - demand.askedAtMs < ASK_LOST_MS;
    if (wanted === 0 || isAsking) continue;
    const { isolateId } = memory;
    const policy = demand.policy === undefined ? {} : { policy: demand.policy };
    const held = [...place.credits.values()].filter((credit) => credit.model === model);
    const heldSlots = held.reduce((sum, { slots }) => sum + slots, 0);
    const due = held.filter((credit) => nowMs >= credit.renewAtMs);
    for (const { id, slots } of due) {
      asks.push({ isolateId, model, renews: id, slots: Math.max(0, wanted - heldSlots + slots), ...policy });
    }
    if (heldSlots < wanted && due.length === 0) asks.push({ isolateId, model, slots: wanted - heldSlots, ...policy });
    if (asks.at(-1)?.model === model) demand.askedAtMs = nowMs;
  }
  return asks;
}

/** A first attempt begins, on credit or not. */
export function noteStart(place: PlaceMemory, ask: ReserveAsk, nowMs: number): void {
  if (!mayUseCredit(ask)) return;
  place.startedAtMs = nowMs;
  const demand = place.demand.get(ask.model) ?? noDemand(nowMs);
  place.demand.set(ask.model, demand);
  roll(demand, nowMs);
  demand.starts += 1;
  demand.inFlight += 1;
  demand.peak = Math.max(demand.peak, demand.inFlight);
  demand.policy = ask.policy;
}

/** It ended. */
export function noteEnd(place: PlaceMemory, ask: ReserveAsk): void {
  const demand = place.demand.get(ask.model);
  if (demand !== undefined && mayUseCredit(ask)) demand.inFlight = Math.max(0, demand.inFlight - 1);
}

const mayUseCredit = ({ kind, priority }: ReserveAsk): boolean => kind === "first" && priority !== "export";

function noDemand(nowMs: number): Demand {
  return {
    windowAtMs: nowMs,
    starts: 0,
    peak: 0,
    formerStarts: 0,
    formerPeak: 0,
    inFlight: 0,
    askedAtMs: 0,
    policy: undefined,
  };
}

function roll(demand: Demand, nowMs: number): void {
  const passed = Math.floor((nowMs - demand.windowAtMs) / WINDOW_MS);
  if (passed === 0) return;
  demand.formerStarts = passed === 1 ? demand.starts : 0;
  demand.formerPeak = passed === 1 ? demand.peak : 0;
  demand.starts = 0;
  demand.peak = demand.inFlight;
  demand.windowAtMs = nowMs;
}

function wantedSlots(demand: Demand, nowMs: number): number {
  roll(demand, nowMs);
  return demand.starts + demand.formerStarts < WORTH_STARTS ? 0 : Math.max(demand.peak, demand.formerPeak);
}

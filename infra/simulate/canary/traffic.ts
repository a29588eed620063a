/**
 * Made-up users in virtual time: who asks when, and who is lucky. Whether a request goes bad is drawn from the user's own rates.
 *
 * `steady`: every request a unit of its own. `diurnal`: sessions under a daily wave that moves load and error rates together.
 * `bursty`: sessions that click in bursts, where one failure drags the rest of its burst along. `stubborn`: sessions whose own error rates
 * differ as widely as they are high, the hardest case for any test that sees a session twice.
 */
import { drawExponential, type Random } from "./chance.ts";

export const SHAPES = ["steady", "diurnal", "bursty", "stubborn"] as const;
export type Shape = (typeof SHAPES)[number];

export interface TrafficShape {
  readonly stickTo: "request" | "session";
  /** Mean over the day, requests a second. */
  readonly requestsPerSecond: number;
  /** Mean requests of one session. */
  readonly sessionRequests: number;
  /** Mean pause between two requests of a session, ms. */
  readonly gapMs: number;
  /** Height of the daily wave, 0…1. */
  readonly wave: number;
  /** Requests of a burst; 1: none. Within a burst the pause is a fiftieth. */
  readonly burst: number;
  /** Chance that a request goes the way of its failed predecessor in the same burst. */
  readonly dragged: number;
  /** Does each session draw its own rates (exponential, mean 1)? */
  readonly ownRates: boolean;
}

const SESSIONS: TrafficShape = {
  stickTo: "session",
  requestsPerSecond: 1,
  sessionRequests: 25,
  gapMs: 20_000,
  wave: 0,
  burst: 1,
  dragged: 0,
  ownRates: false,
};

export const TRAFFIC: Readonly<Record<Shape, TrafficShape>> = {
  steady: { ...SESSIONS, stickTo: "request", sessionRequests: 1 },
  // So few that 3,000 requests see a whole day.
  diurnal: { ...SESSIONS, requestsPerSecond: 0.035, wave: 0.8 },
  bursty: { ...SESSIONS, burst: 8, gapMs: 120_000, dragged: 0.8 },
  stubborn: { ...SESSIONS, ownRates: true },
};

const DAY_MS = 86_400_000;

export interface User {
  readonly id: number;
  /** Factor on every rate of this user. */
  readonly rate: number;
  left: number;
  leftInBurst: number;
  /** Did the last request of this burst fail? */
  failed: boolean;
  nextAtMs: number;
}

export interface Arrival {
  readonly atMs: number;
  readonly user: User;
  /** Factor on every rate, from the hour and the user. */
  readonly rate: number;
  /** Fails because its predecessor did. */
  readonly dragged: boolean;
}

/** Endless arrivals in order of time, from time 0. */
export function createTraffic(shape: TrafficShape, random: Random): { next(): Arrival } {
  const waiting: User[] = [];
  let nextId = 0;
  let nextUserAtMs = 0;
  const waveAt = (atMs: number) => 1 + shape.wave * Math.sin((2 * Math.PI * atMs) / DAY_MS);
  const usersPerMs = shape.requestsPerSecond / shape.sessionRequests / 1000;

  const enter = (): void => {
    const user: User = {
      id: nextId++,
      rate: shape.ownRates ? drawExponential(random) : 1,
      left: 1 + Math.floor(drawExponential(random) * (shape.sessionRequests - 1)),
      leftInBurst: shape.burst,
      failed: false,
      nextAtMs: nextUserAtMs,
    };
    nextUserAtMs += drawExponential(random) / (usersPerMs * waveAt(nextUserAtMs));
    push(waiting, user);
  };

  return {
    next() {
      while (waiting.length === 0 || nextUserAtMs < waiting[0]!.nextAtMs) enter();
      const user = pop(waiting);
      const atMs = user.nextAtMs;
      const dragged = user.failed && random() < shape.dragged;
      user.left -= 1;
      user.leftInBurst -= 1;
      const isBurst = user.leftInBurst > 0;
      if (!isBurst) user.leftInBurst = shape.burst;
      user.nextAtMs = atMs + (drawExponential(random) * shape.gapMs) / (isBurst ? 50 : 1);
      if (user.left > 0) push(waiting, user);
      return { atMs, user, rate: user.rate * waveAt(atMs), dragged };
    },
  };
}

/** Binary heap by `nextAtMs`. */
function push(heap: User[], user: User): void {
  heap.push(user);
  let at = heap.length - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (heap[parent]!.nextAtMs <= user.nextAtMs) break;
    heap[at] = heap[parent]!;
    at = parent;
  }
  heap[at] = user;
}

function pop(heap: User[]): User {
  const first = heap[0]!;
  const last = heap.pop()!;
  if (heap.length === 0) return first;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && heap[child + 1]!.nextAtMs < heap[child]!.nextAtMs) child += 1;
    if (last.nextAtMs <= heap[child]!.nextAtMs) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = last;
  return first;
}

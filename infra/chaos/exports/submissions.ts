/**
 * Sends exports until each is accepted, always under its own key; some are sent twice at once.
 */
import type { Moments } from "./moments.ts";
import type { Receiver } from "./receiver.ts";
import type { RuntimeProcess } from "./runtime-process.ts";
import { sleep } from "./sleep.ts";

/** Share of submissions that are sent twice at once. */
const RACED_SHARE = 0.3;

/** What is asked for in turn: scaled down, as drawn, cut, and drawn small and enlarged. */
const WORKS = [
  { width: 256, height: 256 },
  { width: 1024, height: 1024 },
  { width: 500, height: 391, model: "SD3.5 Medium" },
  { width: 512, height: 512, model: "SD3.5 Medium", upscale: true },
] as const;

/** How many of so many exports are to be enlarged. */
export function upscaledOf(exports: number): number {
  return Array.from({ length: exports }, (_, index) => WORKS[index % WORKS.length]).filter(
    (work) => work !== undefined && "upscale" in work,
  ).length;
}

export interface SubmitOptions {
  readonly exports: number;
  readonly seed: number;
  readonly runtime: RuntimeProcess;
  readonly receiver: Receiver;
  readonly moments: Moments;
  chance(): number;
  mayBegin(index: number): boolean;
}

export interface Submitted {
  /** Ids that were answered with 202, by key. */
  readonly ids: ReadonlyMap<string, ReadonlySet<string>>;
  readonly submissions: number;
  /** By id, ms from the submission. */
  readonly predictedMs: ReadonlyMap<string, number>;
}

/** Sends all of them. */
export async function submitAll(options: SubmitOptions): Promise<Submitted> {
  const { exports, seed, runtime, receiver, moments } = options;
  const ids = new Map<string, Set<string>>();
  const predictedMs = new Map<string, number>();
  let submissions = 0;

  async function send(key: string, index: number): Promise<boolean> {
    const url = runtime.url();
    if (url === undefined) return false;
    submissions += 1;
    moments.happened("submitting");
    try {
      const response = await fetch(`${url}/v1/exports`, {
        method: "POST",
        headers: { "content-type": "application/json", "idempotency-key": `"${key}"` },
        body: JSON.stringify({
          ...{ prompt: `a print, number ${index}`, format: "png", seed: index, callback_url: receiver.url },
          ...WORKS[index % WORKS.length],
        }),
      });
      if (response.status !== 202) return false;
      const { id, metadata } = (await response.json()) as { id: string } & {
        metadata: { eta?: string; created_at: string };
      };
      const { eta, created_at: createdAt } = metadata;
      if (eta !== undefined && !predictedMs.has(id)) predictedMs.set(id, Date.parse(eta) - Date.parse(createdAt));
      ids.set(key, (ids.get(key) ?? new Set()).add(id));
      return true;
    } catch {
      return false;
    }
  }

  async function sendUntilTaken(index: number): Promise<void> {
    const key = `storm-${seed}-${index}`;
    for (;;) {
      const isRaced = options.chance() < RACED_SHARE;
      const sent = await Promise.all(isRaced ? [send(key, index), send(key, index)] : [send(key, index)]);
      if (sent.includes(true)) return;
      await sleep(50);
    }
  }

  const underWay: Promise<void>[] = [];
  for (let index = 0; index < exports; index += 1) {
    while (!options.mayBegin(index)) await sleep(20);
    underWay.push(sendUntilTaken(index));
  }
  await Promise.all(underWay);
  return { ids, submissions, predictedMs };
}

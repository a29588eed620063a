/**
 * What became of every export: read from the listing, the documents, the events and the pictures, once nothing is open any more.
 */
import { createHash } from "node:crypto";
import type { Receiver } from "./receiver.ts";
import type { StormReport } from "./report.ts";
import type { RuntimeProcess } from "./runtime-process.ts";
import { sleep } from "./sleep.ts";
import type { Submitted } from "./submissions.ts";

/** How long the jobs have after the last kill, ms: backoffs are at most a minute. */
const END_LIMIT_MS = 240_000;

export interface Listed {
  readonly id: string;
  readonly done: boolean;
}

/** Reads the listing only, which does not wake a job; what is left open at the limit is lost. */
export async function untilAllOver(runtime: RuntimeProcess): Promise<readonly Listed[]> {
  const limitAtMs = Date.now() + END_LIMIT_MS;
  for (;;) {
    const listed = await list(runtime);
    if (listed.every(({ done }) => done) || Date.now() > limitAtMs) return listed;
    await sleep(500);
  }
}

async function list(runtime: RuntimeProcess): Promise<readonly Listed[]> {
  const found: Listed[] = [];
  let cursor = "";
  do {
    const page = (await (await fetch(`${runtime.url()}/v1/exports?limit=100${cursor}`)).json()) as {
      exports: Listed[];
      next_cursor?: string;
    };
    found.push(...page.exports);
    cursor = page.next_cursor === undefined ? "" : `&cursor=${page.next_cursor}`;
  } while (cursor !== "");
  return found;
}

/** Refused webhooks come again after five seconds, and after five minutes: the second is not waited for. */
export async function untilTold(receiver: Receiver, jobs: number): Promise<void> {
  for (let tries = 0; tries < 80 && receiver.calls.size < jobs; tries += 1) await sleep(100);
}

/** What is read off the jobs. */
export type Counted = Omit<StormReport, "exports" | "kills" | "rendersPerExport" | "upscalesPerExport">;

export interface Counting {
  readonly runtime: RuntimeProcess;
  readonly receiver: Receiver;
  readonly submitted: Submitted;
  readonly found: readonly Listed[];
}

interface Shown {
  readonly done: boolean;
  readonly metadata: {
    readonly state: string;
    readonly interruptions: number;
    readonly created_at: string;
    readonly ended_at?: string;
    readonly eta?: string;
    readonly width: number;
    readonly height: number;
  };
  readonly response?: { readonly sha256: string; readonly width: number; readonly height: number };
  readonly error?: { readonly code: string };
}

export async function countAll(counting: Counting): Promise<Counted> {
  const { runtime, receiver, submitted, found } = counting;
  const open = new Set(found.filter(({ done }) => !done).map(({ id }) => id));
  const known = new Set(found.map(({ id }) => id));
  const accepted = [...submitted.ids.values()].map((ids) => [...ids]);
  const lost = accepted.map(([id = ""]) => id).filter((id) => !known.has(id) || open.has(id));
  const failed: Record<string, number> = {};
  const [doublePictures, webhooksWrong, eventGaps]: string[][] = [[], [], []];
  let [done, interruptions, webhookRepeats] = [0, 0, 0];
  const ratios: number[] = [];
  const pictures = new Set<string>();
  for (const id of known) {
    const shown = (await (await fetch(`${runtime.url()}/v1/exports/${id}`)).json()) as Shown;
    interruptions += shown.metadata.interruptions;
    if (!shown.done) {
      if (!lost.includes(id)) lost.push(id);
      continue;
    }
    const { created_at: createdAt, ended_at: endedAt = createdAt } = shown.metadata;
    const predictedMs = submitted.predictedMs.get(id);
    if (predictedMs !== undefined) ratios.push((Date.parse(endedAt) - Date.parse(createdAt)) / predictedMs);
    if (shown.metadata.state === "done") done += 1;
    else failed[shown.error?.code ?? "?"] = (failed[shown.error?.code ?? "?"] ?? 0) + 1;
    const { ends, isWhole } = await readEvents(runtime, id);
    if (!isWhole) eventGaps?.push(id);
    const { response, metadata } = shown;
    const isTheOne =
      response === undefined ||
      (response.width === metadata.width &&
        response.height === metadata.height &&
        (await hashOfImage(runtime, id)) === response.sha256);
    if (ends !== 1 || !isTheOne) doublePictures?.push(id);
    if (response !== undefined) pictures.add(`art/${id}/${response.sha256}`);
    const calls = receiver.calls.get(id) ?? [];
    webhookRepeats += Math.max(0, calls.length - 1);
    if (new Set(calls).size !== 1) webhooksWrong?.push(id);
  }
  return {
    submissions: submitted.submissions,
    done,
    failed,
    lost,
    doubleJobs: known.size - accepted.length + accepted.filter((ids) => ids.length > 1).length,
    doublePictures: doublePictures ?? [],
    orphans: await orphans(runtime, pictures),
    webhooksWrong: webhooksWrong ?? [],
    webhookRepeats,
    eventGaps: eventGaps ?? [],
    interruptions,
    actualOverPredicted: { p50: quantile(ratios, 0.5), p90: quantile(ratios, 0.9) },
  };
}

/** Sweeping comes after the end, and is tried again every five seconds where the store fails. */
const SWEEP_LIMIT_MS = 30_000;

async function orphans(runtime: RuntimeProcess, pictures: ReadonlySet<string>): Promise<readonly string[]> {
  const limitAtMs = Date.now() + SWEEP_LIMIT_MS;
  for (;;) {
    const left = (await runtime.keys()).filter((key) => !pictures.has(key));
    if (left.length === 0 || Date.now() > limitAtMs) return left;
    await sleep(1_000);
  }
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return Number((sorted[Math.floor(share * (sorted.length - 1))] ?? 0).toFixed(2));
}

async function readEvents(runtime: RuntimeProcess, id: string): Promise<{ ends: number; isWhole: boolean }> {
  const response = await fetch(`${runtime.url()}/v1/exports/${id}/events`, { headers: { "last-event-id": "0" } });
  const text = await response.text();
  const ids = Array.from(text.matchAll(/^id: (\d+)$/gm), ([, seq]) => Number(seq));
  const ends = Array.from(text.matchAll(/^event: (?:done|failed|cancelled)$/gm)).length;
  return { ends, isWhole: ids.length > 1 && ids.every((seq, index) => seq === index) };
}

async function hashOfImage(runtime: RuntimeProcess, id: string): Promise<string> {
  const response = await fetch(`${runtime.url()}/v1/exports/${id}/image`);
  return createHash("sha256")
    .update(new Uint8Array(await response.arrayBuffer()))
    .digest("hex");
}

/**
 * The storm: exports are submitted while the whole runtime is killed again and again, by chance and at the borders of a job's steps;
 * webhooks are refused, the GPUs go away for a moment, submissions race. Then it is counted what became of every export.
 *
 * Between the last kill and the count nobody touches a job: they have to end by themselves. Chance is seeded; the machine's timing is not.
 */
import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Snapshot, toSnapshotJson } from "../../../routing/authoring.ts";
import { between, chanceFrom, oneOf } from "../../gpu/simulator/chance.ts";
import { endpointsFromCatalog, type Simulator, startSimulator } from "../../gpu/simulator/index.ts";
import { type Receiver, startReceiver } from "./receiver.ts";
import { createRuntimeProcess, type RuntimeProcess } from "./runtime-process.ts";

export interface StormOptions {
  readonly kills: number;
  readonly exports: number;
  readonly seed: number;
  /** The configuration over simulators at the given URL. */
  snapshotAt(simulatorUrl: string): Promise<Snapshot>;
  log(line: string): void;
}

export interface StormReport {
  readonly exports: number;
  readonly kills: Readonly<Record<Moment, number>>;
  readonly submissions: number;
  readonly done: number;
  /** Ended in a failure, by code. */
  readonly failed: Readonly<Record<string, number>>;
  /** Accepted with 202, and not there or not over in the end. */
  readonly lost: readonly string[];
  /** Jobs beyond one an idempotency key. */
  readonly doubleJobs: number;
  /** Jobs with more than one end, or whose picture is not the one that their record names. */
  readonly doublePictures: readonly string[];
  /** Jobs that were told under more than one webhook id, or not at all. */
  readonly webhooksWrong: readonly string[];
  /** Calls that a receiver drops by their id: repeats after a kill or a refusal. */
  readonly webhookRepeats: number;
  readonly eventGaps: readonly string[];
  readonly interruptions: number;
  readonly rendersPerExport: number;
  /** Time taken over the time predicted with the 202: median and 90th percentile. Honest in a run without kills. */
  readonly actualOverPredicted: { readonly p50: number; readonly p90: number };
}

/** When a kill falls. */
const MOMENTS = ["any", "submitting", "render-begins", "render-ends", "webhook"] as const;
export type Moment = (typeof MOMENTS)[number];

/** Share of webhook calls that are refused, and of kills beside which the GPUs go away. */
const REFUSED_SHARE = 0.2;
const GPUS_SHARE = 0.1;

/** Share of submissions that are sent twice at once. */
const RACED_SHARE = 0.3;

/** Exports that may be ahead of the kills, so that each kill finds some. */
const AHEAD = 6;

/** How long a kill waits for its moment before it falls anyhow, ms. */
const MOMENT_LIMIT_MS = 2_000;

/** How long the jobs have after the last kill, ms: backoffs are at most a minute. */
const END_LIMIT_MS = 240_000;

/** Runs it. */
export async function runStorm(options: StormOptions): Promise<StormReport> {
  const { kills, exports, seed, log } = options;
  const stateDir = await mkdtemp(join(tmpdir(), "galley-storm-"));
  const chance = chanceFrom("storm", seed);
  const moments = createMoments();
  const outline = await options.snapshotAt("http://127.0.0.1:9100");
  let simulator = await startSimulator({ port: 0, endpoints: endpointsFromCatalog(outline.content), seed });
  let renders = 0;
  const receiver = await startReceiver({
    refuses: () => chance() < REFUSED_SHARE,
    came: () => moments.happened("webhook"),
  });
  const snapshot = await options.snapshotAt(simulator.url);
  const snapshotFile = join(stateDir, "snapshot.json");
  await writeFile(snapshotFile, toSnapshotJson(snapshot));
  const runtime = createRuntimeProcess(join(stateDir, "state"), snapshotFile);
  const watch = setInterval(() => moments.look(simulator), 3);
  const counted: Record<Moment, number> = { any: 0, submitting: 0, "render-begins": 0, "render-ends": 0, webhook: 0 };
  let killed = 0;
  try {
    await runtime.start();
    const submitting = submitAll({
      ...options,
      runtime,
      receiver,
      moments,
      chance: chanceFrom("submit", seed),
      mayBegin: (index) => kills === 0 || index < AHEAD + (killed / Math.max(1, kills)) * exports,
    });
    for (; killed < kills; killed += 1) {
      const moment = oneOf(chance, MOMENTS);
      await moments.wait(moment, moment === "any" ? between(chance, 0, 1_500) : MOMENT_LIMIT_MS);
      await sleep(moment === "any" ? 0 : between(chance, 0, 60));
      counted[moment] += 1;
      await runtime.kill();
      if (chance() < GPUS_SHARE) {
        const port = Number(new URL(simulator.url).port);
        renders += completed(simulator);
        await simulator.close();
        simulator = await startSimulator({ port, endpoints: endpointsFromCatalog(snapshot.content), seed });
      }
      await runtime.start();
      if ((killed + 1) % 20 === 0) log(`${killed + 1} kills`);
    }
    const submitted = await submitting;
    log(`all ${submitted.ids.size} submitted; waiting for the ends`);
    const found = await untilAllOver(runtime);
    await untilTold(receiver, submitted.ids.size);
    renders += completed(simulator);
    const report = await countAll({ runtime, receiver, submitted, found });
    return { ...report, exports, kills: counted, rendersPerExport: Number((renders / exports).toFixed(2)) };
  } finally {
    clearInterval(watch);
    await runtime.kill();
    receiver.close();
    await simulator.close();
    await rm(stateDir, { recursive: true, force: true });
  }
}

interface Moments {
  happened(moment: Moment): void;
  /** Compares the simulator's counters with those of the last look. */
  look(simulator: Simulator): void;
  wait(moment: Moment, limitMs: number): Promise<void>;
}

function createMoments(): Moments {
  const waiting = new Map<Moment, () => void>();
  let seen = { requests: 0, completed: 0 };
  const happened = (moment: Moment) => waiting.get(moment)?.();
  return {
    happened,
    look(simulator) {
      const stations = Object.values(simulator.control.state().endpoints);
      const requests = stations.reduce((sum, station) => sum + station.requests, 0);
      const ended = stations.reduce((sum, station) => sum + station.completed, 0);
      if (requests > seen.requests) happened("render-begins");
      if (ended > seen.completed) happened("render-ends");
      seen = { requests, completed: ended };
    },
    wait: (moment, limitMs) =>
      new Promise((resolve) => {
        const timer = setTimeout(done, limitMs);
        waiting.set(moment, done);
        function done() {
          clearTimeout(timer);
          waiting.delete(moment);
          resolve();
        }
      }),
  };
}

const completed = (simulator: Simulator): number =>
  Object.values(simulator.control.state().endpoints).reduce((sum, station) => sum + station.completed, 0);

interface SubmitOptions {
  readonly exports: number;
  readonly seed: number;
  readonly runtime: RuntimeProcess;
  readonly receiver: Receiver;
  readonly moments: Moments;
  chance(): number;
  mayBegin(index: number): boolean;
}

interface Submitted {
  /** Ids that were answered with 202, by key. */
  readonly ids: ReadonlyMap<string, ReadonlySet<string>>;
  readonly submissions: number;
  /** By id, ms from the submission. */
  readonly predictedMs: ReadonlyMap<string, number>;
}

/** Each export is sent until it is accepted, always under its own key; some are sent twice at once. */
async function submitAll(options: SubmitOptions): Promise<Submitted> {
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
          prompt: `a print, number ${index}`,
          width: 256,
          height: 256,
          format: "png",
          seed: index,
          callback_url: receiver.url,
        }),
      });
      if (response.status !== 202) return false;
      const { id, metadata } = (await response.json()) as { id: string } & Pick<Shown, "metadata">;
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

interface Listed {
  readonly id: string;
  readonly done: boolean;
}

/** Reads the listing only, which does not wake a job; what is left open at the limit is lost. */
async function untilAllOver(runtime: RuntimeProcess): Promise<readonly Listed[]> {
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
async function untilTold(receiver: Receiver, jobs: number): Promise<void> {
  for (let tries = 0; tries < 80 && receiver.calls.size < jobs; tries += 1) await sleep(100);
}

interface Counting {
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
  };
  readonly response?: { readonly sha256: string };
  readonly error?: { readonly code: string };
}

async function countAll(counting: Counting): Promise<Omit<StormReport, "exports" | "kills" | "rendersPerExport">> {
  const { runtime, receiver, submitted, found } = counting;
  const open = new Set(found.filter(({ done }) => !done).map(({ id }) => id));
  const known = new Set(found.map(({ id }) => id));
  const accepted = [...submitted.ids.values()].map((ids) => [...ids]);
  const lost = accepted.map(([id = ""]) => id).filter((id) => !known.has(id) || open.has(id));
  const failed: Record<string, number> = {};
  const [doublePictures, webhooksWrong, eventGaps]: string[][] = [[], [], []];
  let [done, interruptions, webhookRepeats] = [0, 0, 0];
  const ratios: number[] = [];
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
    const isTheOne = shown.response === undefined || (await hashOfImage(runtime, id)) === shown.response.sha256;
    if (ends !== 1 || !isTheOne) doublePictures?.push(id);
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
    webhooksWrong: webhooksWrong ?? [],
    webhookRepeats,
    eventGaps: eventGaps ?? [],
    interruptions,
    actualOverPredicted: { p50: quantile(ratios, 0.5), p90: quantile(ratios, 0.9) },
  };
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

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

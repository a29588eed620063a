/**
 * One round of a job: plan under the configuration in force now, render through the router's own attempt loop, check, store.
 *
 * Nothing here is kept: what it says becomes true when the job's transition is written. A crash anywhere in it costs the round's work
 * and nothing else; its attempt ids are those of the round, so that the one that takes over asks for the same work.
 */
import {
  type Ask,
  attemptsLeft,
  type Decided,
  type EndpointId,
  type ExecuteEvent,
  type ExecutePorts,
  type ExecuteResult,
  execute,
  type ImageRequest,
  type InlinePicture,
  isDear,
  type JobAttempt,
  type RequestFailure,
  type Result,
  type RunningAttempt,
  type Scheduler,
  type Snapshot,
  traitsOf,
  verifyPicture,
} from "../../routing/index.ts";
import { deciderOf } from "../router/make-picture.ts";
import type { Round, RoundResult } from "./job-host.ts";
import type { JobOrder, KeptPicture } from "./job-order.ts";
import { type PictureStore, PictureUnstorable } from "./store-picture.ts";

/** Longest that one round may take, ms: an alarm's wall time is 15 min, and storing comes after rendering. */
const MAX_ROUND_MS = 12 * 60_000;

/** With less than this left no round is begun, ms: no model draws and no store keeps a picture in it. */
const LEAST_ROUND_MS = 1_000;

export interface RoundPorts {
  readonly snapshot: Snapshot;
  readonly ports: ExecutePorts;
  readonly pictures: PictureStore;
  nowMs(): number;
  /** Gives the slot of an attempt back that nobody waits for any more. */
  giveBack(orphan: RunningAttempt): void;
  /** The bytes of a kept reference picture. */
  load(kept: KeptPicture): Promise<InlinePicture>;
}

/** Runs it. */
export async function runRound(round: Round, by: RoundPorts): Promise<RoundResult> {
  const { order, job, signal } = round;
  if (round.orphan !== undefined) by.giveBack(round.orphan);
  const leases = new Map<EndpointId, string>();
  const startedAtMs = by.nowMs();
  const leftMs = Math.min(MAX_ROUND_MS, order.terms.deadlineAtMs - startedAtMs);
  if (leftMs < LEAST_ROUND_MS) {
    const failure: RequestFailure = { code: "deadline_exceeded", detail: "No picture was ready in time." };
    return { ok: false, failure, dear: false, attempts: [], costUsd: 0 };
  }
  const ask = await toAsk(round, by, leftMs);
  const decided = decide(round, by, ask);
  if (!decided.ok) return { ok: false, failure: decided.failure, dear: false, attempts: [], costUsd: 0 };
  const { plan, deadlineMs } = decided.value;
  const result = await execute(
    {
      snapshot: by.snapshot,
      plan,
      request: toImageRequest(ask, order, decided.value.format),
      requestId: `${order.terms.id}.${job.round}`,
      tenant: order.terms.tenant,
      startedAtMs,
      deadlineAtMs: startedAtMs + Math.min(leftMs, deadlineMs),
      signal,
      traceparent: order.traceparent,
    },
    {
      ...by.ports,
      scheduler: notingLeases(by.ports.scheduler, leases),
      observe: (event) => observe(event, leases, { round, by }),
    },
  );
  if (!result.ok)
    return {
      ...factsOf(result, round, startedAtMs),
      ok: false,
      failure: result.failure,
      dear: isDearBill(result, round, by),
    };
  return finish(result, { round, by, startedAtMs });
}

async function toAsk({ order }: Round, by: RoundPorts, leftMs: number): Promise<Ask> {
  const [image, mask] = await Promise.all([order.image, order.mask].map((kept) => kept && by.load(kept)));
  return {
    ...order.ask,
    deadlineMs: leftMs,
    ...(image === undefined ? {} : { image }),
    ...(mask === undefined ? {} : { mask }),
  };
}

/** Only what changes the pixels; the settled size and seed. */
function toImageRequest(ask: Ask, { width, height, seed }: JobOrder, format: ImageRequest["format"]): ImageRequest {
  const { prompt, text, negativePrompt, steps, guidance, image, mask } = ask;
  return {
    ...{ prompt, text, width, height, seed, format },
    ...(negativePrompt === undefined ? {} : { negativePrompt }),
    ...(steps === undefined ? {} : { steps }),
    ...(guidance === undefined ? {} : { guidance }),
    ...(image === undefined ? {} : { image }),
    ...(mask === undefined ? {} : { mask }),
  };
}

/** The plan for what is left of the job's attempts; without dear models where one may be billed already. */
function decide({ order, job }: Round, { snapshot }: RoundPorts, ask: Ask): Result<Decided, RequestFailure> {
  const { automation, location } = order;
  const decided = deciderOf(snapshot)({ ask, tenant: order.terms.tenant, automation, location });
  if (!decided.ok) return decided;
  const { plan } = decided.value;
  const { models } = snapshot.content.catalog;
  const pixels = order.width * order.height;
  const isSpared = job.dearBill && !job.terms.acceptSecondBill;
  const legs = isSpared ? plan.legs.filter(({ model }) => !isDear(models[model], pixels)) : plan.legs;
  if (legs.length === 0) {
    const detail = "A picture may have been billed that never came, and the policy accepts no second bill.";
    return { ok: false, failure: { code: "upstream_failed", detail } };
  }
  const maxAttempts = Math.max(1, Math.min(plan.policy.maxAttempts, attemptsLeft(job)));
  return { ok: true, value: { ...decided.value, plan: { ...plan, legs, policy: { ...plan.policy, maxAttempts } } } };
}

/** The same scheduler; the lease that each endpoint was given last is remembered. */
function notingLeases(scheduler: Scheduler, leases: Map<EndpointId, string>): Scheduler {
  return {
    async reserve(ask, signal) {
      const reservation = await scheduler.reserve(ask, signal);
      if (reservation.granted) leases.set(reservation.lease.endpoint, reservation.lease.id);
      return reservation;
    },
    release: (lease, outcome) => scheduler.release(lease, outcome),
  };
}

/** Writes down what the run is at. */
function observe(
  event: ExecuteEvent,
  leases: ReadonlyMap<EndpointId, string>,
  { round: { note }, by: { snapshot, nowMs } }: { readonly round: Round; readonly by: RoundPorts },
): void {
  if (event.event !== "attempt-started") return;
  const { endpoints, models } = snapshot.content.catalog;
  const endpoint = endpoints[event.endpoint];
  if (endpoint === undefined) return;
  const leaseId = leases.get(endpoint.id);
  note({
    state: models[endpoint.model]?.kind === "upscale" ? "upscaling" : "rendering",
    attempt: {
      endpoint: endpoint.id,
      model: endpoint.model,
      place: endpoint.place,
      leg: event.leg,
      kind: "attempt",
      startedAtMs: nowMs(),
      ...(leaseId === undefined ? {} : { leaseId }),
    },
  });
}

type Served = Extract<ExecuteResult, { ok: true }>;

async function finish(
  result: Served,
  { round, by, startedAtMs }: { round: Round; by: RoundPorts; startedAtMs: number },
): Promise<RoundResult> {
  const { order, job, note, signal } = round;
  const { picture, leg } = result;
  const model = by.snapshot.content.catalog.models[leg.model];
  const dear = isDear(model, order.width * order.height);
  try {
    const received = await by.pictures.receive(picture, { scratch: `${order.terms.id}/${job.fence}`, signal });
    note({ state: "verifying" });
    const defect = await verifyPicture(await received.read(), picture);
    if (defect !== undefined) {
      await received.drop();
      const failure: RequestFailure = {
        ...{ code: "upstream_failed", detail: "The picture that came was damaged." },
        cause: { reason: "bad_picture", defect },
      };
      return { ...withoutPicture(factsOf(result, round, startedAtMs), "bad_picture"), ok: false, failure, dear };
    }
    note({ state: "storing" });
    const stored = await received.keep();
    const { costUsd } = await result.finished;
    return {
      ...factsOf({ ...result, costUsd }, round, startedAtMs),
      ok: true,
      picture: {
        ...stored,
        format: picture.format,
        width: picture.width,
        height: picture.height,
        seed: order.seed,
        model: leg.model,
        pin: result.pin === "verified" ? (model?.pin ?? "unverified") : "unverified",
        endpoint: result.endpoint,
        place: leg.place,
        config: by.snapshot.version,
        ...(result.degraded === undefined
          ? {}
          : { degraded: `${result.degraded.what}; reason=${result.degraded.reason}` }),
        warnings: [...result.warnings, ...sizeWarning(order, picture)],
      },
    };
  } catch (error: unknown) {
    if (!(error instanceof PictureUnstorable)) throw error;
    const failure: RequestFailure = { code: error.code, detail: error.message };
    return { ...withoutPicture(factsOf(result, round, startedAtMs), "not_stored"), ok: false, failure, dear };
  }
}

/** The attempt that brought the picture ends otherwise than it looked. */
function withoutPicture<Facts extends { attempts: JobAttempt[] }>(facts: Facts, outcome: string): Facts {
  const attempts = facts.attempts.map((attempt) => (attempt.outcome === "ok" ? { ...attempt, outcome } : attempt));
  return { ...facts, attempts };
}

/** A model that has its own sizes may bring another than the asked one; the record says so. */
function sizeWarning(asked: { width: number; height: number }, came: { width: number; height: number }): string[] {
  if (asked.width === came.width && asked.height === came.height) return [];
  return [`asked for ${asked.width}x${asked.height}, drawn at ${came.width}x${came.height}`];
}

function factsOf(result: ExecuteResult, { job }: Round, startedAtMs: number) {
  const attempts: JobAttempt[] = result.trail
    .filter(({ endpoint }) => endpoint !== "none")
    .map(({ endpoint, model, place, leg, kind, outcome, startedAfterMs, elapsedMs }) => ({
      round: job.round,
      endpoint,
      model,
      place,
      leg,
      kind,
      // Its picture was still coming in when the trail was made; it is stored now.
      outcome: outcome === "running" ? "ok" : outcome,
      startedAtMs: startedAtMs + Math.round(startedAfterMs),
      elapsedMs: Math.round(elapsedMs),
    }));
  return { attempts, costUsd: result.costUsd };
}

/** May one of the failed attempts have been billed for a dear picture? */
function isDearBill({ trail }: ExecuteResult, { order }: Round, { snapshot }: RoundPorts): boolean {
  const { models } = snapshot.content.catalog;
  return trail.some(
    ({ failure, model }) =>
      failure !== undefined && traitsOf(failure).maybeBilled && isDear(models[model], order.width * order.height),
  );
}

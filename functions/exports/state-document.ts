/**
 * A job as its caller sees it, after AIP-151: name, done, metadata, and in the end response or error. No URL or key of an upstream is in it.
 */
import { type Ahead, etaMs, isOver, progressOf } from "../../routing/index.ts";
import type { JobRecord } from "./job-store.ts";

/** The document. `ahead`: what stands before the job, where somebody asked the index. */
export function stateDocument(
  { order, job, deliveries }: JobRecord,
  nowMs: number,
  ahead?: Ahead,
): Record<string, unknown> {
  const { id } = order.terms;
  const eta = etaMs(job, nowMs, ahead);
  return {
    name: `exports/${id}`,
    id,
    done: isOver(job),
    metadata: {
      state: job.state,
      progress: progressOf(job, nowMs),
      created_at: iso(order.terms.createdAtMs),
      deadline_at: iso(order.terms.deadlineAtMs),
      ...(job.endedAtMs === undefined ? {} : { ended_at: iso(job.endedAtMs) }),
      attempt: job.attempts.length + (job.current === undefined ? 0 : 1),
      ...(ahead === undefined || job.state !== "queued" ? {} : { queue_position: ahead.jobs + 1 }),
      ...(eta === undefined ? {} : { eta: iso(eta) }),
      ...(job.notBeforeMs > nowMs && !isOver(job) ? { not_before: iso(job.notBeforeMs) } : {}),
      cost_usd: Number(job.costUsd.toFixed(6)),
      interruptions: job.interruptions,
      route: order.route,
      reason: order.reason,
      model: order.model,
      seed: order.seed,
      width: order.width,
      height: order.height,
      config: order.config,
      ...(order.arms === undefined ? {} : { arm: order.arms.arm }),
      request_id: order.requestId,
      attempts: [
        ...job.attempts.map(({ startedAtMs, elapsedMs, ...attempt }) => ({
          ...attempt,
          started_at: iso(startedAtMs),
          elapsed_ms: elapsedMs,
        })),
        ...(job.current === undefined ? [] : [running(job.current, nowMs)]),
      ],
      ...(order.callbackUrl === undefined ? {} : { webhook: deliveries.map(deliveryFacts)[0] ?? { state: "waiting" } }),
    },
    ...(job.picture === undefined ? {} : { response: pictureFacts(job.picture, `/v1/exports/${id}/image`) }),
    ...(job.failure === undefined ? {} : { error: job.failure }),
  };
}

type Job = JobRecord["job"];

function running({ startedAtMs, leaseId: _lease, ...attempt }: NonNullable<Job["current"]>, nowMs: number) {
  return {
    ...attempt,
    outcome: "running",
    started_at: iso(startedAtMs),
    elapsed_ms: Math.max(0, nowMs - startedAtMs),
  };
}

function pictureFacts({ key: _where, ...picture }: NonNullable<Job["picture"]>, image: string) {
  return { ...picture, image };
}

function deliveryFacts({ id, state, dueAtMs, tries }: JobRecord["deliveries"][number]) {
  return {
    id,
    state,
    ...(state === "due" ? { due_at: iso(dueAtMs) } : {}),
    tries: tries.map(({ atMs, status, problem, elapsedMs }) => ({
      at: iso(atMs),
      ...(status === undefined ? {} : { status }),
      ...(problem === undefined ? {} : { problem }),
      elapsed_ms: elapsedMs,
    })),
  };
}

const iso = (ms: number): string => new Date(ms).toISOString();

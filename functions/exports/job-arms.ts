/**
 * A job's part in the experiments of its route: drawn at its submission, acted on in each round, told when the job is over.
 *
 * The outcome belongs to the arm that was drawn, whatever served in the end, and counts when it arrives: minutes may lie between.
 * Fails safe: an experiment that was taken back meanwhile, or cannot be asked, leaves the rest of the job to the route's own model.
 */
import {
  ATTEMPT_FAILURE_TRAITS,
  type AttemptFailure,
  type ExecutePorts,
  type JobAttempt,
  type ModelId,
  type OutcomeAttempt,
  type RequestOutcome,
  type RouteArms,
  type RouteArmsAsk,
} from "../../routing/index.ts";
import { rolloutOf } from "../rollout/find-rollout.ts";
import type { JobOrder } from "./job-order.ts";
import type { JobRecord } from "./job-store.ts";

const NO_ENDPOINT: AttemptFailure = { reason: "not_admitted", why: "no_endpoint" };

interface RolloutEnv {
  readonly ROLLOUT: DurableObjectNamespace;
}

/** Under which arm a round is planned; `undefined`: the route's own model serves. */
export async function armsOfRound(
  { arms, terms }: JobOrder,
  { ROLLOUT }: RolloutEnv,
): Promise<RouteArmsAsk | undefined> {
  if (arms?.experiment === undefined) return undefined;
  const live = await rolloutOf(ROLLOUT, arms.experiment)
    .arms()
    .catch(() => undefined);
  if (live === undefined || "kind" in live || live.share === 0) return undefined;
  return { experiments: [live], source: { tenant: terms.tenant, requestId: terms.id }, force: "canary" };
}

/**
 * The same ports, noting models that had no endpoint left: all ejected is a model's own doing, and the job's ledger does not tell of it.
 * Kept in memory: losing it costs evidence and nothing else.
 */
export function notingRefusals(ports: ExecutePorts, refused: Set<ModelId>): ExecutePorts {
  const { scheduler } = ports;
  return {
    ...ports,
    scheduler: {
      async reserve(ask, signal) {
        const reservation = await scheduler.reserve(ask, signal);
        if (!reservation.granted && reservation.why === "no_endpoint") refused.add(ask.model);
        return reservation;
      },
      release: (lease, outcome) => scheduler.release(lease, outcome),
    },
  };
}

/** Tells the experiments how a job ended. A repeat counts once; what cannot be told costs evidence and holds nothing up. */
export async function reportEnd(
  record: JobRecord,
  refused: ReadonlySet<ModelId>,
  { ROLLOUT }: RolloutEnv,
): Promise<void> {
  const { arms, terms } = record.order;
  await Promise.all(
    (arms?.recorded ?? []).map(({ experiment, ...assigned }) =>
      rolloutOf(ROLLOUT, experiment)
        .report({ id: `job-${terms.id}`, outcomes: [toOutcome(record, assigned, refused)] })
        .catch(() => undefined),
    ),
  );
}

/** A finished job as an outcome. Its objective is its deadline: nobody watches an export being drawn. */
export function toOutcome(
  { order: { terms }, job }: JobRecord,
  assigned: Omit<RouteArms["recorded"][number], "experiment">,
  refused: ReadonlySet<ModelId> = new Set(),
): RequestOutcome {
  const { endedAtMs = terms.deadlineAtMs, picture, attempts } = job;
  const isBad = attempts.some(({ outcome }) => outcome === "bad_picture");
  const checks = isBad ? "failed" : picture === undefined ? undefined : "passed";
  return {
    kind: "request",
    atMs: endedAtMs,
    ...assigned,
    elapsedMs: endedAtMs - terms.createdAtMs,
    sloMs: terms.deadlineAtMs - terms.createdAtMs,
    costUsd: job.costUsd,
    delivered: picture !== undefined,
    ...(picture === undefined ? {} : { servedBy: picture.model }),
    ...(checks === undefined ? {} : { checks }),
    attempts: [
      ...Array.from(refused, (model) => ({ model, outcome: "not_admitted", failure: NO_ENDPOINT }) as const),
      ...attempts.flatMap((attempt) => toAttempt(attempt, job)),
    ],
  };
}

/** A run that died says nothing of its model; a picture that came and could not be kept speaks for it. */
function toAttempt({ model, outcome }: JobAttempt, { failure }: JobRecord["job"]): readonly OutcomeAttempt[] {
  if (outcome === "interrupted") return [];
  if (!isFailure(outcome)) return [{ model, outcome: "ok" }];
  if (outcome !== "cancelled") return [{ model, outcome }];
  const cause = failure?.code === "deadline_exceeded" ? "deadline" : "revoked";
  return [{ model, outcome, failure: { reason: "cancelled", cause } }];
}

const isFailure = (outcome: string): outcome is AttemptFailure["reason"] =>
  Object.hasOwn(ATTEMPT_FAILURE_TRAITS, outcome);

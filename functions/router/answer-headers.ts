/**
 * The headers by which every answer says what happened (design.md §4). Values are ASCII and hold ids, never URLs, keys or prompts.
 */
import type { Arm, AttemptRecord, Classified, ExecuteResult, Model, Snapshot } from "../../routing/index.ts";

/** What is known before anything was tried. */
export interface DecisionFacts {
  readonly requestId: string;
  readonly snapshot: Snapshot;
  readonly classified: Classified;
  readonly seed: number;
  /** Of the canary that runs on the route; absent where none does. */
  readonly arm?: Arm;
}

/** Headers that follow from the decision alone. */
export function decisionHeaders({ requestId, snapshot, classified, seed, arm }: DecisionFacts): Record<string, string> {
  return {
    "galley-request-id": requestId,
    "galley-config": snapshot.version,
    "galley-route": classified.route,
    "galley-reason": classified.reason,
    "galley-seed": String(seed),
    ...(arm === undefined ? {} : { "galley-arm": arm }),
  };
}

/** Headers that follow from what execute did, picture or not. */
export function outcomeHeaders(result: ExecuteResult, snapshot: Snapshot, totalMs: number): Record<string, string> {
  const headers: Record<string, string> = { "galley-cost-usd": formatUsd(result.costUsd) };
  if (result.trail.length > 0) headers["galley-attempts"] = result.trail.map(attemptWords).join(", ");
  if (result.warnings.length > 0) headers["galley-warning"] = result.warnings.join("; ");
  if (!result.ok) {
    headers["server-timing"] = `total;dur=${totalMs}`;
    return headers;
  }
  headers["galley-model"] = verifiedName(snapshot.content.catalog.models[result.leg.model], result);
  headers["galley-region"] = result.leg.place;
  headers["galley-endpoint"] = result.endpoint;
  if (result.degraded !== undefined)
    headers["galley-degraded"] = `${result.degraded.what}; reason=${result.degraded.reason}`;
  headers["server-timing"] = serverTiming(result.reported, totalMs);
  return headers;
}

/** `name@pin` as it was verified; a pin that already carries the name is not told twice. */
function verifiedName(model: Model | undefined, { pin, leg }: { pin: string; leg: { model: string } }): string {
  if (model === undefined || pin !== "verified") return `${leg.model}@unverified`;
  return model.pin.startsWith(`${model.id}@`) ? model.pin : `${model.id}@${model.pin}`;
}

/** `weur-sd35-a;outcome=ok;ms=812;leg=primary`. */
function attemptWords({ endpoint, outcome, elapsedMs, leg, kind }: AttemptRecord): string {
  const extra = kind === "first" || kind === "fallback" ? "" : `;kind=${kind}`;
  return `${endpoint};outcome=${outcome};ms=${Math.round(elapsedMs)};leg=${leg}${extra}`;
}

/** US dollars in digits. Six decimals are a ten-thousandth of a cent; trailing zeros are dropped. */
export const formatUsd = (usd: number): string => String(Number(usd.toFixed(6)));

function serverTiming(reported: { queueMs?: number; serviceMs?: number }, totalMs: number): string {
  const queue = reported.queueMs === undefined ? "" : `, queue;dur=${Math.round(reported.queueMs)}`;
  const gpu = reported.serviceMs === undefined ? "" : `, gpu;dur=${Math.round(reported.serviceMs)}`;
  return `total;dur=${totalMs}${queue}${gpu}`;
}

/**
 * A look at an endpoint that its scheduler took out: is what was wrong put right?
 *
 * Says nothing where it cannot know; then a probe with a real request decides. Never rejects.
 */
import type { EndpointId, Snapshot } from "../config/snapshot.ts";
import { dialectOf } from "../dialects/index.ts";
import type { AttemptFailureReason } from "../failure/index.ts";
import type { Look } from "../scheduler/contract.ts";
import { checkPin, wayToLook } from "./pin-check.ts";
import type { ExecutePorts } from "./ports.ts";

/** What a list of models can tell; quotas and the like it cannot. */
const TOLD_BY_A_LIST: ReadonlySet<string> = new Set<AttemptFailureReason>([
  "pin_mismatch",
  "model_gone",
  "unauthorized",
]);

export interface LookAgain {
  readonly endpoint: EndpointId;
  /** Why it is out. */
  readonly reason: string;
  readonly snapshot: Snapshot;
  readonly ports: Pick<ExecutePorts, "upstream" | "secret">;
  readonly signal: AbortSignal;
}

/** What the look says, or `undefined` where it says nothing. */
export async function lookAgain(look: LookAgain): Promise<Look | undefined> {
  const { catalog } = look.snapshot.content;
  const endpoint = catalog.endpoints[look.endpoint];
  const model = endpoint === undefined ? undefined : catalog.models[endpoint.model];
  if (endpoint === undefined || model === undefined) return undefined;
  const key = endpoint.secret === undefined ? undefined : look.ports.secret(endpoint.secret);
  if (endpoint.secret !== undefined && key === undefined) return { ok: false, reason: "secret_missing" };
  if (look.reason === "secret_missing") return { ok: true };
  if (!TOLD_BY_A_LIST.has(look.reason)) return undefined;
  const load = wayToLook({
    dialect: dialectOf(endpoint.dialect),
    target: { endpoint, ...(key === undefined ? {} : { key }) },
    model,
    upstream: look.ports.upstream,
    signal: look.signal,
  });
  const reported = await load?.().catch(() => undefined);
  if (reported === undefined) return undefined;
  return checkPin(model.pin, reported).ok ? { ok: true } : { ok: false, reason: "pin_mismatch" };
}

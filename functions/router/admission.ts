/**
 * Who is asking: every request has a tenant and scopes before anything else looks at it.
 *
 * Loopback development is tenant `local` with every scope. A deployed Worker has no way to admit anybody until keys are configured,
 * and fails closed: it refuses all but `/healthz`.
 */
import type { RequestFailure, Result } from "../../routing/index.ts";
import { type Env, isLocal } from "./environment.ts";

export type Scope = "generate" | "export" | "read-status" | "force-arm" | "operate";

export interface Admitted {
  readonly tenant: string;
  readonly scopes: readonly Scope[];
}

const LOCAL_TENANT: Admitted = {
  tenant: "local",
  scopes: ["generate", "export", "read-status", "force-arm", "operate"],
};

/** Decides who is asking. */
export function admit(env: Env): Result<Admitted, RequestFailure> {
  if (isLocal(env)) return { ok: true, value: LOCAL_TENANT };
  return {
    ok: false,
    failure: {
      code: "not_configured",
      detail: "This router has no keys configured, so it admits nobody. Only /healthz answers.",
    },
  };
}

/** The refusal of a caller without a scope; `undefined` for one who has it. */
export function missingScope(scope: Scope, { scopes }: Admitted): RequestFailure | undefined {
  return scopes.includes(scope) ? undefined : { code: "forbidden", detail: `This key has no scope ${scope}.` };
}

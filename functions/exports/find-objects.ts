/** The objects of a job and of a tenant's index, behind their protocols. */
import type { Env } from "../router/environment.ts";
import type { ExportIndexObject, ExportJobObject } from "./export-protocol.ts";

/** A job's object. */
export function jobOf(env: Env, id: string): ExportJobObject {
  return env.JOB.get(env.JOB.idFromName(id)) as unknown as ExportJobObject;
}

/** A tenant's index. */
export function indexOf(env: Env, tenant: string): ExportIndexObject {
  return env.EXPORT_INDEX.get(env.EXPORT_INDEX.idFromName(tenant)) as unknown as ExportIndexObject;
}

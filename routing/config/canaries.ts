/**
 * Canaries: each gives a route's traffic to a candidate in growing shares.
 */
import { didYouMean } from "./closest-name.ts";
import { type RoutingSurroundings, resolveModel } from "./resolve-model.ts";
import type { BuiltRoutes } from "./routes.ts";
import { canarySchema, type RawCanary } from "./routing-schema.ts";
import type { Canary, ModelId } from "./snapshot.ts";

/** control.md §6: margin 1.5, at least 500 requests of the canary and 24 hours. */
const DEFAULTS = { guard: 1.5, minRequests: 500, minHours: 24 } as const;

type CanarySurroundings = RoutingSurroundings & BuiltRoutes;

/** All canaries by name. */
export function buildCanaries(
  raw: Readonly<Record<string, unknown>>,
  around: CanarySurroundings,
): Record<string, Canary> {
  const canaries: Record<string, Canary> = {};
  /** Route → share that its canaries take together at the ends of their ramps. */
  const taken = new Map<string, number>();
  for (const [name, entry] of Object.entries(raw)) {
    const path = ["canaries", name];
    const { fields, whole } = around.report.parseBlock(canarySchema, entry, path);
    const named = around.report.checkId(name, path);
    const candidate = checkTarget(name, fields, around);
    checkRamp(name, fields.ramp ?? [], around);
    if (fields.route !== undefined) {
      const total = (taken.get(fields.route) ?? 0) + (fields.ramp?.at(-1) ?? 0);
      taken.set(fields.route, total);
      if (total > 1 + 1e-9) {
        const message = `the canaries of \`${fields.route}\` add up to ${Math.round(total * 100)}%`;
        const expected = "100% at most, all canaries of a route together";
        around.report.error({ path: [...path, "ramp"], message, expected, hint: "end a ramp earlier" });
      }
    }
    if (candidate !== undefined && whole !== undefined && named) canaries[name] = toCanary(name, candidate, whole);
  }
  return canaries;
}

function checkTarget(name: string, raw: Partial<RawCanary>, around: CanarySurroundings): ModelId | undefined {
  const { routes, names, report } = around;
  const path = ["canaries", name];
  if (raw.route !== undefined && !names.has(raw.route)) {
    const message = `no route \`${raw.route}\``;
    const hint = didYouMean(raw.route, names);
    report.error({ path: [...path, "route"], message, expected: "a route of this file", hint });
  }
  if (raw.candidate === undefined) return undefined;
  const route = routes.find((other) => other.name === raw.route);
  const candidate = resolveModel(raw.candidate, [...path, "candidate"], around);
  if (route !== undefined && candidate === route.model) {
    const message = `\`${candidate}\` is what \`${route.name}\` serves already`;
    const hint = "give the new version a model entry of its own (`variant_of`) and name that";
    report.error({ path: [...path, "candidate"], message, expected: "another model", hint });
  }
  return candidate;
}

function checkRamp(name: string, ramp: readonly number[], { report }: RoutingSurroundings): void {
  for (const [index, share] of ramp.entries()) {
    const before = index === 0 ? 0 : (ramp[index - 1] ?? 0);
    if (share > before) continue;
    const message = index === 0 ? "a share of 0% is no canary" : "the ramp does not grow here";
    const expected = "shares that grow from step to step";
    report.error({
      path: ["canaries", name, "ramp", index],
      message,
      expected,
      hint: "write them in order, like `[1%, 5%, 15%, 30%]`",
    });
  }
}

function toCanary(name: string, candidate: string, raw: RawCanary): Canary {
  return {
    name,
    route: raw.route,
    candidate,
    ramp: raw.ramp,
    stickTo: raw.stick_to ?? "session",
    salt: raw.salt ?? name,
    mode: raw.mode ?? "enforce",
    guard: { errors: raw.guard?.errors ?? DEFAULTS.guard, sloMisses: raw.guard?.slo_misses ?? DEFAULTS.guard },
    minRequests: raw.min_requests ?? DEFAULTS.minRequests,
    minHours: raw.min_duration === undefined ? DEFAULTS.minHours : raw.min_duration / 3_600_000,
    shadow: raw.shadow ?? 0,
    ...(raw.shadow_gpu_time === undefined ? {} : { shadowGpuMsPerDay: raw.shadow_gpu_time }),
  };
}

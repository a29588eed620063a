/**
 * Routes of the routing file: each with a name of its own, a model that somebody serves and a policy that exists.
 */
import { didYouMean } from "./closest-name.ts";
import { toCondition } from "./conditions.ts";
import { defaultPolicyName } from "./policy-defaults.ts";
import type { Path } from "./problem.ts";
import { isBlock } from "./report.ts";
import { type RoutingSurroundings, resolveModel } from "./resolve-model.ts";
import { routeSchema } from "./routing-schema.ts";
import type { Condition, PolicyName, Purpose, Route, RouteName } from "./snapshot.ts";

/** What could be read of the routes. */
export interface BuiltRoutes {
  /** Sound ones, in the order of the file. */
  readonly routes: readonly Route[];
  /** Of bad ones too, so that what names them is not called dangling. */
  readonly names: ReadonlySet<RouteName>;
}

/** Reads every route. `id` carries the index in the file, bad entries counted. */
export function buildRoutes(
  raw: readonly unknown[] | undefined,
  policies: ReadonlySet<PolicyName>,
  around: RoutingSurroundings,
): BuiltRoutes {
  const { report } = around;
  const routes: Route[] = [];
  const names = new Map<RouteName, number>();
  if (raw?.length === 0) {
    const hint = "add `- { match: preview, model: … }`";
    report.error({ path: ["routes"], at: "key", message: "there is no route", expected: "one route or more", hint });
  }
  for (const [index, entry] of (raw ?? []).entries()) {
    const path = ["routes", index];
    const { fields, faults, whole } = report.parseBlock(routeSchema, entry, path);
    if (!isBlock(entry)) continue;
    const match = fields.match === undefined ? {} : toCondition(fields.match, [...path, "match"], report);
    const model = fields.model === undefined ? undefined : resolveModel(fields.model, [...path, "model"], around);
    const policy = fields.policy ?? defaultPolicyName(match.purposes?.[0]);
    if (!policies.has(policy)) {
      const message = `no policy \`${policy}\``;
      const expected = "a policy of this file, or a built-in one";
      report.error({ path: [...path, "policy"], message, expected, hint: didYouMean(policy, policies) });
    }
    for (const purpose of match.purposes ?? []) checkPurpose(purpose, [...path, "match"], around);
    if (faults.has("match") || faults.has("name")) {
      const meant = meantName(entry);
      if (meant !== undefined && !names.has(meant)) names.set(meant, index);
      continue;
    }
    const name = nameRoute(fields.name, match, { path, names, around });
    if (name === undefined) continue;
    names.set(name, index);
    if (whole !== undefined && model !== undefined) {
      routes.push({ name, id: `routes[${index}]`, match, model, policy });
    }
  }
  return { routes, names: new Set(names.keys()) };
}

/** The name that a route with a bad `match` or `name` most likely has. */
function meantName(entry: unknown): RouteName | undefined {
  if (!isBlock(entry)) return undefined;
  const purpose = isBlock(entry.match) ? entry.match.purpose : entry.match;
  return [entry.name, purpose].find((word) => typeof word === "string");
}

interface Naming {
  readonly path: Path;
  readonly names: ReadonlyMap<RouteName, number>;
  readonly around: RoutingSurroundings;
}

/** The route's own name, else its single purpose; a problem when there is neither, or when it is taken. */
function nameRoute(own: string | undefined, match: Condition, { path, names, around }: Naming): RouteName | undefined {
  const { catalog, report } = around;
  const name = own ?? (match.purposes?.length === 1 ? match.purposes[0] : undefined);
  if (name === undefined) {
    const expected = "a `name`, because it does not match one single purpose";
    report.error({ path, message: "the route has no name", expected, hint: "add `name: …`" });
    return undefined;
  }
  const at = own === undefined ? path : [...path, "name"];
  const hint = own === undefined ? "give this one a `name` of its own" : "choose another name";
  const former = names.get(name);
  if (former !== undefined) {
    const message = `routes[${former}] is called \`${name}\` too`;
    report.error({ path: at, message, expected: "a name for each route", hint });
    return undefined;
  }
  // `galley-route` carries the cluster's name where a cluster serves by default.
  if (catalog !== undefined && Object.hasOwn(catalog.places, name)) {
    const message = `\`${name}\` is a place in the catalogue`;
    report.error({ path: at, message, expected: "a name that is no region or cluster", hint });
  }
  return name;
}

/** `model` of a request may be a model or a purpose: one word must not be both. */
function checkPurpose(purpose: Purpose, path: Path, { catalog, report }: RoutingSurroundings): void {
  const model = catalog?.modelNames.resolve(purpose);
  if (model === undefined) return;
  const message = `the purpose \`${purpose}\` is also a name of the model \`${model}\``;
  const hint = "rename the purpose, or remove the alias from the catalogue";
  report.error({ path, message, expected: "a purpose that is no model's name", hint });
}

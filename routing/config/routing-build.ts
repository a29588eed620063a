/**
 * `model-routing.yml` → the routing part of the content: entries parsed, names resolved against the catalogue and the file itself.
 */
import { buildCanaries } from "./canaries.ts";
import { checkChains } from "./chain-check.ts";
import { didYouMean } from "./closest-name.ts";
import { toCondition } from "./conditions.ts";
import { buildInfer } from "./infer.ts";
import { buildPolicies } from "./policies.ts";
import { defaultPolicyName } from "./policy-defaults.ts";
import { member } from "./report.ts";
import { type RoutingSurroundings, resolveModel } from "./resolve-model.ts";
import { routeSchema, routingFileSchema } from "./routing-schema.ts";
import { checkShadows } from "./shadow-check.ts";
import type { Policy, PolicyName, Route, Routing } from "./snapshot.ts";
import type { Source } from "./yaml-source.ts";

/** Reads the whole file; what is bad is in the report and left out. */
export function buildRouting(source: Source, around: RoutingSurroundings): Routing | undefined {
  const { catalog, report } = around;
  const file = report.parse(routingFileSchema, source.value, []);
  const root = source.value as Readonly<Record<string, unknown>>;
  const policies = buildPolicies(member(root, "policies"), around);
  const routes = buildRoutes(root.routes, policies, around);
  const infer = buildInfer(root.infer, routes, report);
  const canaries = buildCanaries(member(root, "canaries"), routes, around);
  const defaultRoute = buildDefaultRoute(root.default_route, routes, around);
  checkShadows(routes, report);
  checkAliases(routes, around);
  if (catalog !== undefined) checkChains({ routes, policies, canaries, catalog, report });
  if (file === undefined || defaultRoute === undefined) return undefined;
  return { defaultRoute, infer, routes, policies, canaries };
}

/** Routes in the order of the file. `index` in `id` is that of the file, bad entries counted. */
function buildRoutes(
  raw: unknown,
  policies: Readonly<Record<PolicyName, Policy>>,
  around: RoutingSurroundings,
): Route[] {
  const { catalog, report } = around;
  if (!Array.isArray(raw)) return [];
  if (raw.length === 0) {
    const hint = "add `- { match: preview, model: … }`";
    report.error({ path: ["routes"], at: "key", message: "there is no route", expected: "one route or more", hint });
  }
  const routes: Route[] = [];
  const names = new Map<string, number>();
  for (const [index, entry] of raw.entries()) {
    const path = ["routes", index];
    const parsed = report.parse(routeSchema, entry, path);
    if (parsed === undefined) continue;
    const match = toCondition(parsed.match, { path: [...path, "match"], report });
    const name = parsed.name ?? (match.purposes?.length === 1 ? match.purposes[0] : undefined);
    if (name === undefined) {
      const expected = "a `name`, because it does not match one single purpose";
      report.error({ path, message: "the route has no name", expected, hint: "add `name: …`" });
      continue;
    }
    const former = names.get(name);
    names.set(name, former ?? index);
    if (former !== undefined) {
      const message = `routes[${former}] is called \`${name}\` too`;
      const hint = parsed.name === undefined ? "give this one a `name` of its own" : "choose another name";
      const at = parsed.name === undefined ? path : [...path, "name"];
      report.error({ path: at, message, expected: "a name for each route", hint });
      continue;
    }
    if (catalog?.places[name] !== undefined) {
      const message = `\`${name}\` is a place in the catalogue`;
      const at = parsed.name === undefined ? path : [...path, "name"];
      report.error({ path: at, message, expected: "a name that is no region or cluster", hint: "choose another name" });
    }
    const model = resolveModel(parsed.model, [...path, "model"], around);
    const policy = parsed.policy ?? defaultPolicyName(match.purposes?.[0]);
    if (!Object.hasOwn(policies, policy)) {
      const message = `no policy \`${policy}\``;
      const expected = "a policy of this file, or a built-in one";
      const hint = didYouMean(policy, Object.keys(policies));
      report.error({ path: [...path, "policy"], message, expected, hint });
    }
    // A route whose model is bad stays, so that what names the route is not called dangling.
    routes.push({ name, id: `routes[${index}]`, match, model: model ?? "", policy });
  }
  return routes;
}

function buildDefaultRoute(
  raw: unknown,
  routes: readonly Route[],
  { catalog, report }: RoutingSurroundings,
): Routing["defaultRoute"] | undefined {
  if (typeof raw !== "string") return undefined;
  if (routes.some(({ name }) => name === raw)) return { kind: "route", route: raw };
  if (catalog === undefined) return undefined;
  if (catalog.clusterIds.has(raw)) return { kind: "cluster", cluster: raw };
  const known = [...routes.map(({ name }) => name), ...catalog.clusterIds];
  report.error({
    path: ["default_route"],
    message: `no route and no cluster is called \`${raw}\``,
    expected: "a route of this file, or a cluster of the catalogue",
    hint: didYouMean(raw, known) ?? (known.length > 0 ? `known: ${known.slice(0, 8).join(", ")}` : undefined),
  });
  return undefined;
}

/** `model` of a request may be a model or a purpose: one word must not be both. */
function checkAliases(routes: readonly Route[], { catalog, report }: RoutingSurroundings): void {
  for (const [index, { match }] of routes.entries()) {
    for (const purpose of match.purposes ?? []) {
      const model = catalog?.modelNames.resolve(purpose);
      if (model === undefined) continue;
      const message = `the purpose \`${purpose}\` is also a name of the model \`${model}\``;
      const hint = "rename the purpose, or remove the alias from the catalogue";
      report.error({ path: ["routes", index, "match"], message, expected: "a purpose that is no model's name", hint });
    }
  }
}

/**
 * `model-routing.yml` → the routing part of the content: entries parsed, names resolved against the catalogue and the file itself.
 */
import { buildCanaries } from "./canaries.ts";
import { checkChains } from "./chain-check.ts";
import { didYouMean } from "./closest-name.ts";
import { buildInfer } from "./infer.ts";
import { buildPolicies } from "./policies.ts";
import { member } from "./report.ts";
import type { RoutingSurroundings } from "./resolve-model.ts";
import { type BuiltRoutes, buildRoutes } from "./routes.ts";
import { routingFileSchema } from "./routing-schema.ts";
import { checkShadows } from "./shadow-check.ts";
import type { Routing } from "./snapshot.ts";
import type { Source } from "./yaml-source.ts";

/** Reads the whole file; what is bad is in the report and left out. */
export function buildRouting(source: Source, around: RoutingSurroundings): Routing | undefined {
  const { catalog, report } = around;
  const { fields, whole } = report.parseBlock(routingFileSchema, source.value, []);
  const { policies, unsound } = buildPolicies(member(source.value, "policies"), around);
  const { routes, names } = buildRoutes(fields.routes, new Set(Object.keys(policies)), around);
  const infer = buildInfer(fields.infer, routes, report);
  const canaries = buildCanaries(member(source.value, "canaries"), { ...around, routes, names });
  const defaultRoute =
    fields.default_route === undefined ? undefined : buildDefaultRoute(fields.default_route, { ...around, names });
  checkShadows(routes, report);
  if (catalog !== undefined) {
    const sound = routes.filter(({ policy }) => !unsound.has(policy));
    checkChains({ routes: sound, policies, canaries, catalog, report });
  }
  if (whole === undefined || defaultRoute === undefined) return undefined;
  return { defaultRoute, infer, routes, policies, canaries };
}

function buildDefaultRoute(
  name: string,
  { catalog, report, names }: RoutingSurroundings & Pick<BuiltRoutes, "names">,
): Routing["defaultRoute"] | undefined {
  if (names.has(name)) return { kind: "route", route: name };
  if (catalog === undefined) return undefined;
  if (catalog.clusterIds.has(name)) return { kind: "cluster", cluster: name };
  const known = [...names, ...catalog.clusterIds];
  report.error({
    path: ["default_route"],
    message: `no route and no cluster is called \`${name}\``,
    expected: "a route of this file, or a cluster of the catalogue",
    hint: didYouMean(name, known) ?? (known.length > 0 ? `known: ${known.slice(0, 8).join(", ")}` : undefined),
  });
  return undefined;
}

/**
 * Decides what a request is for and which route serves it: purpose declared or inferred, then the first route that matches, then the
 * default route. A model asked for by name replaces the route's model and nothing else.
 *
 * Compiled once per snapshot; a decision then costs the same with three routes as with two thousand. Fails closed on names that
 * nothing knows (a purpose, a model), and open everywhere else: what no route matches, the default route serves.
 */
import { defaultPolicyName } from "../config/policy-defaults.ts";
import type { Catalog, ModelId, Purpose, Route, Routing, Snapshot, SnapshotContent } from "../config/snapshot.ts";
import type { RequestFailure, Result } from "../failure/index.ts";
import type { Classified, RequestFeatures } from "./classify.ts";
import { describeCondition, type Test, toTest } from "./condition.ts";
import { knownPurposes, unknownPurpose } from "./purposes.ts";
import { type FindRoute, indexRoutes } from "./route-index.ts";

/** Failures: `invalid_request` at `/purpose`, `model_unknown` at `/model`. */
export type Classifier = (features: RequestFeatures) => Result<Classified, RequestFailure>;

/** Serves when neither a rule nor the caller says what a request is for. */
const LAST_RESORT: Purposed = { purpose: "preview", how: "inferred default" };

/** Builds the decision for one snapshot. */
export function createClassifier(snapshot: Snapshot): Classifier {
  const { routing, catalog } = snapshot.content;
  const decidePurpose = purposeDecider(routing);
  const findRoute = indexRoutes(routing.routes);
  const fallback = defaultTarget(snapshot.content);
  return (features) => {
    const purposed = decidePurpose(features);
    if (!purposed.ok) return purposed;
    const { purpose, how } = purposed.value;
    const target = matchedTarget(findRoute, { features, purpose }) ?? fallback(purpose);
    const classified = { purpose, ...target, reason: `${how}; ${target.reason}` };
    return features.model === undefined
      ? { ok: true, value: classified }
      : withAskedModel({ classified, model: features.model, catalog });
  };
}

interface Purposed {
  readonly purpose: Purpose;
  /** `declared preview`, `inferred has_text; infer[0]`. */
  readonly how: string;
}

type Target = Omit<Classified, "purpose">;

function purposeDecider(routing: Routing): (features: RequestFeatures) => Result<Purposed, RequestFailure> {
  const known = knownPurposes(routing);
  const rules = routing.infer.map((rule) => ({
    test: toTest(rule.when),
    inferred: { purpose: rule.purpose, how: `inferred ${describeCondition(rule.when)}; ${rule.id}` },
  }));
  return (features) => {
    const { purpose } = features;
    if (purpose === undefined) return { ok: true, value: infer(rules, features) };
    if (!known.has(purpose)) return { ok: false, failure: unknownPurpose(known) };
    return { ok: true, value: { purpose, how: `declared ${purpose}` } };
  };
}

function infer(
  rules: readonly { readonly test: Test; readonly inferred: Purposed }[],
  features: RequestFeatures,
): Purposed {
  return rules.find((rule) => rule.test({ features, purpose: undefined }))?.inferred ?? LAST_RESORT;
}

function matchedTarget(
  findRoute: FindRoute,
  facts: { readonly features: RequestFeatures; readonly purpose: Purpose },
): Target | undefined {
  const route = findRoute(facts);
  return route && toTarget(route, route.id);
}

/** Where requests go that no route matches; by purpose, because a cluster serves each under that purpose's own policy. */
function defaultTarget({ routing, catalog }: SnapshotContent): (purpose: Purpose) => Target {
  const { defaultRoute } = routing;
  if (defaultRoute.kind === "route") {
    const route = routing.routes.find((candidate) => candidate.name === defaultRoute.route);
    if (!route) throw new Error(`The snapshot's default route ${defaultRoute.route} is not one of its routes`);
    return () => toTarget(route, `default; ${route.id}`);
  }
  const { cluster } = defaultRoute;
  const place = catalog.places[cluster];
  if (place?.kind !== "cluster") throw new Error(`The snapshot's default route ${cluster} is not one of its clusters`);
  return (purpose) => ({
    route: cluster,
    cluster,
    model: place.defaultModel,
    policy: defaultPolicyName(purpose),
    reason: `default; ${cluster}`,
  });
}

function toTarget(route: Route, reason: string): Target {
  return { route: route.name, model: route.model, policy: route.policy, reason };
}

function withAskedModel(options: {
  readonly classified: Classified;
  readonly model: ModelId;
  readonly catalog: Catalog;
}): Result<Classified, RequestFailure> {
  const { classified, model, catalog } = options;
  if (!Object.hasOwn(catalog.models, model) || catalog.models[model]?.kind !== "generate") {
    return {
      ok: false,
      failure: { code: "model_unknown", path: "/model", detail: "No model of this name draws pictures here." },
    };
  }
  return { ok: true, value: { ...classified, model, reason: `${classified.reason}; model requested` } };
}

/**
 * Can a route's fallback chain fit its deadline at all?
 *
 * control.md §2: a chain whose legs' least useful times and the reserve add up to more than the deadline promises what it cannot do.
 * Legs that the catalogue has no endpoint for cost nothing; no more legs count than the policy has attempts.
 */
import type { CatalogDraft } from "./catalog-build.ts";
import { expectedQ75Ms } from "./expected.ts";
import type { Report } from "./report.ts";
import type { Canary, FallbackStep, ModelId, Policy, Route } from "./snapshot.ts";

interface ChainInput {
  readonly routes: readonly Route[];
  readonly policies: Readonly<Record<string, Policy>>;
  readonly canaries: Readonly<Record<string, Canary>>;
  readonly catalog: CatalogDraft;
  readonly report: Report;
}

interface CountedLeg {
  readonly words: string;
  readonly leastMs: number;
}

/** Reports each route whose chain, with its own model or with a canary's candidate, does not fit. */
export function checkChains({ routes, policies, canaries, catalog, report }: ChainInput): void {
  const times = surveyTimes(catalog);
  const candidates = Map.groupBy(Object.values(canaries), ({ route }) => route);
  for (const route of routes) {
    const policy = policies[route.policy];
    if (policy === undefined) continue;
    const tried = (candidates.get(route.name) ?? []).map(({ candidate }) => candidate);
    for (const model of [route.model, ...tried]) {
      const legs = countedLegs(model, policy, times).slice(0, policy.maxAttempts);
      const neededMs = legs.reduce((sum, { leastMs }) => sum + leastMs, policy.reserveMs);
      if (neededMs <= policy.deadlineMs) continue;
      const parts = legs.map(({ words, leastMs }) => `${words} ${leastMs} ms`).join(" + ");
      report.error({
        path: ["routes", Number(route.id.replace(/\D/g, ""))],
        message: `the chain of \`${route.name}\` cannot fit its deadline: ${parts} + reserve ${policy.reserveMs} ms = ${neededMs} ms`,
        expected: `at most ${policy.deadlineMs} ms, the deadline of \`${policy.name}\``,
        hint: "raise the deadline, drop a fallback step, lower `attempts`, or route to a faster model",
      });
    }
  }
}

/** What the legs of any chain are made of. */
interface Times {
  readonly models: ReadonlyMap<ModelId, { readonly leastMs: number; readonly faster?: ModelId }>;
  /** How many regions and clusters serve a model. */
  readonly regions: ReadonlyMap<ModelId, number>;
  readonly clusters: ReadonlyMap<ModelId, number>;
  /** Of the quickest upscaler; 0 without one, which is a problem of its own. */
  readonly upscaleMs: number;
}

function surveyTimes({ models, endpoints, clusterIds }: CatalogDraft): Times {
  const places = new Map<ModelId, Set<string>>();
  for (const { model, place } of Object.values(endpoints)) {
    places.set(model, (places.get(model) ?? new Set()).add(place));
  }
  const countPlaces = (isCounted: (place: string) => boolean) =>
    new Map(Array.from(places, ([model, ids]) => [model, [...ids].filter(isCounted).length]));
  const upscalers = Object.values(models).filter(({ kind }) => kind === "upscale");
  return {
    models: new Map(
      Object.values(models).map(({ id, expected, faster }) => [
        id,
        { leastMs: expectedQ75Ms(expected), ...(faster === undefined ? {} : { faster }) },
      ]),
    ),
    regions: countPlaces((place) => !clusterIds.has(place)),
    clusters: countPlaces((place) => clusterIds.has(place)),
    upscaleMs: upscalers.length === 0 ? 0 : Math.min(...upscalers.map(({ expected }) => expectedQ75Ms(expected))),
  };
}

function countedLegs(primary: ModelId, policy: Policy, times: Times): CountedLeg[] {
  const own = times.models.get(primary);
  if (own === undefined) return [];
  const legs: CountedLeg[] = [{ words: primary, leastMs: own.leastMs }];
  for (const step of policy.fallback) {
    const leastMs = leastMsOf(step, { primary, own, times });
    if (leastMs !== undefined) legs.push({ words: step.step === "model" ? step.model : step.step, leastMs });
  }
  return legs;
}

interface Chain {
  readonly primary: ModelId;
  readonly own: { readonly leastMs: number; readonly faster?: ModelId };
  readonly times: Times;
}

/** Least useful time of a step, ms; `undefined` when it needs no time, or no endpoint could serve it. */
function leastMsOf(step: FallbackStep, { primary, own, times }: Chain): number | undefined {
  const regions = times.regions.get(primary) ?? 0;
  const fasterMs = own.faster === undefined ? undefined : times.models.get(own.faster)?.leastMs;
  switch (step.step) {
    case "same-model":
      return own.leastMs;
    case "sibling-region":
      return regions > 1 ? own.leastMs : undefined;
    case "faster-model":
      return fasterMs;
    case "any-region":
      // Useful as soon as the quickest of what it may try fits.
      return regions > 2 ? Math.min(own.leastMs, fasterMs ?? own.leastMs) : undefined;
    case "cluster":
      return (times.clusters.get(primary) ?? 0) > 0 ? own.leastMs : undefined;
    case "stale":
      return undefined;
    case "model":
      return (times.models.get(step.model)?.leastMs ?? 0) + (step.upscale ? times.upscaleMs : 0);
  }
}

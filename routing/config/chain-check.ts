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
  const served = placesByModel(catalog);
  for (const route of routes) {
    const policy = policies[route.policy];
    if (policy === undefined) continue;
    const candidates = Object.values(canaries).filter((canary) => canary.route === route.name);
    for (const model of [route.model, ...candidates.map(({ candidate }) => candidate)]) {
      const legs = countedLegs(model, policy, catalog, served).slice(0, policy.maxAttempts);
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

interface Served {
  readonly regions: number;
  readonly clusters: number;
}

function placesByModel(catalog: CatalogDraft): ReadonlyMap<ModelId, Served> {
  const places = new Map<ModelId, Set<string>>();
  for (const { model, place } of Object.values(catalog.endpoints)) {
    places.set(model, (places.get(model) ?? new Set()).add(place));
  }
  return new Map(
    Array.from(places, ([model, ids]) => {
      const clusters = [...ids].filter((id) => catalog.clusterIds.has(id)).length;
      return [model, { regions: ids.size - clusters, clusters }];
    }),
  );
}

function countedLegs(
  primary: ModelId,
  policy: Policy,
  catalog: CatalogDraft,
  served: ReadonlyMap<ModelId, Served>,
): CountedLeg[] {
  const model = catalog.models[primary];
  if (model === undefined) return [];
  const leastOf = (id: ModelId | undefined) => {
    const found = id === undefined ? undefined : catalog.models[id];
    return found === undefined ? undefined : expectedQ75Ms(found.expected);
  };
  const upscaleMs = Math.min(
    ...Object.values(catalog.models).map(({ kind, expected }) =>
      kind === "upscale" ? expectedQ75Ms(expected) : Number.POSITIVE_INFINITY,
    ),
  );
  const own = expectedQ75Ms(model.expected);
  const places = served.get(primary) ?? { regions: 0, clusters: 0 };
  const leastMs = (step: FallbackStep): number | undefined => {
    switch (step.step) {
      case "same-model":
        return own;
      case "sibling-region":
        return places.regions > 1 ? own : undefined;
      case "faster-model":
        return leastOf(model.faster);
      case "any-region":
        // Useful as soon as the quickest of what it may try fits.
        return places.regions > 2 ? Math.min(own, leastOf(model.faster) ?? own) : undefined;
      case "cluster":
        return places.clusters > 0 ? own : undefined;
      case "stale":
        return undefined;
      case "model":
        return (leastOf(step.model) ?? 0) + (step.upscale && Number.isFinite(upscaleMs) ? upscaleMs : 0);
    }
  };
  const legs: CountedLeg[] = [{ words: primary, leastMs: own }];
  for (const step of policy.fallback) {
    const ms = leastMs(step);
    if (ms !== undefined) legs.push({ words: step.step === "model" ? step.model : step.step, leastMs: ms });
  }
  return legs;
}

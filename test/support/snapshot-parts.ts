/**
 * The parts of a snapshot, each with sound defaults: `aModel({ id: "m", faster: "m-fast" })`.
 *
 * Defaults are neutral: a model can do everything, an endpoint has two slots, a policy has one leg and eight seconds.
 */
import type { Cluster, Endpoint, Model, Policy, Region, Route } from "../../routing/config/snapshot.ts";

export function aModel(parts: Partial<Model> & { readonly id: string }): Model {
  return {
    name: parts.id,
    kind: "generate",
    dialect: "generate",
    pin: `${parts.id}@000000000000`,
    upstreamName: `${parts.id}@000000000000`,
    capabilities: {
      sizeMultiple: 16,
      maxPixels: 4096 * 4096,
      size: "exact",
      seed: true,
      negativePrompt: true,
      steps: true,
      guidance: true,
      image: true,
      mask: true,
      formats: ["png", "webp", "jpeg"],
    },
    parameters: { steps: 28, guidance: 4.5, extra: {} },
    price: { perGpuSecondUsd: 0.001 },
    expected: { p50Ms: 1_000, p95Ms: 1_500 },
    ...parts,
  };
}

export function anEndpoint(parts: Partial<Endpoint> & { readonly id: string }): Endpoint {
  const place = parts.place ?? "weur";
  return {
    model: "sd35-medium",
    place,
    url: `http://${parts.id}.gpu.test`,
    dialect: "generate",
    concurrency: { kind: "known", slots: 2 },
    honoursCancel: true,
    failureDomain: place,
    pictureHosts: [],
    ...parts,
  };
}

export function aRegion(parts: Partial<Region> & { readonly id: string }): Region {
  return {
    kind: "region",
    locationHint: parts.id,
    colos: [],
    countries: [],
    continents: [],
    fallback: [],
    ...parts,
  };
}

export function aCluster(parts: Partial<Cluster> & { readonly id: string }): Cluster {
  return { locationHint: "enam", defaultModel: "nano-banana-pro", ...parts, kind: "cluster" };
}

export function aPolicy(parts: Partial<Policy> & { readonly name: string }): Policy {
  return {
    mode: "inline",
    priority: "interactive",
    deadlineMs: 8_000,
    reserveMs: 300,
    maxAttempts: 4,
    fallback: [],
    overlap: false,
    extraAttempts: 0.1,
    headBytes: 4 * 1024 * 1024,
    seed: "random",
    staleMaxAgeMs: 600_000,
    downgrade: {
      enterAt: 1,
      enterTicks: 3,
      leaveAt: 0.7,
      leaveTicks: 12,
      tickMs: 5_000,
      dwellMs: 30_000,
      keepUpper: 0.02,
    },
    cacheMs: 0,
    promote: false,
    acceptSecondBill: false,
    sloMs: parts.deadlineMs ?? 8_000,
    ...parts,
  };
}

export function aRoute(parts: Partial<Route> & { readonly name: string }): Route {
  return {
    id: "routes[0]",
    match: { purposes: [parts.name] },
    model: "sd35-medium",
    policy: "fast-preview",
    ...parts,
  };
}

/**
 * Snapshots for tests: a small, sound world that every test changes only where it is about it.
 *
 * Three regions and a cluster, the case study's models, its three routes. Each record of overrides is merged by id;
 * `null` takes an entry out; an unknown id is built from the neutral default of its kind.
 */
import { foldName } from "../../routing/config/names.ts";
import type {
  Canary,
  Catalog,
  Cluster,
  Endpoint,
  InferRule,
  Model,
  Place,
  Policy,
  Region,
  Route,
  Routing,
  Snapshot,
} from "../../routing/config/snapshot.ts";
import { aCluster, aModel, anEndpoint, aPolicy, aRegion } from "./snapshot-parts.ts";

export * from "./snapshot-parts.ts";

type Overrides<Thing> = Readonly<Record<string, Partial<Thing> | null>>;

export interface SnapshotOverrides {
  readonly version?: string;
  readonly defaultRoute?: Routing["defaultRoute"];
  readonly infer?: readonly InferRule[];
  readonly routes?: readonly Route[];
  readonly policies?: Overrides<Policy>;
  readonly canaries?: Readonly<Record<string, Canary>>;
  readonly models?: Overrides<Model>;
  readonly endpoints?: Overrides<Endpoint>;
  /** `kind: "cluster"` makes a new place a cluster; a region otherwise. */
  readonly places?: Readonly<Record<string, Partial<Region> | Partial<Cluster> | null>>;
}

const defaultModels: Overrides<Model> = {
  "sd35-medium": { name: "SD3.5 Medium", faster: "sd35-medium-turbo", expected: { p50Ms: 1_500, p95Ms: 2_200 } },
  "sd35-medium-turbo": {
    name: "SD3.5 Medium Turbo",
    parameters: { steps: 8, guidance: 1, extra: {} },
    expected: { p50Ms: 500, p95Ms: 800 },
  },
  "nano-banana": { name: "Nano Banana", expected: { p50Ms: 900, p95Ms: 1_600 } },
  "nano-banana-pro": { name: "Nano Banana PRO", expected: { p50Ms: 12_000, p95Ms: 20_000 } },
  "ideogram-v2a-turbo": { name: "Ideogram V2A Turbo", expected: { p50Ms: 2_000, p95Ms: 3_500 } },
};

const regionalModels = ["sd35-medium", "sd35-medium-turbo", "nano-banana", "ideogram-v2a-turbo"];

const defaultPlaces: NonNullable<SnapshotOverrides["places"]> = {
  weur: {
    locationHint: "weur",
    colos: ["AMS", "CDG", "FRA"],
    countries: ["DE", "FR", "NL"],
    continents: ["EU", "AF"],
    latitude: 50.1,
    longitude: 8.7,
    fallback: ["enam", "apac"],
  },
  enam: {
    locationHint: "enam",
    colos: ["EWR", "IAD"],
    countries: ["US", "CA"],
    continents: ["NA", "SA"],
    latitude: 39,
    longitude: -77.5,
    fallback: ["weur", "apac"],
  },
  apac: {
    locationHint: "apac",
    colos: ["NRT", "SIN"],
    countries: ["JP", "SG"],
    continents: ["AS", "OC"],
    latitude: 1.35,
    longitude: 103.8,
    fallback: ["weur", "enam"],
  },
  "gpu-cluster": { kind: "cluster", locationHint: "enam", defaultModel: "nano-banana-pro" },
};

/** `weur-sd35-medium` and so on: each regional model once a region, and the cluster's models. */
const defaultEndpoints: Overrides<Endpoint> = Object.fromEntries([
  ...["weur", "enam", "apac"].flatMap((place) =>
    regionalModels.map((model) => [`${place}-${model}`, { model, place }] as const),
  ),
  ...["nano-banana-pro", "sd35-medium"].map(
    (model) => [`gpu-cluster-${model}`, { model, place: "gpu-cluster" }] as const,
  ),
]);

const defaultPolicies: Overrides<Policy> = {
  "fast-preview": {
    fallback: [{ step: "sibling-region" }, { step: "faster-model" }, { step: "any-region" }, { step: "stale" }],
  },
  "quality-render": {
    mode: "job",
    priority: "export",
    deadlineMs: 600_000,
    maxAttempts: 4,
    fallback: [{ step: "same-model" }, { step: "model", model: "sd35-medium", upscale: true }],
  },
  draft: {
    priority: "automation",
    deadlineMs: 30_000,
    maxAttempts: 3,
    fallback: [{ step: "sibling-region" }, { step: "faster-model" }, { step: "any-region" }],
  },
  fallback: { deadlineMs: 30_000, fallback: [{ step: "same-model" }, { step: "any-region" }] },
};

const defaultRoutes: readonly Route[] = [
  {
    name: "compositing",
    id: "routes[0]",
    match: { purposes: ["compositing"] },
    model: "ideogram-v2a-turbo",
    policy: "fast-preview",
  },
  { name: "preview", id: "routes[1]", match: { purposes: ["preview"] }, model: "sd35-medium", policy: "fast-preview" },
  {
    name: "high-res-export",
    id: "routes[2]",
    match: { purposes: ["high-res-export"] },
    model: "nano-banana-pro",
    policy: "quality-render",
  },
  { name: "draft-art", id: "routes[3]", match: { purposes: ["draft-art"] }, model: "nano-banana", policy: "draft" },
];

const defaultInfer: readonly InferRule[] = [
  { id: "infer[0]", when: { exportFlag: true }, purpose: "high-res-export" },
  { id: "infer[1]", when: { minPixels: 2048 * 2048 }, purpose: "high-res-export" },
  { id: "infer[2]", when: { hasText: true }, purpose: "compositing" },
  { id: "infer[3]", when: { automation: true }, purpose: "draft-art" },
  { id: "infer[4]", when: {}, purpose: "preview" },
];

/** A whole snapshot. Its `version` is a stand-in, not a hash. */
export function aSnapshot(overrides: SnapshotOverrides = {}): Snapshot {
  const models = merge({ defaults: defaultModels, overrides: overrides.models, build: aModel });
  const endpoints = merge({ defaults: defaultEndpoints, overrides: overrides.endpoints, build: anEndpoint });
  const places = merge<Place>({ defaults: defaultPlaces, overrides: overrides.places, build: aPlace });
  const policies = merge({
    defaults: defaultPolicies,
    overrides: overrides.policies,
    build: ({ id, ...policy }: Partial<Policy> & { id: string }) => aPolicy({ ...policy, name: id }),
  });
  const routing: Routing = {
    defaultRoute: overrides.defaultRoute ?? { kind: "cluster", cluster: "gpu-cluster" },
    infer: overrides.infer ?? defaultInfer,
    routes: overrides.routes ?? defaultRoutes,
    policies,
    canaries: overrides.canaries ?? {},
  };
  const catalog: Catalog = { models, endpoints, places, names: namesOf(models) };
  return { schema: 1, version: overrides.version ?? "0000000000000001", content: { routing, catalog } };
}

function aPlace(parts: { readonly id: string; readonly kind?: Place["kind"] }): Place {
  return parts.kind === "cluster"
    ? aCluster(parts as Partial<Cluster> & { id: string })
    : aRegion(parts as Partial<Region> & { id: string });
}

function merge<Thing>(options: {
  readonly defaults: Readonly<Record<string, object | null>>;
  readonly overrides: Readonly<Record<string, object | null>> | undefined;
  readonly build: (parts: Partial<Thing> & { id: string }) => Thing;
}): Record<string, Thing> {
  const { defaults, overrides = {}, build } = options;
  const ids = [...new Set([...Object.keys(defaults), ...Object.keys(overrides)])];
  return Object.fromEntries(
    ids
      .filter((id) => overrides[id] !== null)
      .map((id) => [id, build({ ...defaults[id], ...overrides[id], id } as Partial<Thing> & { id: string })]),
  );
}

function namesOf(models: Readonly<Record<string, Model>>): Record<string, string> {
  return Object.fromEntries(
    Object.values(models).flatMap((model) => [
      [foldName(model.id), model.id],
      [foldName(model.name), model.id],
    ]),
  );
}

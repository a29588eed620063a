/**
 * The compiled configuration: what the Worker reads from KV and everything decides from.
 *
 * Immutable plain JSON. Names are resolved (every id that is mentioned exists), durations are ms, sizes px or bytes, money USD,
 * shares 0…1. `version` is the hash of `content`, so equal content means equal version wherever it was compiled.
 */

export type ModelId = string;
export type EndpointId = string;
/** A region or a cluster: both are places where endpoints are. One name space. */
export type PlaceId = string;
export type PolicyName = string;
export type RouteName = string;
export type Purpose = string;

/** Schema of the stored JSON; the former one is read for one release. */
export const SNAPSHOT_SCHEMA = 1;

export interface Snapshot {
  readonly schema: typeof SNAPSHOT_SCHEMA;
  /** First 16 hex digits of the SHA-256 of the canonical JSON of `content`. */
  readonly version: string;
  readonly content: SnapshotContent;
}

export interface SnapshotContent {
  readonly routing: Routing;
  readonly catalog: Catalog;
}

// ---------------------------------------------------------------- routing: product policy

export interface Routing {
  /** Serves when no route matches. */
  readonly defaultRoute:
    | { readonly kind: "route"; readonly route: RouteName }
    | { readonly kind: "cluster"; readonly cluster: PlaceId };
  /** How a purpose is inferred when the request declares none; first match wins; the last rule has no condition. */
  readonly infer: readonly InferRule[];
  /** In order of matching; first match wins. */
  readonly routes: readonly Route[];
  readonly policies: Readonly<Record<PolicyName, Policy>>;
  readonly canaries: Readonly<Record<string, Canary>>;
}

/** Every present condition must hold. An absent one does not matter. */
export interface Condition {
  readonly purposes?: readonly Purpose[];
  /** `text` overlays, or a quoted string that the prompt asks to render. */
  readonly hasText?: boolean;
  /** The request came from automation (header or key), not from a person. */
  readonly automation?: boolean;
  /** The request carries the explicit export flag. */
  readonly exportFlag?: boolean;
  readonly hasImage?: boolean;
  readonly hasMask?: boolean;
  /** Asked pixels (width × height), inclusive bounds. */
  readonly minPixels?: number;
  readonly maxPixels?: number;
  readonly tenants?: readonly string[];
  /** ISO 3166 alpha-2, upper case. */
  readonly countries?: readonly string[];
}

export interface InferRule {
  /** Stable id, `infer[0]`: shown in `galley-reason`. */
  readonly id: string;
  readonly when: Condition;
  readonly purpose: Purpose;
}

export interface Route {
  /** From `name`, else the purpose it matches. Unique. */
  readonly name: RouteName;
  /** Stable id, `routes[0]`: shown in `galley-reason`. */
  readonly id: string;
  readonly match: Condition;
  readonly model: ModelId;
  readonly policy: PolicyName;
}

/** One step of a policy's fallback chain, in order. */
export type FallbackStep =
  /** The same model on another endpoint of the same place. */
  | { readonly step: "same-model" }
  /** The same model in the home region's first fallback region that has it. */
  | { readonly step: "sibling-region" }
  /** The model's declared faster variant in the home region. */
  | { readonly step: "faster-model" }
  /** The same model, then its faster variant, in whatever region is left. */
  | { readonly step: "any-region" }
  /** The last finished picture of the same session and layer. */
  | { readonly step: "stale" }
  /** The central cluster. */
  | { readonly step: "cluster" }
  /** Another model, upscaled to the asked size where `upscale`. */
  | { readonly step: "model"; readonly model: ModelId; readonly upscale: boolean };

/** Who goes first when slots are short: interactive preview > automation draft > export. */
export type Priority = "interactive" | "automation" | "export";

export interface Policy {
  readonly name: PolicyName;
  /** `inline` answers with the picture; `job` answers 202 and renders durably on a cluster. */
  readonly mode: "inline" | "job";
  readonly priority: Priority;
  /** From admission to the last byte of the head, ms. */
  readonly deadlineMs: number;
  /** Ceiling for one attempt, ms; `undefined`: only the deadline bounds it. */
  readonly attemptTimeoutMs?: number;
  /** Kept back to check and send the answer, ms (control.md §2: 300). */
  readonly reserveMs: number;
  /** Most upstream attempts for one request, all legs and hedges together. */
  readonly maxAttempts: number;
  readonly fallback: readonly FallbackStep[];
  /** Start the next leg while the current one still runs, once the current one is late by its own prediction. */
  readonly overlap: boolean;
  readonly hedge?: Hedge;
  /** Share of requests that may cost an extra attempt (retries and hedges together), 0…1 (control.md: 0.10). */
  readonly extraAttempts: number;
  /** Most bytes of a picture held back to check it before the first byte is sent (default 4 MiB). */
  readonly headBytes: number;
  /** `random`: a fresh seed a request; `derived`: from the canonical request, so that equal requests are equal work. */
  readonly seed: "random" | "derived";
  /** How old a picture the `stale` step may show, ms. */
  readonly staleMaxAgeMs: number;
  readonly downgrade: Downgrade;
  /** Serve a finished picture again to equal requests with a seed for this long, ms; 0 = never. */
  readonly cacheMs: number;
  /** A slow inline request becomes a job (202) instead of timing out. */
  readonly promote: boolean;
  /** While the picture renders, send a fast draft of this model as a partial image to streaming clients. */
  readonly progressive?: { readonly draft: ModelId };
  /** Jobs: a leg of another model may be begun although the former leg may still be billed. */
  readonly acceptSecondBill: boolean;
  /** Latency objective of the route, ms: a slower success is a bad event for canaries. Defaults to the deadline. */
  readonly sloMs: number;
}

export interface Hedge {
  /** Second attempt when the first is slower than this quantile of its class, 0…1. */
  readonly afterQuantile: number;
  /** Share of requests that may be hedged, 0…1. Part of `extraAttempts`, not on top of it. */
  readonly budget: number;
}

/** Pool-level trigger with hysteresis, in shares of the deadline (control.md §4). */
export interface Downgrade {
  /** Enter the lower tier when the predicted q75 completion exceeds this share of the deadline… */
  readonly enterAt: number;
  readonly enterTicks: number;
  /** …leave it when below this share. */
  readonly leaveAt: number;
  readonly leaveTicks: number;
  readonly tickMs: number;
  readonly dwellMs: number;
  /** Share of requests that keeps testing the upper tier, 0…1. */
  readonly keepUpper: number;
}

export interface Canary {
  readonly name: string;
  readonly route: RouteName;
  readonly candidate: ModelId;
  /** Shares of the candidate in order, 0…1. */
  readonly ramp: readonly number[];
  readonly stickTo: "tenant" | "session" | "request";
  readonly salt: string;
  readonly mode: "observe" | "enforce";
  /** Ratios of bad-event rates that must not be exceeded (> 1). */
  readonly guard: { readonly errors: number; readonly sloMisses: number };
  readonly minRequests: number;
  readonly minHours: number;
  /** Share of previews copied to the candidate with the answer thrown away, 0…1. */
  readonly shadow: number;
  /** GPU time that the copies may take a UTC day, ms; absent: `EXPERIMENT_LIMITS`. */
  readonly shadowGpuMsPerDay?: number;
}

// ---------------------------------------------------------------- catalogue: what exists

export interface Catalog {
  readonly models: Readonly<Record<ModelId, Model>>;
  readonly endpoints: Readonly<Record<EndpointId, Endpoint>>;
  readonly places: Readonly<Record<PlaceId, Place>>;
  /** Regions in the order of the file, which the sorted JSON of `places` loses: the first is home to whom nothing is known of. */
  readonly regionOrder?: readonly PlaceId[];
  /** Every spelling (id, name, alias; folded by `foldName`) → model. */
  readonly names: Readonly<Record<string, ModelId>>;
}

export type DialectName = "generate" | "openai-images" | "gemini" | "ideogram" | "stability" | "workers-ai";

export interface Model {
  readonly id: ModelId;
  readonly name: string;
  readonly kind: "generate" | "upscale";
  readonly dialect: DialectName;
  /** The exact version that endpoints must report. */
  readonly pin: string;
  /** The name that goes upstream (`gemini-2.5-flash-image`, `V_2A_TURBO`, `sd3.5-medium@<sha12>`). */
  readonly upstreamName: string;
  /** The same model doing less work. */
  readonly faster?: ModelId;
  /** Serves when this one is gone (404). */
  readonly successor?: ModelId;
  readonly capabilities: Capabilities;
  readonly parameters: Parameters;
  readonly price: Price;
  /** First guess of service time before anything was measured, ms. */
  readonly expected: { readonly p50Ms: number; readonly p95Ms: number };
}

export interface Capabilities {
  /** Width and height must be multiples of this, px. */
  readonly sizeMultiple: number;
  readonly maxPixels: number;
  /** `exact`: draws what is asked (after rounding to the multiple); `ratio`: picks the nearest of its own sizes. */
  readonly size: "exact" | "ratio";
  readonly seed: boolean;
  readonly negativePrompt: boolean;
  readonly steps: boolean;
  readonly guidance: boolean;
  readonly image: boolean;
  readonly mask: boolean;
  /** Most reference pictures at once; absent: one. */
  readonly maxImages?: number;
  readonly formats: readonly ("png" | "webp" | "jpeg")[];
  /** For `kind: upscale`: the factor, 2 or 4. */
  readonly upscaleFactor?: number;
}

export interface Parameters {
  readonly steps?: number;
  readonly guidance?: number;
  /** Dialect-specific words, passed as they are (`style_type`, `imageSize`, …). */
  readonly extra: Readonly<Record<string, string | number | boolean>>;
}

/** What a picture costs. Parts add up. USD. */
export interface Price {
  readonly perImageUsd?: number;
  readonly perMegapixelUsd?: number;
  readonly perGpuSecondUsd?: number;
  readonly perMillionInputTokensUsd?: number;
  readonly perMillionOutputTokensUsd?: number;
}

export interface Endpoint {
  readonly id: EndpointId;
  readonly model: ModelId;
  readonly place: PlaceId;
  /** Base URL. Never leaves the router: no log, header, error or metric carries it. */
  readonly url: string;
  readonly dialect: DialectName;
  /** Which server speaks the dialect, where that matters. */
  readonly flavor?: "vllm-omni" | "sglang" | "openai";
  /** `known`: replicas × batch of our own GPUs. `adaptive`: third party, AIMD between 1 and `max`. */
  readonly concurrency:
    | { readonly kind: "known"; readonly slots: number }
    | { readonly kind: "adaptive"; readonly initial: number; readonly max: number };
  /** Name of the Worker secret with the key; never the key. */
  readonly secret?: string;
  /** Does closing the connection stop the work? Unknown counts as no. */
  readonly honoursCancel: boolean;
  /** Endpoints of one domain tend to fail together: hedges go to another one. Defaults to the place. */
  readonly failureDomain: string;
  /** Hosts from which this endpoint's picture URLs may be fetched (dialects that answer with a URL). */
  readonly pictureHosts: readonly string[];
}

export type Place = Region | Cluster;

export interface Region {
  readonly kind: "region";
  readonly id: PlaceId;
  /** Durable Object location hint (`weur`, `enam`, `apac`, …). */
  readonly locationHint: string;
  readonly colos: readonly string[];
  readonly countries: readonly string[];
  readonly continents: readonly string[];
  readonly latitude?: number;
  readonly longitude?: number;
  /** Other regions in order of preference. */
  readonly fallback: readonly PlaceId[];
}

export interface Cluster {
  readonly kind: "cluster";
  readonly id: PlaceId;
  readonly locationHint: string;
  readonly defaultModel: ModelId;
}

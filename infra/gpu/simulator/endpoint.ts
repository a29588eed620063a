/**
 * One simulated endpoint as its owner describes it, and how a compiled catalogue becomes a list of them.
 */
import type { Endpoint, Model, SnapshotContent } from "../../../routing/index.ts";
import { FAMILIES, type Family, familyOf, type Timing } from "./families.ts";
import { meanServiceMs, type Stragglers } from "./service-time.ts";

/** Protocols that are HTTP, so that a server can speak them. */
export type SimulatedDialect = "generate" | "openai-images" | "gemini" | "ideogram" | "stability" | "workers-ai";
/** Servers within `openai-images`. */
export type Flavor = "vllm-omni" | "sglang" | "openai";

/** Start-up time of an idle machine: log-normal around `medianMs`, after `idleMs` without work. */
export interface ColdStart {
  readonly idleMs: number;
  readonly medianMs: number;
  readonly sigma: number;
}

/** One endpoint to play. */
export interface SimulatedEndpoint {
  /** Path prefix under which it answers (`weur-sd35-a`), and its name for faults and counters. */
  readonly id: string;
  readonly model: Family;
  readonly dialect: SimulatedDialect;
  /** Which server it plays within `openai-images`; default vllm-omni. */
  readonly flavor?: Flavor;
  /** The model name that it answers to and lists. */
  readonly servedName: string;
  /** The version that it reports. */
  readonly pin: string;
  /** Region or cluster: faults may be set for all endpoints of a place. */
  readonly place?: string;
  /** Pictures in work at the same time. */
  readonly slots: number;
  /** Most requests waiting before it answers 429; `undefined`: no bound. */
  readonly queueCap?: number;
  /** A running picture stops when its client leaves. A waiting one always leaves the queue. */
  readonly honourCancel: boolean;
  /** Default: the family's. */
  readonly timing?: Timing;
  /** Denoising steps when the request names none; default: the family's. */
  readonly steps?: number;
  /** Log-normal start-up time after an idle spell; default: always warm. */
  readonly coldStart?: ColdStart;
  readonly stragglers?: Stragglers;
  /** The only key it accepts; default: any, or none. */
  readonly key?: string;
  /** For upscalers: factor when the request names none, 2 or 4. */
  readonly upscaleFactor?: number;
}

/** Ideogram's default limit of requests in flight (providers' own overview). */
export const IDEOGRAM_IN_FLIGHT = 10;
/** Requests that a hosted third party is taken to work on at once where the catalogue only says what we may send. */
const HOSTED_SLOTS = 16;

/** What the catalogue does not say and a simulation may want. */
export interface CatalogSimulation {
  /** Given to every endpoint; default: none, so that runs repeat. */
  readonly stragglers?: Stragglers;
  readonly coldStart?: ColdStart;
}

/**
 * A simulated endpoint for every one in the catalogue, with times fitted to the model's expected median. The id is the last part of
 * the endpoint's URL path, where the router will look for it; endpoints that share it are one. Dialects that are no HTTP are left out.
 */
export function endpointsFromCatalog(
  content: SnapshotContent,
  simulation: CatalogSimulation = {},
): readonly SimulatedEndpoint[] {
  const { endpoints, models } = content.catalog;
  const byId = new Map<string, SimulatedEndpoint>();
  for (const endpoint of Object.values(endpoints)) {
    const model = models[endpoint.model];
    if (!model || !endpoint.url.startsWith("http")) continue;
    const played = { ...simulated(endpoint, endpoint.dialect, model), ...simulation };
    if (!byId.has(played.id)) byId.set(played.id, played);
  }
  return [...byId.values()];
}

function simulated(endpoint: Endpoint, dialect: SimulatedDialect, model: Model): SimulatedEndpoint {
  const family = familyFor(model);
  const steps = model.parameters.steps ?? FAMILIES[family].steps;
  return {
    id: new URL(endpoint.url).pathname.split("/").filter(Boolean)[0] ?? endpoint.id,
    model: family,
    dialect,
    ...(endpoint.flavor && { flavor: endpoint.flavor }),
    servedName: model.upstreamName,
    pin: model.pin,
    place: endpoint.place,
    ...capacity(endpoint, dialect),
    honourCancel: endpoint.honoursCancel,
    timing: fitted(family, steps, model.expected.p50Ms),
    steps,
    ...(model.capabilities.upscaleFactor !== undefined && { upscaleFactor: model.capabilities.upscaleFactor }),
  };
}

function familyFor(model: Model): Family {
  if (model.kind === "upscale") return "upscaler";
  return familyOf(model.id) ?? familyOf(model.name) ?? familyOf(model.upstreamName) ?? "sd3.5-medium";
}

function capacity(endpoint: Endpoint, dialect: SimulatedDialect): Pick<SimulatedEndpoint, "slots" | "queueCap"> {
  if (dialect === "ideogram") return { slots: IDEOGRAM_IN_FLIGHT, queueCap: 0 };
  if (endpoint.concurrency.kind === "known") return { slots: endpoint.concurrency.slots };
  return { slots: Math.max(HOSTED_SLOTS, endpoint.concurrency.max), queueCap: 0 };
}

/** The family's timing stretched so that one square picture of the default size takes `p50Ms` on an idle machine. */
function fitted(family: Family, steps: number, p50Ms: number): Timing {
  const { timing, width, height } = FAMILIES[family];
  const factor = p50Ms / meanServiceMs(timing, { steps, pixels: width * height, pictures: 1 });
  return {
    overheadMs: timing.overheadMs * factor,
    stepMs: timing.stepMs * factor,
    stepMsPerMegapixel: timing.stepMsPerMegapixel * factor,
    decodeMsPerMegapixel: timing.decodeMsPerMegapixel * factor,
    spread: timing.spread,
  };
}

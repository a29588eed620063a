/**
 * One endpoint while it runs: its GPU, its chance, its counters, its last requests. Turns orders into pictures.
 */
import { between, type Chance, chanceFrom, normal } from "./chance.ts";
import type { Painter } from "./draw/painter.ts";
import type { PictureSpec } from "./draw/picture.ts";
import type { SimulatedEndpoint } from "./endpoint.ts";
import type { Order, Render } from "./exchange.ts";
import { FAMILIES } from "./families.ts";
import type { Fault } from "./faults.ts";
import { type Clock, createGpu, type Gpu } from "./gpu.ts";
import type { MachineCounts } from "./machine.ts";
import { drawServiceMs } from "./service-time.ts";

/** What is remembered of a request, for tests and for looking on. Never the prompt. */
export interface RequestRecord {
  readonly method: string;
  readonly path: string;
  /** The caller's `x-request-id`. */
  readonly requestId?: string;
  seed?: number;
  model?: string;
  timeoutMs?: number;
  fault?: string;
  status?: number;
  /** The client left before the answer was whole. */
  aborted: boolean;
}

/** Counters of one endpoint. */
export interface StationState extends MachineCounts {
  readonly gpuSeconds: number;
  /** Work requests taken in so far. */
  readonly requests: number;
  readonly aborted: number;
  readonly lastRequests: readonly RequestRecord[];
}

/** One running endpoint. */
export interface Station {
  readonly endpoint: SimulatedEndpoint;
  record(request: RequestRecord): void;
  /** The client of this request left before the answer was whole. */
  recordAbort(request: RequestRecord): void;
  render(order: Order, context: { readonly signal: AbortSignal; readonly fault?: Fault }): Promise<Render>;
  drawSeed(): number;
  state(): StationState;
  close(): void;
}

const REMEMBERED = 50;

/** What a station is made of. */
export interface StationSettings {
  readonly endpoint: SimulatedEndpoint;
  readonly painter: Painter;
  readonly clock: Clock;
  readonly seed: number;
  readonly timeScale: number;
}

/** Starts an endpoint, idle. */
export function createStation({ endpoint, painter, clock, seed, timeScale }: StationSettings): Station {
  const serviceChance = chanceFrom("service", seed, endpoint.id);
  const seedChance = chanceFrom("seeds", seed, endpoint.id);
  const { coldStart } = endpoint;
  const coldChance = chanceFrom("cold", seed, endpoint.id);
  const gpu = createGpu({
    slots: endpoint.slots,
    honourCancel: endpoint.honourCancel,
    timeScale,
    clock,
    ...(endpoint.queueCap !== undefined && { queueCap: endpoint.queueCap }),
    ...(coldStart && {
      coldStart: {
        idleMs: coldStart.idleMs,
        startMs: () => coldStart.medianMs * Math.exp(coldStart.sigma * normal(coldChance)),
      },
    }),
  });
  const records: RequestRecord[] = [];
  let requests = 0;
  let aborted = 0;

  return {
    endpoint,
    record(request) {
      requests += 1;
      records.push(request);
      if (records.length > REMEMBERED) records.shift();
    },
    recordAbort(request) {
      request.aborted = true;
      aborted += 1;
    },
    render: (order, { signal, fault }) =>
      render({ endpoint, painter, gpu, chance: serviceChance }, order, { signal, ...(fault && { fault }) }),
    drawSeed: () => Math.floor(between(seedChance, 0, 2_147_483_648)),
    state() {
      const counts = gpu.counts();
      return {
        ...counts,
        gpuSeconds: counts.gpuMs / 1000,
        requests,
        aborted,
        lastRequests: [...records],
      };
    },
    close: () => gpu.close(),
  };
}

interface Workshop {
  readonly endpoint: SimulatedEndpoint;
  readonly painter: Painter;
  readonly gpu: Gpu;
  readonly chance: Chance;
}

async function render(
  { endpoint, painter, gpu, chance }: Workshop,
  order: Order,
  { signal, fault }: { readonly signal: AbortSignal; readonly fault?: Fault },
): Promise<Render> {
  const specs = picturesOf(endpoint, order, fault);
  const timing = endpoint.timing ?? FAMILIES[endpoint.model].timing;
  const steps = order.steps ?? endpoint.steps ?? FAMILIES[endpoint.model].steps;
  const load = { steps, pixels: order.width * order.height, pictures: specs.length };
  const serviceMs = drawServiceMs(timing, load, {
    chance,
    ...(endpoint.stragglers && { stragglers: endpoint.stragglers }),
    ...(fault?.kind === "slow" && { factor: fault.factor ?? 5 }),
  });
  const timeout = order.timeoutMs === undefined ? undefined : AbortSignal.timeout(Math.ceil(order.timeoutMs));
  const stop = timeout ? AbortSignal.any([signal, timeout]) : signal;
  let painting: Promise<readonly PromiseSettledResult<Uint8Array<ArrayBuffer>>[]> | undefined;
  const outcome = await gpu.run(serviceMs, stop, () => {
    painting = Promise.allSettled(specs.map((spec) => painter.paint(spec)));
  });
  if (outcome.end === "full")
    return { outcome: "full", retryAfterS: Math.max(1, Math.ceil(outcome.retryAfterMs / 1000)) };
  if (outcome.end === "cancelled") return { outcome: signal.aborted ? "cancelled" : "timed-out" };
  const painted = (await painting) ?? [];
  const pictures = painted.flatMap((result) => (result.status === "fulfilled" ? [spoil(result.value, fault)] : []));
  if (pictures.length < specs.length) return { outcome: "unreadable-image" };
  return { outcome: "drawn", pictures, queueMs: outcome.waitedMs, gpuMs: outcome.serviceMs };
}

function picturesOf(endpoint: SimulatedEndpoint, order: Order, fault: Fault | undefined): readonly PictureSpec[] {
  const family = FAMILIES[endpoint.model];
  const spoiled = spoiledBy(order, fault);
  return Array.from({ length: order.pictures ?? 1 }, (_, index) => ({
    look: order.upscaled ? "resample" : family.look,
    version: endpoint.pin,
    prompt: order.prompt,
    seed: order.seed + index,
    width: order.width,
    height: order.height,
    steps: order.steps ?? endpoint.steps ?? family.steps,
    guidance: order.guidance ?? family.guidance,
    text: order.text ?? [],
    format: order.format,
    ...(order.negativePrompt !== undefined && { negativePrompt: order.negativePrompt }),
    ...(order.image && { image: order.image }),
    ...(order.mask && { mask: order.mask }),
    ...(spoiled && { spoiled }),
  }));
}

function spoiledBy(order: Order, fault: Fault | undefined): PictureSpec["spoiled"] {
  if (fault?.kind === "black") return "black";
  if (fault?.kind === "wrong-dimensions") return "half-size";
  return order.filtered ? "blurred" : undefined;
}

function spoil(picture: Uint8Array<ArrayBuffer>, fault: Fault | undefined): Uint8Array<ArrayBuffer> {
  if (fault?.kind === "truncated") return picture.slice(0, Math.floor(picture.length * 0.6));
  if (fault?.kind === "garbage-picture") {
    const chance = chanceFrom("garbage", picture.length);
    return Uint8Array.from({ length: Math.min(picture.length, 50_000) }, () => Math.floor(chance() * 256));
  }
  return picture;
}

/**
 * Simulated GPUs behind a network in virtual time: the simulator's own queues, protocols and faults, without HTTP.
 *
 * Each endpoint is the simulator's station; what differs from its server is the wire: a call takes half a round trip each way, a body
 * comes as a stream that may break, stall or drip, and a caller that hangs up is noticed half a round trip later.
 */
import type { ExecutePorts, PlaceId } from "../../../routing/index.ts";
import { dialectOf } from "../../gpu/simulator/dialects/index.ts";
import type { SimulatedEndpoint } from "../../gpu/simulator/endpoint.ts";
import type { Exchange, Order, Render, Reply, Route, ServerDialect } from "../../gpu/simulator/exchange.ts";
import { answerOf, wrongPin } from "../../gpu/simulator/fault-answers.ts";
import { createFaultBook, type Fault, type FaultBook } from "../../gpu/simulator/faults.ts";
import { createHosting } from "../../gpu/simulator/hosting.ts";
import { createStation, type Station } from "../../gpu/simulator/station.ts";
import { upkeepRoutes } from "../../gpu/simulator/upkeep-routes.ts";
import type { StockPainter } from "./pictures.ts";
import type { VirtualTime } from "./time.ts";

type Bytes = Uint8Array<ArrayBuffer>;
type Upstream = ExecutePorts["upstream"];
type Call = Parameters<Upstream["send"]>[0];
type Response = Awaited<ReturnType<Upstream["send"]>>;

/** Half a round trip between a router and endpoints of its own region, of another one, ms. */
export const NEAR_MS = 5;
export const FAR_MS = 45;

export interface Gpus {
  readonly faults: FaultBook;
  /** The way to the endpoints from a router in this place. */
  upstreamFrom(place: PlaceId): Upstream;
  stations(): readonly Station[];
  /** What a look at the endpoint would find now. */
  isServing(endpointId: string): "ok" | "pin_mismatch" | "model_gone" | "unauthorized" | undefined;
  /** Told of each call for a picture, by its attempt id (`<request>.<n>`). */
  onWork(told: (attemptId: string, endpointId: string) => void): void;
}

export interface GpuSettings {
  readonly endpoints: readonly SimulatedEndpoint[];
  readonly time: VirtualTime;
  readonly painter: StockPainter;
  readonly seed: number;
}

interface Stage {
  readonly station: Station;
  readonly dialect: ServerDialect;
  readonly routes: readonly Route[];
}

interface Address {
  readonly stage: Stage;
  readonly route: Route | undefined;
  /** Below the endpoint's prefix. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly baseUrl: string;
}

/** Idle endpoints without faults. */
export function createGpus({ endpoints, time, painter, seed }: GpuSettings): Gpus {
  const faults = createFaultBook(seed);
  const hosting = createHosting();
  const clock = { nowMs: time.passedMs, after: time.after };
  const stages = new Map<string, Stage>(
    endpoints.map((endpoint) => {
      const station = createStation({ endpoint, painter, clock, seed, timeScale: 1 });
      const dialect = dialectOf(endpoint);
      const routes = [...dialect.routes, ...upkeepRoutes(station, () => faults.isOn(endpoint, "503"))];
      return [endpoint.id, { station, dialect, routes }];
    }),
  );
  let told: (attemptId: string, endpointId: string) => void = () => undefined;

  function addressOf(call: Call): Address {
    const { origin, pathname, searchParams } = new URL(call.url);
    const id = pathname.split("/")[1] ?? "";
    const stage = stages.get(id);
    if (stage === undefined) throw new Error(`no simulated endpoint ${id}`);
    const path = pathname.slice(id.length + 1);
    const route = stage.routes.find((one) => one.method === call.method && one.path.test(path));
    return { stage, route, path, query: searchParams, baseUrl: `${origin}/${id}` };
  }

  /** Renders under the caller's own time limit, kept in virtual time. */
  async function render(station: Station, order: Order, at: { signal: AbortSignal; fault: Fault | undefined }) {
    const { timeoutMs, ...work } = order;
    const stop = new AbortController();
    const onLeft = (): void => stop.abort();
    at.signal.addEventListener("abort", onLeft, { once: true });
    let isLate = false;
    const stopTimer =
      timeoutMs === undefined
        ? undefined
        : time.after(timeoutMs, () => {
            isLate = true;
            stop.abort();
          });
    if (at.signal.aborted) stop.abort();
    const context = at.fault === undefined ? { signal: stop.signal } : { signal: stop.signal, fault: at.fault };
    const rendered: Render = await station.render(work, context);
    stopTimer?.();
    at.signal.removeEventListener("abort", onLeft);
    return isLate && rendered.outcome === "cancelled" ? ({ outcome: "timed-out" } as const) : rendered;
  }

  async function answer(call: Call, address: Address, fault: Fault | undefined, signal: AbortSignal): Promise<Reply> {
    const { stage, route, path, query, baseUrl } = address;
    const { station, dialect } = stage;
    const { endpoint } = station;
    if (route === undefined) return { status: 404, headers: {}, body: "" };
    const struck = fault && answerOf(fault, dialect, endpoint);
    if (struck) return struck;
    const drifted = route.work ? fault?.kind === "wrong-pin" : faults.isOn(endpoint, "wrong-pin");
    const exchange: Exchange = {
      ...{ endpoint, path, query, baseUrl },
      params: { ...route.path.exec(path)?.groups },
      ...(await contentOf(call)),
      reportedPin: drifted ? wrongPin(endpoint.pin) : endpoint.pin,
      drawSeed: () => station.drawSeed(),
      render: (order) => render(station, order, { signal, fault }),
      note: () => undefined,
      host: hosting.host,
      fetchHosted: (id) => (faults.isOn(endpoint, "url-gone") ? undefined : hosting.fetchHosted(id)),
      startLater: (order) => hosting.startLater(order, render(station, order, { signal, fault })),
      pollLater: hosting.pollLater,
    };
    return route.handle(exchange);
  }

  async function send(call: Call, signal: AbortSignal, oneWayMs: number): Promise<Response> {
    const address = addressOf(call);
    const { endpoint } = address.stage.station;
    const { promise: hungUp, reject } = Promise.withResolvers<never>();
    hungUp.catch(() => undefined);
    const left = new AbortController();
    const onAbort = (): void => {
      reject(signal.reason);
      time.after(oneWayMs, () => left.abort());
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
    const pass = (ms: number) => Promise.race([new Promise<void>((done) => time.after(ms, done)), hungUp]);
    const isWork = address.route?.work === true;
    const attemptId = call.headers["x-request-id"];
    if (isWork) told(attemptId ?? "", endpoint.id);
    const wire: Wire = { signal, left, time, hungUp };

    await pass(oneWayMs);
    const fault = faults.strike(endpoint, isWork);
    if (fault?.kind === "refuse") {
      await pass(oneWayMs);
      throw new TypeError("Network connection lost.");
    }
    if (fault?.kind === "stall-before-headers") return hungUp;
    const reply = await Promise.race([answer(call, address, fault, left.signal), hungUp]);
    await pass(oneWayMs);
    if (fault?.kind === "reset-before-headers") throw new TypeError("Network connection lost.");
    const bytes = typeof reply.body === "string" ? new TextEncoder().encode(reply.body) : reply.body;
    const headers = new Headers({ ...reply.headers, "content-length": String(bytes.length) });
    return { status: reply.status, headers, body: streamOf(wire, piecesOf(bytes, fault)) };
  }

  return {
    faults,
    upstreamFrom: (place) => ({
      send: (call, signal) =>
        send(call, signal, addressOf(call).stage.station.endpoint.place === place ? NEAR_MS : FAR_MS),
    }),
    stations: () => [...stages.values()].map(({ station }) => station),
    isServing(endpointId) {
      const endpoint = stages.get(endpointId)?.station.endpoint;
      if (endpoint === undefined) return undefined;
      if (faults.isOn(endpoint, "wrong-pin")) return "pin_mismatch";
      if (faults.isOn(endpoint, "model-gone")) return "model_gone";
      return faults.isOn(endpoint, "unauthorized") || faults.isOn(endpoint, "quota") ? "unauthorized" : "ok";
    },
    onWork(listener) {
      told = listener;
    },
  };
}

/** Headers and body as they come over the wire; a form brings its own content type. */
async function contentOf({ headers, body }: Call): Promise<{ readonly headers: Headers; readonly body: Bytes }> {
  const sent = new Headers({ ...headers });
  if (body === undefined) return { headers: sent, body: new Uint8Array() };
  if (typeof body === "string") return { headers: sent, body: new TextEncoder().encode(body) };
  if (!(body instanceof FormData)) return { headers: sent, body };
  const form = new Response(body);
  sent.set("content-type", form.headers.get("content-type") ?? "");
  return { headers: sent, body: new Uint8Array(await form.arrayBuffer()) };
}

interface Pieces {
  readonly pieces: readonly Bytes[];
  /** Before each piece, ms. */
  readonly gapMs: number;
  readonly ends: "end" | "break" | "stall";
}

const DRIP_PIECES = 60;
const DRIP_MS = 30_000;

/** The body as it comes over the wire, whole or as the fault has it. */
function piecesOf(bytes: Bytes, fault: Fault | undefined): Pieces {
  switch (fault?.kind) {
    case "reset-after-headers":
    case "cut-after-headers":
      return { pieces: [bytes.slice(0, bytes.length >> 1)], gapMs: 0, ends: "break" };
    case "stall-after-headers":
      return { pieces: [bytes.slice(0, Math.min(1024, bytes.length >> 2))], gapMs: 0, ends: "stall" };
    case "slow-drip": {
      const length = Math.max(1, Math.ceil(bytes.length / DRIP_PIECES));
      const count = Math.ceil(bytes.length / length);
      const pieces = Array.from({ length: count }, (_, at) => bytes.slice(at * length, (at + 1) * length));
      return { pieces, gapMs: (fault.durationMs ?? DRIP_MS) / DRIP_PIECES, ends: "end" };
    }
    default:
      return { pieces: [bytes], gapMs: 0, ends: "end" };
  }
}

interface Wire {
  readonly signal: AbortSignal;
  readonly left: AbortController;
  readonly time: VirtualTime;
  readonly hungUp: Promise<never>;
}

function streamOf({ left, time, hungUp }: Wire, { pieces, gapMs, ends }: Pieces): Response["body"] {
  let at = 0;
  let isOver = false;
  return new ReadableStream<Bytes>(
    {
      start(controller) {
        hungUp.catch((reason: unknown) => {
          if (isOver) return;
          isOver = true;
          controller.error(reason);
        });
      },
      async pull(controller) {
        const piece = pieces[at];
        at += 1;
        if (piece === undefined) {
          if (ends === "stall") return new Promise<void>(() => undefined);
          isOver = true;
          if (ends === "break") controller.error(new TypeError("Network connection lost."));
          else controller.close();
          return;
        }
        if (gapMs > 0) await new Promise<void>((done) => time.after(gapMs, done));
        if (!isOver) controller.enqueue(piece);
      },
      cancel() {
        isOver = true;
        left.abort();
      },
    },
    { highWaterMark: 0 },
  );
}

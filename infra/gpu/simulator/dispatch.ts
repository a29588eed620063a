/**
 * What happens to one HTTP request: control, endpoint, route, fault, body, dialect, delivery, in this order.
 *
 * A client that leaves cancels its work: `response` closes before it is finished, and the signal goes down to the GPU.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { answerControl, type Control } from "./control.ts";
import { deliver, reset, untilGone } from "./delivery.ts";
import type { Exchange, Reply, Route, ServerDialect } from "./exchange.ts";
import { answerOf, wrongPin } from "./fault-answers.ts";
import type { Fault, FaultBook, FaultKind } from "./faults.ts";
import type { Hosting } from "./hosting.ts";
import { json } from "./reply.ts";
import type { RequestRecord, Station } from "./station.ts";

/** Largest request body, bytes: several reference pictures in base64. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;

/** Faults that end the connection themselves: what closes then is not the client. */
const HANGS_UP: ReadonlySet<string> = new Set([
  "refuse",
  "reset-before-headers",
  "reset-after-headers",
  "cut-after-headers",
] satisfies FaultKind[]);

/** One endpoint with what it speaks. */
export interface Stage {
  readonly station: Station;
  readonly dialect: ServerDialect;
  readonly routes: readonly Route[];
}

/** Everything behind one port. */
export interface House {
  readonly stages: ReadonlyMap<string, Stage>;
  /** Answers without a prefix, when the only one. */
  readonly rootStage: Stage | undefined;
  readonly control: Control;
  readonly faults: FaultBook;
  readonly hosting: Hosting;
  readonly timeScale: number;
  readonly log: (line: string) => void;
}

/** One HTTP exchange as Node hands it over. */
export interface Wire {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

interface Address {
  readonly stage: Stage;
  readonly route: Route;
  /** Below the endpoint's prefix. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly baseUrl: string;
}

/** Serves one request to its end. Rejects only on a defect of the simulator itself. */
export async function serve(house: House, { request, response }: Wire): Promise<void> {
  const url = new URL(request.url ?? "/", "http://simulator");
  if (url.pathname.startsWith("/_control/")) {
    const body = Buffer.from((await readBody(request)) ?? []).toString();
    const path = url.pathname.slice("/_control".length);
    return send(response, answerControl(house.control, { method: request.method ?? "GET", path, body }));
  }
  const address = find(house, request, url);
  if ("status" in address) return send(response, address);
  await perform(house, { request, response }, address);
}

function find(house: House, request: IncomingMessage, url: URL): Address | Reply {
  const first = url.pathname.split("/")[1] ?? "";
  const stage = house.rootStage ?? house.stages.get(first);
  if (!stage) return json(404, { error: `no simulated endpoint "${first}"`, endpoints: [...house.stages.keys()] });
  const prefix = house.rootStage ? "" : `/${first}`;
  const path = url.pathname.slice(prefix.length) || "/";
  const matching = stage.routes.filter((route) => route.path.test(path));
  const route = matching.find(({ method }) => method === request.method);
  if (!route)
    return matching.length > 0 ? json(405, { detail: "Method Not Allowed" }) : json(404, { detail: "Not Found" });
  return {
    stage,
    route,
    path,
    query: url.searchParams,
    baseUrl: `http://${request.headers.host ?? "localhost"}${prefix}`,
  };
}

async function perform(house: House, { request, response }: Wire, address: Address): Promise<void> {
  const { stage, route, path } = address;
  const { endpoint } = stage.station;
  const fault = house.faults.strike(endpoint, route.work);
  const requestId = request.headers["x-request-id"];
  const record: RequestRecord = {
    method: request.method ?? "GET",
    path,
    ...(typeof requestId === "string" && { requestId }),
    ...(fault && { fault: fault.kind }),
    aborted: false,
  };
  if (route.work) stage.station.record(record);
  const left = new AbortController();
  response.on("close", () => {
    if (response.writableFinished) return;
    left.abort();
    if (fault !== undefined && HANGS_UP.has(fault.kind)) return;
    if (route.work) stage.station.recordAbort(record);
  });
  const startedAtMs = performance.now();
  if (fault?.kind === "refuse") return reset(response);
  const body = await readBody(request);
  if (fault?.kind === "stall-before-headers") return untilGone(left.signal);
  const reply = body
    ? await answer(house, address, {
        headers: toHeaders(request),
        body,
        record,
        signal: left.signal,
        ...(fault && { fault }),
      })
    : json(413, { detail: "Request body too large" });
  record.status = reply.status;
  await deliver(response, { reply, signal: left.signal, timeScale: house.timeScale, ...(fault && { fault }) });
  if (route.work) {
    const spentMs = Math.round(performance.now() - startedAtMs);
    house.log(
      `${endpoint.id} ${record.method} ${path} ${reply.status} ${spentMs} ms${fault ? ` [${fault.kind}]` : ""}`,
    );
  }
}

interface Taken {
  readonly headers: Headers;
  readonly body: Uint8Array<ArrayBuffer>;
  readonly record: RequestRecord;
  readonly signal: AbortSignal;
  readonly fault?: Fault;
}

function answer(house: House, address: Address, taken: Taken): Promise<Reply> | Reply {
  const { stage, route, path, query, baseUrl } = address;
  const { station, dialect } = stage;
  const { endpoint } = station;
  const { headers, body, record, signal, fault } = taken;
  const struck = fault && answerOf(fault, dialect, endpoint);
  if (struck) return struck;
  if (!route.open && endpoint.key !== undefined && dialect.keyIn(headers, query) !== endpoint.key) {
    return dialect.trouble({ kind: "unauthorized", message: "the key is missing or wrong" }, endpoint);
  }
  const drifted = route.work ? fault?.kind === "wrong-pin" : house.faults.isOn(endpoint, "wrong-pin");
  const exchange: Exchange = {
    endpoint,
    path,
    params: { ...route.path.exec(path)?.groups },
    query,
    headers,
    body,
    baseUrl,
    reportedPin: drifted ? wrongPin(endpoint.pin) : endpoint.pin,
    drawSeed: () => station.drawSeed(),
    render: (order) => station.render(order, { signal, ...(fault && { fault }) }),
    note: (facts) => Object.assign(record, facts),
    host: (picture) => house.hosting.host(picture),
    fetchHosted: (id) => (house.faults.isOn(endpoint, "url-gone") ? undefined : house.hosting.fetchHosted(id)),
    startLater: (order) =>
      house.hosting.startLater(order, station.render(order, { signal: NEVER, ...(fault && { fault }) })),
    pollLater: (id) => house.hosting.pollLater(id),
  };
  return route.handle(exchange);
}

/** Asynchronous work goes on when its client leaves. */
const NEVER = new AbortController().signal;

/** The whole body; `undefined` when it is too large (the rest is thrown away). */
async function readBody(request: IncomingMessage): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
    }
  } catch {
    // The client left while it was sending: `response` closes too, and nobody reads what is answered.
    return new Uint8Array();
  }
  return bytes <= MAX_BODY_BYTES ? Uint8Array.from(Buffer.concat(chunks)) : undefined;
}

function toHeaders(request: IncomingMessage): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(", ") : value);
  }
  return headers;
}

function send(response: ServerResponse, { status, headers, body }: Reply): void {
  response.writeHead(status, { ...headers, "content-length": Buffer.byteLength(body) }).end(body);
}

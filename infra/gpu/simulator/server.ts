/**
 * Starts and stops the simulator: one port, any number of endpoints, each under its own path prefix (or one at the root).
 */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type Control, createControl } from "./control.ts";
import { reset } from "./delivery.ts";
import { dialectOf } from "./dialects/index.ts";
import { type House, serve } from "./dispatch.ts";
import { createPainter } from "./draw/painter.ts";
import type { SimulatedEndpoint } from "./endpoint.ts";
import { createFaultBook } from "./faults.ts";
import { type Clock, SYSTEM_CLOCK } from "./gpu.ts";
import { createHosting } from "./hosting.ts";
import { createStation } from "./station.ts";
import { upkeepRoutes } from "./upkeep-routes.ts";

/** What is played, where, and how fast. */
export interface SimulatorOptions {
  /** 0 takes a free port. */
  readonly port: number;
  /** Default 127.0.0.1. Further ones are optional: a machine without them is served without. */
  readonly hosts?: readonly [string, ...string[]];
  readonly endpoints: readonly SimulatedEndpoint[];
  /** The only endpoint answers at the root, without a prefix. */
  readonly atRoot?: boolean;
  /** Seeds service times, stragglers, faults' shares and drawn seeds. Default 1. */
  readonly seed?: number;
  /** Multiplies every simulated time; 0.01 makes tests quick. Default 1. */
  readonly timeScale?: number;
  readonly clock?: Clock;
  /** Told of every finished work request: one line, never a prompt. */
  readonly log?: (line: string) => void;
}

/** A running simulator. */
export interface Simulator {
  /** `http://127.0.0.1:<port>`; an endpoint's base is `<url>/<id>`. */
  readonly url: string;
  readonly port: number;
  readonly control: Control;
  /** Drops every connection and stops. */
  close(): Promise<void>;
}

/** Starts the simulator and resolves once it listens. Rejects with `EADDRINUSE` when the port is taken. */
export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const { endpoints, seed = 1, timeScale = 1, clock = SYSTEM_CLOCK } = options;
  const [host, ...furtherHosts] = options.hosts ?? ["127.0.0.1"];
  const ids = new Set(endpoints.map(({ id }) => id));
  if (ids.size < endpoints.length) throw new Error("two simulated endpoints have the same id");
  if (!(timeScale > 0)) throw new Error("timeScale must be above 0");
  const painter = createPainter();
  const faults = createFaultBook(seed);
  const stages = new Map(
    endpoints.map((endpoint) => {
      const station = createStation({ endpoint, painter, clock, seed, timeScale });
      const dialect = dialectOf(endpoint);
      const routes = [...dialect.routes, ...upkeepRoutes(station, () => faults.isOn(endpoint, "503"))];
      return [endpoint.id, { station, dialect, routes }];
    }),
  );
  const stations = [...stages.values()].map(({ station }) => station);
  const control = createControl(stations, faults);
  const house: House = {
    stages,
    rootStage: options.atRoot ? [...stages.values()][0] : undefined,
    control,
    faults,
    hosting: createHosting(),
    timeScale,
    log: options.log ?? (() => undefined),
  };
  const open = (): Server =>
    createServer((request, response) => {
      serve(house, { request, response }).catch((error: unknown) => {
        house.log(`simulator defect: ${error instanceof Error ? error.stack : String(error)}`);
        if (response.headersSent) reset(response);
        else response.writeHead(500).end();
      });
    });
  const server = open();
  const port = await listen(server, options.port, host);
  const servers = [server];
  for (const further of furtherHosts) {
    const another = open();
    const isListening = await listen(another, port, further).catch(() => undefined);
    if (isListening !== undefined) servers.push(another);
  }
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${port}`,
    port,
    control,
    async close() {
      for (const station of stations) station.close();
      await Promise.all(servers.map(stop));
    },
  };
}

function stop(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  return closed;
}

function listen(server: Server, port: number, host: string): Promise<number> {
  // A picture may take longer than Node's own limits; clients keep their connections between pictures.
  server.requestTimeout = 0;
  server.keepAliveTimeout = 60_000;
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

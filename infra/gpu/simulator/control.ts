/**
 * The control surface: look at the endpoints, switch faults on and off. As functions, and over HTTP under /_control.
 */

import type { Reply } from "./exchange.ts";
import type { Fault, FaultBook } from "./faults.ts";
import { parseFaults } from "./faults.ts";
import { json } from "./reply.ts";
import type { Station, StationState } from "./station.ts";

/** One endpoint as `/_control/state` shows it. */
export interface EndpointState extends StationState {
  readonly id: string;
  readonly model: string;
  readonly dialect: string;
}

/** All endpoints by id, and the faults that are on by target. */
export interface SimulatorState {
  readonly endpoints: Readonly<Record<string, EndpointState>>;
  readonly faults: Readonly<Record<string, readonly Fault[]>>;
}

/** Looking on and switching faults while the simulator runs. */
export interface Control {
  state(): SimulatorState;
  /** One endpoint's counters; throws on an id that is not simulated. */
  stateOf(endpointId: string): EndpointState;
  /** `target`: an endpoint id, a prefix of ids or a place (`weur`), or `*`. Replaces what was set for it. */
  setFault(target: string, fault: Fault | readonly Fault[]): void;
  clearFaults(target?: string): void;
}

/** The control surface over these stations and faults. */
export function createControl(stations: readonly Station[], faults: FaultBook): Control {
  const toState = (station: Station): EndpointState => ({
    id: station.endpoint.id,
    model: station.endpoint.servedName,
    dialect: station.endpoint.dialect,
    ...station.state(),
  });
  return {
    state: () => ({
      endpoints: Object.fromEntries(stations.map((station) => [station.endpoint.id, toState(station)])),
      faults: faults.list(),
    }),
    stateOf(endpointId) {
      const station = stations.find(({ endpoint }) => endpoint.id === endpointId);
      if (!station) throw new Error(`no simulated endpoint ${endpointId}`);
      return toState(station);
    },
    setFault: (target, fault) => faults.set(target, Array.isArray(fault) ? fault : [fault]),
    clearFaults: (target) => faults.clear(target),
  };
}

/** Answers a call below /_control. `known`: does the target name any endpoint? */
export function answerControl(
  control: Control,
  call: { readonly method: string; readonly path: string; readonly body: string },
): Reply {
  if (call.method === "GET" && call.path === "/state") return json(200, control.state());
  if (call.method === "DELETE" && call.path === "/faults") {
    control.clearFaults();
    return json(200, control.state().faults);
  }
  const target = /^\/faults\/([^/]+)$/.exec(call.path)?.[1];
  if (target === undefined) {
    return json(404, {
      error: "try GET /_control/state, PUT or DELETE /_control/faults/<endpoint, place or *>, DELETE /_control/faults",
    });
  }
  if (call.method === "DELETE") {
    control.clearFaults(decodeURIComponent(target));
    return json(200, control.state().faults);
  }
  if (call.method !== "PUT") return json(405, { error: "PUT or DELETE" });
  let value: unknown;
  try {
    value = JSON.parse(call.body);
  } catch {
    return json(400, { error: "the body is not JSON" });
  }
  const parsed = parseFaults(value);
  if ("problem" in parsed) return json(400, { error: parsed.problem });
  control.setFault(decodeURIComponent(target), parsed.faults);
  return json(200, control.state().faults);
}

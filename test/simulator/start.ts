/** Starts a simulator with quick, tiny endpoints for one test file, and stops it when the test is over. */
import { onTestFinished } from "vitest";
import {
  type SimulatedEndpoint,
  type Simulator,
  type SimulatorOptions,
  singleEndpoint,
  startSimulator,
} from "../../infra/gpu/simulator/index.ts";

/** A time scale at which no picture is finished while a test runs. */
export const ENDLESS = 100_000;

/** A quick endpoint; the test changes what it is about. */
export function anEndpoint(changes: Partial<SimulatedEndpoint> = {}): SimulatedEndpoint {
  const endpoint = singleEndpoint({ model: "SD3.5 Medium" });
  if (!endpoint) throw new Error("SD3.5 Medium is a family");
  return { ...endpoint, id: "weur-a", ...changes };
}

export interface Started extends Simulator {
  /** Base URL of the first endpoint. */
  readonly base: string;
}

export async function start(
  endpoints: readonly SimulatedEndpoint[] = [anEndpoint()],
  options: Partial<SimulatorOptions> = {},
): Promise<Started> {
  const simulator = await startSimulator({ port: 0, endpoints, timeScale: 0.001, ...options });
  onTestFinished(() => simulator.close());
  return { ...simulator, base: `${simulator.url}/${endpoints[0]?.id}` };
}

/** A JSON POST. */
export function post(url: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  return fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
}

export function bytesOf(base64: unknown): Uint8Array {
  return Buffer.from(String(base64), "base64");
}

/** Waits until the condition holds; the test's own time limit ends it otherwise. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

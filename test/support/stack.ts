/**
 * The built Worker in real workerd with simulated GPUs behind it, for tests that speak HTTP only. `npm test` builds it first.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  type CatalogSimulation,
  endpointsFromCatalog,
  type Simulator,
  startSimulator,
} from "../../infra/gpu/simulator/index.ts";
import { type Router, type RouterOptions, startRouter } from "../../infra/local/runtime.ts";
import { compile, type Snapshot } from "../../routing/authoring.ts";

const ROUTING_DIR = join(import.meta.dirname, "../../routing");

/** Where catalog.local.yml expects the simulators. */
const LOCAL_SIMULATOR = "http://127.0.0.1:9100";

/** The shipped routing file over the local catalogue; `edit` changes either text first. */
export async function shippedSnapshot(
  simulatorUrl = LOCAL_SIMULATOR,
  edit: (texts: { routing: string; catalog: string }) => { routing: string; catalog: string } = (texts) => texts,
): Promise<Snapshot> {
  const text = (file: string) => readFileSync(join(ROUTING_DIR, file), "utf8");
  const { routing, catalog } = edit({ routing: text("model-routing.yml"), catalog: text("catalog.local.yml") });
  const compiled = await compile({
    routing: { file: "model-routing.yml", text: routing },
    catalog: { file: "catalog.local.yml", text: catalog.replaceAll(LOCAL_SIMULATOR, simulatorUrl) },
  });
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.problems, null, 2));
  return compiled.snapshot;
}

export interface Stack {
  readonly router: Router;
  readonly simulator: Simulator;
  readonly snapshot: Snapshot;
  /** A router without memory of what its endpoints did, at the same simulators. */
  restartRouter(): Promise<void>;
  /** POST JSON to the router. */
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Response>;
  stop(): Promise<void>;
}

export interface StackOptions extends RouterOptions {
  /** Share of real GPU time that the simulators take. */
  readonly timeScale?: number;
  readonly simulation?: CatalogSimulation;
  readonly edit?: Parameters<typeof shippedSnapshot>[1];
}

/** Starts simulators and router. One a test file is enough: reset faults between tests. */
export async function startStack({
  timeScale = 0.02,
  simulation,
  edit,
  ...options
}: StackOptions = {}): Promise<Stack> {
  const outline = await shippedSnapshot(undefined, edit);
  const simulator = await startSimulator({
    port: 0,
    endpoints: endpointsFromCatalog(outline.content, simulation),
    seed: 1,
    timeScale,
  });
  const snapshot = await shippedSnapshot(simulator.url, edit);
  let router = await startRouter({ snapshot, ...options });
  return {
    get router() {
      return router;
    },
    async restartRouter() {
      await router.stop();
      router = await startRouter({ snapshot, ...options });
    },
    simulator,
    snapshot,
    post: (path, body, headers = {}) =>
      fetch(`${router.url}${path}`, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: typeof body === "string" ? body : JSON.stringify(body),
      }),
    async stop() {
      await router.stop();
      await simulator.close();
    },
  };
}

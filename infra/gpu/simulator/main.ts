/**
 * `npm run gpu`: one simulated GPU worker at the root of a port (a local stand-in for the case study's inference container), or all
 * endpoints of a catalogue.
 */
import { resolve } from "node:path";
import { ConfigurationError, loadConfiguration } from "../../configuration.ts";
import { command, type Flags, troubleOfFlags } from "./command.ts";
import { endpointsFromCatalog, type SimulatedEndpoint } from "./endpoint.ts";
import { type Simulator, startSimulator } from "./server.ts";
import { singleEndpoint } from "./single.ts";

interface Cast {
  readonly endpoints: readonly SimulatedEndpoint[];
  readonly port: number;
  readonly atRoot: boolean;
}

const flags = command.parse().opts<Flags>();
const cast = flags.catalog === undefined ? oneModel() : await wholeCatalog(flags.catalog);
const simulator = await startSimulator({
  ...cast,
  hosts: flags.host === undefined ? ["127.0.0.1", "::1"] : [flags.host],
  seed: flags.seed,
  timeScale: flags.timeScale,
  ...(!flags.quiet && { log: (line: string) => console.log(line) }),
}).catch(explain);

console.log("Simulated, no model runs here:");
for (const endpoint of cast.endpoints) {
  const base = cast.atRoot ? simulator.url : `${simulator.url}/${endpoint.id}`;
  console.log(`  ${base}${pictureCall(endpoint)}  ${endpoint.servedName}`);
}
console.log("Ctrl-C stops it; --help shows how to make it fail.");
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => void simulator.close().then(() => process.exit(0)));
}

function oneModel(): Cast {
  const endpoint = singleEndpoint(flags);
  if (!endpoint) {
    const known = "SD3.5_Medium, nano-banana, nano-banana-pro, V_2A_TURBO or upscaler";
    return command.error(`error: no simulated model "${flags.model}"; try ${known}`);
  }
  return { endpoints: [{ ...endpoint, ...troubleOfFlags(flags) }], port: flags.port ?? 8080, atRoot: true };
}

/** The port is the one that the catalogue's own addresses name, so that a router finds the endpoints where it looks. */
async function wholeCatalog(catalog: string): Promise<Cast> {
  const shipped = resolve(import.meta.dirname, "../../../routing/model-routing.yml");
  const files = { routing: flags.routing === undefined ? shipped : resolve(flags.routing), catalog: resolve(catalog) };
  const { snapshot } = await loadConfiguration(files).catch((error: unknown) => {
    const isUnread = error instanceof Error && "code" in error && error.code === "ENOENT";
    if (error instanceof ConfigurationError || isUnread) return command.error(`error: ${error.message}`);
    throw error;
  });
  const { content } = snapshot;
  const [named] = Object.values(content.catalog.endpoints).map(({ url }) => Number(new URL(url).port));
  return {
    endpoints: endpointsFromCatalog(content, troubleOfFlags(flags)),
    port: flags.port ?? (named || 9100),
    atRoot: false,
  };
}

function pictureCall({ dialect, servedName, model }: SimulatedEndpoint): string {
  switch (dialect) {
    case "generate":
      return model === "upscaler" ? "/upscale" : "/generate";
    case "openai-images":
      return "/v1/images/generations";
    case "gemini":
      return `/v1beta/models/${servedName}:generateContent`;
    case "ideogram":
      return "/generate";
    case "stability":
      return model === "upscaler" ? "/v2beta/stable-image/upscale/fast" : "/v2beta/stable-image/generate/sd3";
    case "workers-ai":
      return `/ai/run/${servedName}`;
  }
}

function explain(error: unknown): Simulator {
  if (error instanceof Error && "code" in error && error.code === "EADDRINUSE") {
    return command.error(`error: port ${cast.port} is taken; choose another one with --port`);
  }
  throw error;
}

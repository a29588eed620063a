/**
 * `npm run serve`: the built Worker as in production, for anyone's own load and fault tests: no proxy in front, no request log, no
 * simulators, no key; upstreams are what the catalogue says. Loopback only.
 */
import { join, resolve } from "node:path";
import { Command } from "commander";
import { bundleWorker } from "./build.ts";
import { ConfigurationError, loadConfiguration } from "./configuration.ts";
import { assertPortFree, PortTakenError } from "./local/ports.ts";
import { startRouter } from "./local/runtime.ts";
import { ROOT } from "./local/wrangler.ts";
import { parsePort } from "./parse-port.ts";

interface ServeOptions {
  readonly port: number;
  readonly routing: string;
  readonly catalog: string;
  readonly build: boolean;
}

async function serve({ port, routing, catalog, build }: ServeOptions): Promise<void> {
  const files = { routing: resolve(routing), catalog: resolve(catalog) };
  const { snapshot } = await loadConfiguration(files);
  if (port !== 0) await assertPortFree(port, `npm run serve -- --port ${port + 1}`);
  if (build) await bundleWorker(files);
  const router = await startRouter({
    port,
    snapshot,
    message: "npm run serve",
    variables: environmentSecrets(snapshot),
  });
  console.log(`galley serves at ${router.url} with snapshot ${snapshot.version}; Ctrl-C stops it`);
  const stop = async () => {
    await router.stop();
    process.exit(0);
  };
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
}

/** Secrets that the catalogue names and the environment has. */
function environmentSecrets(snapshot: { content: { catalog: { endpoints: Record<string, { secret?: string }> } } }) {
  const names = Object.values(snapshot.content.catalog.endpoints).flatMap(({ secret }) => secret ?? []);
  return Object.fromEntries(
    [...new Set(names)].flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value] as const];
    }),
  );
}

const program = new Command("serve")
  .description("Run the built Worker on loopback, production-like, with a configuration of your own.")
  .option("--port <port>", "port to listen on; 0 picks a free one", parsePort, 8787)
  .option("--routing <file>", "routing file", join(ROOT, "routing/model-routing.yml"))
  .option("--catalog <file>", "catalogue file", join(ROOT, "routing/catalog.local.yml"))
  .option("--no-build", "use the bundle that is already in dist/")
  .addHelpText("after", "\nExample:\n  npm run serve -- --port 8790 --catalog my-catalog.yml\n")
  .action(async (options: ServeOptions) => {
    try {
      await serve(options);
    } catch (error: unknown) {
      if (!(error instanceof ConfigurationError || error instanceof PortTakenError)) throw error;
      console.error(error.message);
      process.exitCode = 1;
    }
  });

await program.parseAsync();

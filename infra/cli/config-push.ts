/** `galley config push`: check, then write the version and the pointer to it. Running routers follow without a deploy. */
import { userInfo } from "node:os";
import { resolve } from "node:path";
import { stripVTControlCharacters } from "node:util";
import type { Command } from "commander";
import type { Snapshot } from "../../routing/authoring.ts";
import { STATE_DIR } from "../local/wrangler.ts";
import { CommandFailure } from "./command-failure.ts";
import { compileSources, readSources } from "./config-sources.ts";
import { openConfigStore } from "./config-store.ts";
import { pushSnapshot } from "./push-snapshot.ts";
import { counted, showProblems } from "./show-problems.ts";

interface PushOptions {
  readonly local?: boolean;
  readonly remote?: boolean;
  readonly message: string;
  readonly author?: string;
  readonly persistTo: string;
}

const EXAMPLES = `
Examples:
  npx galley config push -m "previews get 10 s"      into the local KV that \`npm start\` uses
  npx galley config push --remote -m "SD3.5 in apac"  into Cloudflare's, where the deployed router reads it
  npx galley config push my-routing.yml              with the shipped catalogue

With --local, catalog.local.yml serves when no catalogue is named; with --remote, catalog.yml.
Exit codes: 0 pushed, 1 something is wrong with the files (nothing was changed), 2 the store could not be written.`;

/** Adds the command to `galley config`. */
export function addConfigPush(config: Command): void {
  config
    .command("push")
    .description("check both files and put them in force")
    .argument("[files...]", "a routing file, a catalogue, or both; the shipped ones serve for what is not named")
    .option("--local", "into the KV on this machine (the default)")
    .option("--remote", "into Cloudflare's KV")
    .option("-m, --message <text>", "why; shown by GET /v1/status", "")
    .option("--author <name>", "who; by default the user of this machine")
    .option("--persist-to <folder>", "where the KV on this machine is", STATE_DIR)
    .addHelpText("after", EXAMPLES)
    .action(push);
}

async function push(files: string[], options: PushOptions): Promise<void> {
  if (options.local && options.remote) {
    throw new CommandFailure(1, {
      what: "--local and --remote cannot both be meant",
      why: "a push goes to one store",
      todo: "choose one; --local is the default",
      command: "npx galley config push --remote",
    });
  }
  const place = options.remote ? "remote" : "local";
  const sources = await readSources({ files, catalog: options.remote ? "catalog.yml" : "catalog.local.yml" });
  const compiled = await compileSources(sources);
  const texts = [sources.routing, sources.catalog];
  if (!compiled.ok) {
    console.error(showProblems(compiled.problems, texts, process.stderr.hasColors?.() ?? false));
    throw new CommandFailure(1, {
      what: "\nNothing was pushed.",
      why: `the files have ${counted(compiled.problems.length, "problem")}, shown above`,
      todo: "mend them, then push again; what serves now goes on serving",
      command: ["npx galley config check", ...texts.map(({ file }) => file)].join(" "),
    });
  }
  if (compiled.warnings.length > 0) {
    console.error(`Warnings:\n${showProblems(compiled.warnings, texts, process.stderr.hasColors?.() ?? false)}\n`);
  }
  const { snapshot } = compiled;
  const placeholders = place === "remote" ? placeholderEndpoints(snapshot) : [];
  if (placeholders.length > 0) {
    console.error(
      `${counted(placeholders.length, "endpoint")} with a placeholder address (\`.example\`), where nothing answers: ` +
        `${placeholders.slice(0, 3).join(", ")}${placeholders.length > 3 ? ", …" : ""}. The head of routing/catalog.yml says what to replace.\n`,
    );
  }
  console.error(`Pushing version ${snapshot.version} to the ${place} KV …`);
  const store = openConfigStore(place === "remote" ? { place } : { place, folder: resolve(options.persistTo) });
  const author = options.author ?? userInfo().username;
  const pushed = await pushSnapshot(store, {
    snapshot,
    message: options.message,
    author,
    pushedAtMs: Date.now(),
  });
  if (!pushed.ok) throw storeFailure(place, pushed);
  console.log(`version ${snapshot.version} is in force${options.message === "" ? "" : `: ${options.message}`}`);
  console.log(
    place === "local"
      ? "A router on this machine picks it up within 10 s."
      : "Routers pick it up within 10 s here; KV may take a minute elsewhere.",
  );
}

/** Endpoints whose host can never resolve (RFC 2606). */
function placeholderEndpoints({ content }: Snapshot): string[] {
  return Object.values(content.catalog.endpoints)
    .filter(({ url }) => URL.canParse(url) && new URL(url).hostname.endsWith(".example"))
    .map(({ id }) => id);
}

function storeFailure(
  place: "local" | "remote",
  { failed, reason }: { readonly failed: "document" | "pointer"; readonly reason: string },
): CommandFailure {
  const what =
    failed === "document"
      ? "Nothing was pushed: the version could not be written."
      : "The version was written, but the pointer to it was not: the former version goes on serving.";
  const todo =
    place === "remote"
      ? "log in (or set CLOUDFLARE_API_TOKEN), make the namespace if there is none and put its id into wrangler.toml under CONFIG, then push again"
      : "check that the folder may be written and that nothing else holds it, then push again";
  const command =
    place === "remote" ? "npx wrangler login && npx wrangler kv namespace create CONFIG" : "npx galley config push";
  return new CommandFailure(2, { what, why: `wrangler said:\n${indented(reason)}`, todo, command });
}

function indented(text: string): string {
  return stripVTControlCharacters(text)
    .split("\n")
    .filter((line) => line.trim() !== "")
    .slice(-15)
    .map((line) => `        ${line}`)
    .join("\n");
}

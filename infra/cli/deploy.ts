/** `galley deploy`: check, build, look at what the account lacks, deploy. Refuses before it changes anything, with the commands to run. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import { bundleWorker } from "../build.ts";
import { ROOT, runWrangler } from "../local/wrangler.ts";
import { checkedSnapshot } from "./checked-snapshot.ts";
import { CommandFailure } from "./command-failure.ts";
import { findLacking, type Lacking, readTerms } from "./deploy-needs.ts";
import { progress } from "./progress.ts";
import { counted } from "./show-problems.ts";
import { indented } from "./store-words.ts";

const EXAMPLES = `
Examples:
  npx galley deploy --dry-run      check and build, say how large it is and what is missing, change nothing
  npx galley deploy                the same, then \`wrangler deploy\`

Needs \`npx wrangler login\` or CLOUDFLARE_API_TOKEN. A deploy does not change the configuration that serves: push that.
Exit codes: 0 deployed, 1 something is wrong with the files or missing, 2 wrangler or Cloudflare failed.`;

/** The tightest limit on a Worker's size that Cloudflare has had, gzipped bytes: that of the free plan. */
const SIZE_LIMIT_BYTES = 3_000_000;

/** Adds the command. */
export function addDeploy(program: Command): void {
  program
    .command("deploy")
    .description("check, build and deploy the router; refuses while a secret or a binding is missing")
    .option("--dry-run", "everything but the deploy")
    .addHelpText("after", EXAMPLES)
    .action(deploy);
}

async function deploy(options: { readonly dryRun?: boolean }): Promise<void> {
  const { snapshot } = await checkedSnapshot([], "remote", "Nothing was deployed.");
  const { bytes, gzipBytes } = await progress("Building", () => bundleWorker()).catch((error: unknown) => {
    throw new CommandFailure(2, {
      what: "Nothing was deployed: the Worker could not be built.",
      why: `wrangler said:\n${indented(error instanceof Error ? error.message : String(error))}`,
      todo: "mend it and build again",
      command: "npm run build",
    });
  });
  console.error(
    `${kib(bytes)}, ${kib(gzipBytes)} gzipped (${percentOf(gzipBytes)} of the free plan's limit), snapshot ${snapshot.version}`,
  );
  const terms = readTerms(await readFile(join(ROOT, "wrangler.toml"), "utf8"), snapshot);
  const lacking = await progress("Looking at the account", () => findLacking(terms, runWrangler));
  if (lacking.length > 0) throw refusal(lacking);
  if (options.dryRun) return console.log("Nothing is missing. Nothing was deployed.");
  const run = await progress("Deploying", () => runWrangler(["deploy"]));
  if (run.exitCode === 0) return console.log(run.stdout.trim());
  throw new CommandFailure(2, {
    what: "The deploy failed; what was deployed before goes on serving.",
    why: `wrangler said:\n${indented(run.output)}`,
    todo: "mend it and deploy again",
    command: "npx galley deploy",
  });
}

function refusal(lacking: readonly Lacking[]): CommandFailure {
  const isLogin = lacking.some(({ kind }) => kind === "login");
  return new CommandFailure(isLogin ? 2 : 1, {
    what: `Nothing was deployed: ${counted(lacking.length, "thing")} missing.`,
    why: `\n${lacking.map(({ what }) => `        ${what}`).join("\n")}`,
    todo: "run these, then deploy again",
    command: `\n${lacking.map(({ command }) => `        ${command}`).join("\n")}`,
  });
}

const kib = (count: number): string => `${(count / 1_024).toFixed(1)} KiB`;
const percentOf = (count: number): string => `${((count / SIZE_LIMIT_BYTES) * 100).toFixed(1)} %`;

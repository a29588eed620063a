/** `galley status`: versions, places, endpoints, breakers and quantiles of a running router as a table; `--watch` keeps it fresh. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import { CommandFailure } from "./command-failure.ts";
import { addRouterOptions, callRouter, type RouterOptions } from "./router-api.ts";
import { showStatus } from "./show-status.ts";

interface StatusOptions extends RouterOptions {
  readonly watch?: boolean;
  readonly json?: boolean;
}

/** Between two looks, ms. */
const EVERY_MS = 2_000;

/** Clears the screen and goes to its top. */
const CLEAR = "\x1b[2J\x1b[H";

const EXAMPLES = `
Examples:
  npx galley status                                  the router that \`npm start\` started
  npx galley status --watch                          again every two seconds, until Ctrl-C
  npx galley status --url https://galley.you.workers.dev --json | jq .config

Exit codes: 0 shown, 1 your input, 2 the router does not answer.`;

/** Adds the command. */
export function addStatus(program: Command): void {
  const command = program
    .command("status")
    .description("how a running router, its places and its endpoints are")
    .option("-w, --watch", "keep it fresh")
    .option("--json", "the document as it comes");
  addRouterOptions(command).addHelpText("after", EXAMPLES).action(status);
}

async function status(options: StatusOptions): Promise<void> {
  const once = () => callRouter(options, { path: "/v1/status" });
  if (options.json) return console.log(JSON.stringify(await once(), null, 2));
  const color = process.stdout.hasColors?.() ?? false;
  if (!options.watch) return console.log(showStatus(await once(), color));
  for (;;) {
    const text = await once().then(
      (document) => showStatus(document, color),
      (error: unknown) => {
        // A router that restarts is what one watches for; a wrong address or key is not.
        if (error instanceof CommandFailure && error.exitCode === 2) return `${error.words.what}: ${error.words.why}`;
        throw error;
      },
    );
    process.stdout.write(`${process.stdout.isTTY ? CLEAR : ""}${text}\n${new Date().toISOString()}\n`);
    await sleep(EVERY_MS);
  }
}

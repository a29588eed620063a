/** `galley config status`: which version a running router serves, and how a staged push is doing. */
import type { Command } from "commander";
import { addRouterOptions, callRouter, type RouterOptions } from "./router-api.ts";
import { showCanary } from "./show-canary.ts";
import { configLine } from "./show-status.ts";
import { listIn, textIn } from "./status-fields.ts";

const EXAMPLES = `
Examples:
  npx galley config status                    of the router that \`npm start\` started
  npx galley config status --url https://galley.you.workers.dev --json

A staged push is steered like a canary: galley canary pause · resume · widen · promote · abort config-<version>.
Exit codes: 0 shown, 1 your input, 2 the router does not answer.`;

/** Adds the command to `galley config`. */
export function addConfigStatus(config: Command): void {
  const command = config
    .command("status")
    .description("the version that a running router serves, and how a staged push is judged")
    .option("--json", "both documents as they come");
  addRouterOptions(command).addHelpText("after", EXAMPLES).action(status);
}

async function status(options: RouterOptions & { readonly json?: boolean }): Promise<void> {
  const [document, canaries] = await Promise.all([
    callRouter(options, { path: "/v1/status" }),
    callRouter(options, { path: "/v1/canaries" }),
  ]);
  const push = listIn(canaries, "canaries").find((one) => textIn(one, "kind") === "config");
  if (options.json) {
    const { config } = document as { readonly config?: unknown };
    return console.log(JSON.stringify({ config: config ?? null, push: push ?? null }, null, 2));
  }
  console.log(configLine(document));
  console.log(push === undefined ? "No push is being judged." : `\n${showCanary(push)}`);
}

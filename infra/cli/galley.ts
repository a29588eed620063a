#!/usr/bin/env node
/**
 * `galley`: the command line for people who run Galley.
 *
 * Exit codes: 0 done, 1 your input, 2 the world. Every error says what happened, why, what to do, and the command to run.
 */
import { Command } from "commander";
import { addCanary } from "./canary.ts";
import { CommandFailure, showFailure } from "./command-failure.ts";
import { addCompletion } from "./completion.ts";
import { addConfigCheck } from "./config-check.ts";
import { addConfigDiff } from "./config-diff.ts";
import { addConfigLog } from "./config-log.ts";
import { addConfigPush } from "./config-push.ts";
import { addConfigReplay } from "./config-replay.ts";
import { addConfigStatus } from "./config-status.ts";
import { addDeploy } from "./deploy.ts";
import { addStatus } from "./status.ts";

const program = new Command("galley")
  .description("Check, compare and push the configuration of the image router, try new models, and see how it does.")
  .showHelpAfterError("Run it with --help for examples.");

const config = program.command("config").description("the two YAML files: check, compare, put in force, take back");
addConfigCheck(config);
addConfigDiff(config);
addConfigReplay(config);
addConfigPush(config);
addConfigLog(config);
addConfigStatus(config);
addCanary(program);
addStatus(program);
addDeploy(program);

// Last: it completes what stands above.
addCompletion(program);

try {
  await program.parseAsync();
} catch (error: unknown) {
  if (!(error instanceof CommandFailure)) throw error;
  console.error(showFailure(error));
  process.exitCode = error.exitCode;
}

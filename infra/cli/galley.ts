#!/usr/bin/env node
/**
 * `galley`: the command line for people who run Galley.
 *
 * Exit codes: 0 done, 1 your input, 2 the world. Every error says what happened, why, what to do, and the command to run.
 */
import { Command } from "commander";
import { CommandFailure, showFailure } from "./command-failure.ts";
import { addConfigCheck } from "./config-check.ts";
import { addConfigPush } from "./config-push.ts";

const program = new Command("galley")
  .description("Check and push the configuration of the image router.")
  .showHelpAfterError("Run it with --help for examples.");

const config = program.command("config").description("the two YAML files: check them, put them in force");
addConfigCheck(config);
addConfigPush(config);

try {
  await program.parseAsync();
} catch (error: unknown) {
  if (!(error instanceof CommandFailure)) throw error;
  console.error(showFailure(error));
  process.exitCode = error.exitCode;
}

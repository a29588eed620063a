/** `galley config diff`: what a push would change, in words, without changing anything. */
import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { CommandFailure } from "./command-failure.ts";
import { comparedVersions } from "./compared-versions.ts";
import type { Given } from "./config-diff/given-requests.ts";
import { parseRecording } from "./config-diff/recording.ts";
import { compareSnapshots, showDiff } from "./show-diff.ts";
import { addStoreOptions, type StoreOptions } from "./store-options.ts";

interface DiffOptions extends StoreOptions {
  readonly requests?: string;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  npx galley config diff                                 the shipped files against what is in force here
  npx galley config diff my-routing.yml --remote         against what the deployed router serves
  npx galley config diff --requests traffic.jsonl        try recorded requests instead of one of each kind
  npx galley config diff --json | jq .changes

Exit codes: 0 compared (also when something differs), 1 something is wrong with the files, 2 the store could not be read.`;

/** Adds the command to `galley config`. */
export function addConfigDiff(config: Command): void {
  const command = config
    .command("diff")
    .description("say what a push would change: routes, pins, endpoints, policies, and who would be served otherwise")
    .argument("[files...]", "a routing file, a catalogue, or both; the shipped ones serve for what is not named")
    .option("--requests <recording>", "recorded requests to try (see `config replay`)")
    .option("--json", "as JSON, for tools");
  addStoreOptions(command).addHelpText("after", EXAMPLES).action(diff);
}

async function diff(files: string[], options: DiffOptions): Promise<void> {
  const { place, before, after } = await comparedVersions(files, options, "Nothing was compared.");
  if (before === undefined) {
    console.log(`Nothing is in force in the ${place} KV yet; version ${after.version} would be the first.`);
    return;
  }
  const requests = options.requests === undefined ? undefined : await readGiven(options.requests);
  const compared = compareSnapshots(before, after, requests);
  if (options.json) {
    console.log(JSON.stringify({ before: before.version, after: after.version, ...compared }, null, 2));
    return;
  }
  console.log(`${before.version} → ${after.version}\n`);
  console.log(showDiff(compared, process.stdout.hasColors?.() ?? false));
}

/** Recorded requests with their line as a label. */
export async function readGiven(file: string): Promise<readonly Given[]> {
  const { requests } = await readRecording(file);
  return requests.map((request, index) => ({ label: `request ${index + 1}`, request }));
}

/** Reads a recording; one without any request is the caller's mistake. */
export async function readRecording(file: string): Promise<ReturnType<typeof parseRecording>> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error: unknown) {
    throw new CommandFailure(1, {
      what: `\`${file}\` cannot be read`,
      why: error instanceof Error ? error.message : String(error),
      todo: "record some traffic first, then name the file",
      command: "npm start -- --record traffic.jsonl",
    });
  }
  const recording = parseRecording(text);
  if (recording.requests.length > 0) return recording;
  const bad = recording.badLines.length;
  throw new CommandFailure(1, {
    what: `\`${file}\` has no recorded request`,
    why: bad === 0 ? "no line of it is a recorded request" : `${bad} lines look like requests and cannot be read`,
    todo: "record some traffic with GALLEY_RECORD=1; a log with other lines between is fine",
    command: "npm start -- --record traffic.jsonl",
  });
}

/** `galley config replay`: recorded requests through the version in force and the files, before anybody is served by them. */
import type { Command } from "commander";
import { CommandFailure } from "./command-failure.ts";
import { comparedVersions } from "./compared-versions.ts";
import { createComparison, type Replay, type Shares, sumUp } from "./config-diff/replay.ts";
import { readRecording } from "./config-diff.ts";
import { measuredFrom } from "./measured-times.ts";
import { plainTable } from "./plain-table.ts";
import { callRouter } from "./router-api.ts";
import { counted } from "./show-problems.ts";
import { addStoreOptions, type StoreOptions } from "./store-options.ts";

interface ReplayOptions extends StoreOptions {
  readonly live?: string;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  npm start -- --record traffic.jsonl                       record: features of each request, never its prompt
  npx galley config replay traffic.jsonl my-routing.yml     what these files would have done with it
  npx galley config replay traffic.jsonl --live http://localhost:8787    with the times measured there now

Costs are list prices of the first leg; times are what the plan counts with (upper quartile), by the catalogue's guess where nothing was measured.
Exit codes: 0 replayed, 1 something is wrong with the files or the recording, 2 the store or the router could not be read.`;

/** Adds the command to `galley config`. */
export function addConfigReplay(config: Command): void {
  const command = config
    .command("replay")
    .description("run recorded requests through the old and the new configuration: who moves, at what cost and speed")
    .argument("<recording>", "JSON lines written with GALLEY_RECORD=1")
    .argument("[files...]", "a routing file, a catalogue, or both; the shipped ones serve for what is not named")
    .option("--live <url>", "a router whose measured times serve for the prediction")
    .option("--json", "as JSON, for tools");
  addStoreOptions(command).addHelpText("after", EXAMPLES).action(replay);
}

async function replay(file: string, files: string[], options: ReplayOptions): Promise<void> {
  const recording = await readRecording(file);
  const { place, before, after } = await comparedVersions(files, options, "Nothing was replayed.");
  if (before === undefined) {
    throw new CommandFailure(1, {
      what: "There is nothing to compare with",
      why: `nothing is in force in the ${place} KV yet`,
      todo: "push a first version",
      command: "npx galley config push",
    });
  }
  const { live } = options;
  const measured =
    live === undefined ? undefined : measuredFrom(await callRouter({ url: live }, { path: "/v1/status" }));
  const compare = createComparison(before, after, measured);
  const summary = sumUp(recording.requests.map(compare));
  if (options.json) {
    console.log(JSON.stringify({ before: before.version, after: after.version, ...summary }, null, 2));
    return;
  }
  if (recording.badLines.length > 0) {
    console.error(
      `${counted(recording.badLines.length, "line")} could not be read: ${recording.badLines.slice(0, 5).join(", ")}.`,
    );
  }
  console.log(`${before.version} → ${after.version}, ${counted(summary.requests, "recorded request")}\n`);
  console.log(showReplay(summary));
}

/** The summary as tables. */
export function showReplay(summary: Replay): string {
  const tables = (["routes", "models", "regions"] as const).map((what) =>
    sharesTable(what.slice(0, -1), summary[what]),
  );
  const { costUsd, latencyMs, refused } = summary;
  return [
    `${percent(summary.moved)} of the requests would be served otherwise.`,
    ...tables,
    `cost a picture    ${usd(costUsd.before)} → ${usd(costUsd.after)}  (${relative(costUsd)})`,
    `time of a picture ${Math.round(latencyMs.before)} ms → ${Math.round(latencyMs.after)} ms  (${relative(latencyMs)})`,
    `refused           ${percent(refused.before)} → ${percent(refused.after)}`,
  ].join("\n");
}

function sharesTable(title: string, shares: Readonly<Record<string, Shares>>): string {
  const rows = Object.entries(shares).map(([name, { before, after }]) => [
    name,
    percent(before),
    percent(after),
    signed(after - before),
  ]);
  return plainTable([title, "before", "after", "moved"], rows, ["left", "right", "right", "right"]);
}

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
const signed = (share: number): string =>
  Math.abs(share) < 5e-4 ? "·" : `${share > 0 ? "+" : "−"}${percent(Math.abs(share))}`;
const usd = (amount: number): string => `$${amount.toFixed(5)}`;

function relative({ before, after }: { readonly before: number; readonly after: number }): string {
  if (before === 0) return "no former figure";
  const change = after / before - 1;
  return Math.abs(change) < 5e-4 ? "no change" : `${change > 0 ? "+" : "−"}${percent(Math.abs(change))}`;
}

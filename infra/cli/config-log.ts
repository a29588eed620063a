/** `galley config log · show · rollback`: the history of pushes, any version of it, and the way back without a file. */
import { userInfo } from "node:os";
import type { Command } from "commander";
import { CONFIG_LOG_PREFIX, type ConfigPointer, type Snapshot } from "../../routing/authoring.ts";
import { CommandFailure } from "./command-failure.ts";
import { reachWords } from "./config-push.ts";
import type { ConfigStore } from "./config-store.ts";
import { plainTable } from "./plain-table.ts";
import { progress } from "./progress.ts";
import { pushSnapshot } from "./push-snapshot.ts";
import { pushFailure } from "./push-words.ts";
import { compareSnapshots, showDiff } from "./show-diff.ts";
import { counted } from "./show-problems.ts";
import { textIn } from "./status-fields.ts";
import {
  addStoreOptions,
  nextPushAtMs,
  readInForce,
  readVersion,
  type StoreOptions,
  withStore,
} from "./store-options.ts";

interface RollbackOptions extends StoreOptions {
  readonly message?: string;
  readonly author?: string;
}

/** One line of the history. */
export interface Logged {
  readonly version: string;
  readonly atMs: number;
  readonly author: string;
  readonly message: string;
}

/** Adds the three commands to `galley config`. */
export function addConfigLog(config: Command): void {
  const log = config
    .command("log")
    .description("the history: which version, when, by whom and why")
    .option("--json", "as JSON, for tools")
    .addHelpText("after", "\nExamples:\n  npx galley config log\n  npx galley config log --remote --json");
  addStoreOptions(log).action(showLog);
  const show = config
    .command("show")
    .description("a version: who pushed it, what it serves; --json gives the compiled snapshot")
    .argument("[version]", "as in `config log`, or its first digits; by default what is in force")
    .option("--json", "the snapshot as it is stored")
    .addHelpText(
      "after",
      "\nExamples:\n  npx galley config show\n  npx galley config show 4f0c --json | jq .content.routing",
    );
  addStoreOptions(show).action(showVersion);
  const rollback = config
    .command("rollback")
    .description("put a former version in force again; no file is needed")
    .argument("[version]", "as in `config log`, or its first digits; by default the one that was in force before")
    .option("-m, --message <text>", "why")
    .option("--author <name>", "who; by default the user of this machine")
    .addHelpText(
      "after",
      '\nExamples:\n  npx galley config rollback\n  npx galley config rollback 4f0c --remote -m "blurred previews"',
    );
  addStoreOptions(rollback).action(rollBack);
}

async function showLog(options: StoreOptions & { readonly json?: boolean }): Promise<void> {
  const { lines, current } = await withStore(options, async (store) => ({
    lines: await readLog(store),
    current: (await readInForce(store)).pointer,
  }));
  if (options.json) {
    console.log(JSON.stringify({ current: current?.version ?? null, log: lines }, null, 2));
    return;
  }
  if (lines.length === 0) return console.log("Nothing was pushed yet.");
  const rows = lines.map(({ version, atMs, author, message }) => {
    const isCurrent = version === current?.version && atMs === current.pushedAtMs;
    return [isCurrent ? "→" : "", version, new Date(atMs).toISOString().replace(/\.\d+Z$/, "Z"), author, message];
  });
  console.log(plainTable(["", "version", "pushed", "by", "why"], rows));
}

/** The history, newest first. */
export async function readLog(store: ConfigStore): Promise<readonly Logged[]> {
  const keys = await store.list(CONFIG_LOG_PREFIX);
  return keys
    .flatMap(({ name, metadata }): Logged[] => {
      const [time = "", version = ""] = name.slice(CONFIG_LOG_PREFIX.length).split("-");
      if (!/^\d+$/.test(time) || version === "") return [];
      const [author, message] = [textIn(metadata, "author") ?? "", textIn(metadata, "message") ?? ""];
      return [{ version, atMs: Number(time), author, message }];
    })
    .reverse();
}

async function showVersion(
  asked: string | undefined,
  options: StoreOptions & { readonly json?: boolean },
): Promise<void> {
  const { snapshot, line } = await withStore(options, async (store) => {
    const { pointer } = await readInForce(store);
    const lines = await readLog(store);
    const version = asked === undefined ? pointer?.version : findVersion(asked, lines);
    if (version === undefined) throw nothingPushed();
    return { snapshot: await readKnown(store, version), line: lines.find((one) => one.version === version) };
  });
  if (options.json) return console.log(JSON.stringify(snapshot, null, 2));
  const { routing, catalog } = snapshot.content;
  console.log(`version ${snapshot.version}`);
  if (line !== undefined) console.log(`pushed ${new Date(line.atMs).toISOString()} by ${line.author}: ${line.message}`);
  const rows = routing.routes.map(({ name, model, policy }) => [name, model, catalog.models[model]?.pin ?? "", policy]);
  console.log(plainTable(["route", "model", "pin", "policy"], rows));
  console.log(
    [
      counted(Object.keys(catalog.models).length, "model"),
      counted(Object.keys(catalog.endpoints).length, "endpoint"),
      counted(Object.keys(catalog.places).length, "place"),
    ].join(", "),
  );
}

async function rollBack(asked: string | undefined, options: RollbackOptions): Promise<void> {
  await withStore(options, async (store, place) => {
    const inForce = await readInForce(store);
    const { text, pointer } = inForce;
    const lines = await readLog(store);
    if (pointer === undefined) throw nothingPushed();
    const version = asked === undefined ? formerVersion(pointer, lines) : findVersion(asked, lines);
    if (version === pointer.version && pointer.rollout === undefined) throw inForceAlready(version);
    const [snapshot, before] = [await readKnown(store, version), await readVersion(store, pointer.version)];
    if (before !== undefined) {
      console.error(`${before.version} → ${version}\n${showDiff(compareSnapshots(before, snapshot), false)}\n`);
    }
    const pushed = await progress(`Putting version ${version} in force in the ${place} KV`, () =>
      pushSnapshot(store, {
        snapshot,
        message: options.message ?? `rollback from ${pointer.version}`,
        author: options.author ?? userInfo().username,
        pushedAtMs: nextPushAtMs(inForce, Date.now()),
        seen: text,
        previous: pointer.version,
      }),
    );
    if (!pushed.ok) throw pushFailure(place, pushed);
    console.log(`version ${version} is in force again`);
    console.log(reachWords(place));
  });
}

/** What was in force before: as the pointer says, else the last other version of the history. */
function formerVersion({ version, previous }: ConfigPointer, lines: readonly Logged[]): string {
  const former = previous ?? lines.find((line) => line.version !== version)?.version;
  if (former !== undefined) return former;
  throw new CommandFailure(1, {
    what: "There is nothing to go back to",
    why: `version ${version} is the only one that was ever pushed here`,
    todo: "change the files and push them",
    command: "npx galley config push",
  });
}

function findVersion(asked: string, lines: readonly Logged[]): string {
  const found = [...new Set(lines.map(({ version }) => version).filter((version) => version.startsWith(asked)))];
  const [only] = found;
  if (found.length === 1 && only !== undefined) return only;
  throw new CommandFailure(1, {
    what: found.length === 0 ? `There is no version \`${asked}\`` : `\`${asked}\` could be ${found.join(" or ")}`,
    why: found.length === 0 ? "the history has none that begins so" : "more than one begins so",
    todo: "take a version from the history",
    command: "npx galley config log",
  });
}

async function readKnown(store: ConfigStore, version: string): Promise<Snapshot> {
  const snapshot = await readVersion(store, version);
  if (snapshot !== undefined) return snapshot;
  throw new CommandFailure(2, {
    what: `The document of version ${version} cannot be read`,
    why: "it is missing from the KV, or of a format that this release does not know",
    todo: "take another version",
    command: "npx galley config log",
  });
}

function nothingPushed(): CommandFailure {
  return new CommandFailure(1, {
    what: "Nothing was pushed yet",
    why: "the KV has no version in force",
    todo: "push one",
    command: "npx galley config push",
  });
}

function inForceAlready(version: string): CommandFailure {
  return new CommandFailure(1, {
    what: `Version ${version} is in force already`,
    why: "a rollback goes to another version",
    todo: "take one from the history",
    command: "npx galley config log",
  });
}

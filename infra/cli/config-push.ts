/** `galley config push`: check, say what changes, ask, then write the version and the pointer. Running routers follow without a deploy. */
import { userInfo } from "node:os";
import { createInterface } from "node:readline/promises";
import { type Command, InvalidArgumentError } from "commander";
import type { ConfigStage, Snapshot } from "../../routing/authoring.ts";
import { checkedSnapshot } from "./checked-snapshot.ts";
import { CommandFailure } from "./command-failure.ts";
import { progress } from "./progress.ts";
import { type Push, pushSnapshot } from "./push-snapshot.ts";
import { judgementWords, parseRamp, type StageOptions, stageWords, toStage } from "./push-stage.ts";
import { pushFailure } from "./push-words.ts";
import { compareSnapshots, showDiff } from "./show-diff.ts";
import { counted } from "./show-problems.ts";
import {
  addStoreOptions,
  baseVersion,
  type InForce,
  nextPushAtMs,
  type Place,
  placeOf,
  readInForce,
  readVersion,
  type StoreOptions,
  withStore,
} from "./store-options.ts";

interface PushOptions extends StoreOptions, StageOptions {
  readonly message: string;
  readonly author?: string;
  readonly yes?: boolean;
  readonly expect?: string;
}

const EXAMPLES = `
Examples:
  npx galley config push -m "previews get 10 s"       into the local KV that \`npm start\` uses; asks before it changes anything
  npx galley config push --yes --remote -m "SD3.5 in apac"   into Cloudflare's, where the deployed router reads it
  npx galley config push --rollout 10% -m "try it"    a tenth of the clients first; it goes on, or back, by itself
  npx galley config push --rollout 1%,10%,50%         in steps; \`galley canary pause config-<version>\` holds one
  npx galley config push --rollout 10% --no-judge     a tenth until you push again; --regions apac: those at home there
  npx galley config push --expect 4f0c…               refuse when another version is in force than the one you worked on
  npx galley config push my-routing.yml               with the shipped catalogue

With --local, catalog.local.yml serves when no catalogue is named; with --remote, catalog.yml.
Exit codes: 0 pushed, 1 your files or what you expected (nothing was changed), 2 the store, or somebody else pushed meanwhile.`;

/** Adds the command to `galley config`. */
export function addConfigPush(config: Command): void {
  const command = config
    .command("push")
    .description("check both files, say what changes, and put them in force")
    .argument("[files...]", "a routing file, a catalogue, or both; the shipped ones serve for what is not named")
    .option("-m, --message <text>", "why; stands in the history and in GET /v1/status", "")
    .option("--author <name>", "who; by default the user of this machine")
    .option("-y, --yes", "do not ask; without a terminal nobody is asked")
    .option("--expect <version>", "refuse unless this version is in force (`none`: unless nothing is)")
    .option(
      "--rollout <shares>",
      "serve this share of the clients first, like 10%, or go through several: 1%,10%",
      parseRamp,
    )
    .option("--no-judge", "leave a staged push as it is, whatever it does")
    .option("--observe", "judge a staged push, write down what should be done, and do nothing")
    .option("--min-requests <count>", "requests of the new version before a step ends, instead of 500", parseAmount)
    .option("--min-hours <hours>", "hours before a step ends, instead of 1", parseAmount)
    .option("--warmup <seconds>", "seconds that do not count, instead of ten minutes", parseAmount)
    .option("--regions <ids>", "serve the clients at home in these regions first, like apac,weur");
  addStoreOptions(command).addHelpText("after", EXAMPLES).action(push);
}

async function push(files: string[], options: PushOptions): Promise<void> {
  const place = placeOf(options);
  const { snapshot } = await checkedSnapshot(files, place, "Nothing was pushed.");
  toStage(options, snapshot);
  warnOfPlaceholders(place, snapshot);
  await withStore(options, async (store) => {
    const inForce = await progress(`Reading what is in force in the ${place} KV`, () => readInForce(store));
    refuseUnexpected(options.expect, inForce);
    if (inForce.pointer?.version === snapshot.version && inForce.pointer.rollout === undefined) {
      console.log(`version ${snapshot.version} is in force already; there is nothing to push.`);
      return;
    }
    const previous = baseVersion(inForce);
    const stage = toStage(options, snapshot, previous);
    const before = previous === undefined ? undefined : await readVersion(store, previous);
    if (before !== undefined) {
      const color = process.stderr.hasColors?.() ?? false;
      console.error(
        `\n${before.version} → ${snapshot.version}\n${showDiff(compareSnapshots(before, snapshot), color)}\n`,
      );
    }
    if (stage !== undefined) {
      if (before === undefined) throw nothingToStageOver();
      warnOfGoneEndpoints(before, snapshot);
    }
    await askFirst(options, stage);
    const pushing: Push = {
      snapshot,
      message: options.message,
      author: options.author ?? userInfo().username,
      pushedAtMs: nextPushAtMs(inForce, Date.now()),
      seen: inForce.text,
      ...(previous === undefined ? {} : { previous }),
      ...(stage === undefined ? {} : { rollout: stage }),
    };
    const pushed = await progress(`Pushing version ${snapshot.version} to the ${place} KV`, () =>
      pushSnapshot(store, pushing),
    );
    if (!pushed.ok) throw pushFailure(place, pushed);
    const to = stage === undefined ? "is in force" : `serves ${stageWords(stage)}, ${previous} the rest`;
    console.log(`version ${snapshot.version} ${to}${options.message === "" ? "" : `: ${options.message}`}`);
    if (stage !== undefined) console.log(judgementWords(stage, snapshot.version));
    console.log(reachWords(place));
  });
}

function parseAmount(text: string): number {
  const amount = Number(text);
  if (text.trim() !== "" && Number.isFinite(amount) && amount >= 0) return amount;
  throw new InvalidArgumentError("Give a number, 0 or more.");
}

/** How soon routers follow. */
export function reachWords(place: Place): string {
  return place === "local"
    ? "A router on this machine picks it up within 10 s."
    : "Routers near you pick it up within 10 s; KV may take a minute or more to reach every other location.";
}

function refuseUnexpected(expected: string | undefined, { pointer }: InForce): void {
  const found = pointer?.version ?? "none";
  if (expected === undefined || expected === found) return;
  throw new CommandFailure(1, {
    what: `Nothing was pushed: version ${found} is in force, not ${expected}.`,
    why:
      pointer === undefined
        ? "nothing was pushed here yet"
        : `${pointer.author} pushed it${pointer.message === "" ? "" : `: ${pointer.message}`}`,
    todo: "look at what changed, then push over the version that is in force",
    command: `npx galley config diff && npx galley config push --expect ${found}`,
  });
}

function nothingToStageOver(): CommandFailure {
  return new CommandFailure(1, {
    what: "Nothing was pushed: a first version cannot go to a part of the traffic.",
    why: "there is no version that could serve the rest",
    todo: "push it without --rollout or --regions",
    command: "npx galley config push",
  });
}

/** Asks at a terminal; elsewhere the command line is the word. */
async function askFirst({ yes }: PushOptions, stage: ConfigStage | undefined): Promise<void> {
  if (yes || process.stdin.isTTY !== true) return;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const whom = stage === undefined ? "everybody" : stageWords(stage);
  const answer = await terminal.question(`Put this in force for ${whom}? [y/N] `);
  terminal.close();
  if (/^y(?:es)?$/i.test(answer.trim())) return;
  throw new CommandFailure(1, {
    what: "Nothing was pushed.",
    why: "you did not say yes",
    todo: "answer y, or give --yes where nobody can answer",
  });
}

/** The places' schedulers run by the newer version: endpoints that only the former one has get no slots. */
function warnOfGoneEndpoints(before: Snapshot, after: Snapshot): void {
  const kept = after.content.catalog.endpoints;
  const gone = Object.keys(before.content.catalog.endpoints).filter((id) => !Object.hasOwn(kept, id));
  if (gone.length === 0) return;
  console.error(
    `${counted(gone.length, "endpoint")} that the rest of the clients is served by would go at once: ${gone.slice(0, 3).join(", ")}` +
      `${gone.length > 3 ? ", …" : ""}. Take endpoints away with a push to everybody.\n`,
  );
}

function warnOfPlaceholders(place: Place, { content }: Snapshot): void {
  // Hosts that can never resolve (RFC 2606).
  const ids = Object.values(content.catalog.endpoints)
    .filter(({ url }) => URL.parse(url)?.hostname.endsWith(".example"))
    .map(({ id }) => id);
  if (place === "local" || ids.length === 0) return;
  console.error(
    `${counted(ids.length, "endpoint")} with a placeholder address (\`.example\`), where nothing answers: ` +
      `${ids.slice(0, 3).join(", ")}${ids.length > 3 ? ", …" : ""}. The head of routing/catalog.yml says what to replace.\n`,
  );
}

/** Who is served a new version first: from the command line to the pointer, and in words. */
import { InvalidArgumentError } from "commander";
import type { ConfigStage, Snapshot } from "../../routing/authoring.ts";
import { CommandFailure } from "./command-failure.ts";

/**
 * One salt for all staged pushes: a wider share of the same or the next push only ever adds clients, and nobody goes to and fro.
 * Canaries hash with names of their own, so the two are independent.
 */
const SALT = "config";

/** `10%` or `0.1` → 0.1. */
export function parseShare(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(%?)$/.exec(text);
  const share = match === null ? Number.NaN : Number(match[1]) / (match[2] === "%" ? 100 : 1);
  if (share > 0 && share < 1) return share;
  throw new InvalidArgumentError("Give a share between 0 and 100%, like 10%.");
}

/** What the options ask for; `undefined`: everybody at once. */
export function toStage(
  { rollout, regions }: { readonly rollout?: number; readonly regions?: string },
  { content }: Snapshot,
): ConfigStage | undefined {
  if (rollout !== undefined && regions !== undefined) {
    throw new CommandFailure(1, {
      what: "--rollout and --regions cannot both be meant",
      why: "a version goes first to a share of all clients, or to some regions",
      todo: "choose one",
      command: "npx galley config push --regions apac",
    });
  }
  if (rollout !== undefined) return { kind: "share", share: rollout, salt: SALT };
  if (regions === undefined) return undefined;
  const names = regions.split(",").map((name) => name.trim());
  const known = Object.values(content.catalog.places).flatMap(({ kind, id }) => (kind === "region" ? [id] : []));
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === undefined) return { kind: "regions", regions: names };
  throw new CommandFailure(1, {
    what: `There is no region \`${unknown}\``,
    why: `the catalogue has ${known.join(", ")}`,
    todo: "name one or more of these, with commas",
    command: `npx galley config push --regions ${known[0] ?? "weur"}`,
  });
}

/** `10 % of the clients`, `clients at home in apac`. */
export function stageWords(stage: ConfigStage): string {
  return stage.kind === "share"
    ? `${Number((stage.share * 100).toFixed(2))} % of the clients`
    : `clients at home in ${stage.regions.join(", ")}`;
}

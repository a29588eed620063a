/** Who is served a new version first: from the command line to the pointer, and in words. */
import { InvalidArgumentError } from "commander";
import type { ConfigStage, Snapshot } from "../../routing/authoring.ts";
import { CommandFailure } from "./command-failure.ts";

/**
 * One salt for all staged pushes that nobody judges: a wider share of the same or the next push only ever adds clients, and nobody goes to
 * and fro. Canaries hash with names of their own, so the two are independent.
 */
const SALT = "config";

/** `10%` or `0.1` → 0.1. */
export function parseShare(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(%?)$/.exec(text);
  const share = match === null ? Number.NaN : Number(match[1]) / (match[2] === "%" ? 100 : 1);
  if (share > 0 && share < 1) return share;
  throw new InvalidArgumentError("Give a share between 0 and 100%, like 10%.");
}

/** `10%` or `1%,10%,50%` → shares that grow. */
export function parseRamp(text: string): readonly number[] {
  const ramp = text.split(",").map((share) => parseShare(share.trim()));
  if (ramp.every((share, index) => index === 0 || share > (ramp[index - 1] ?? 0))) return ramp;
  throw new InvalidArgumentError("Give shares that grow, like 1%,10%,50%.");
}

/** What a stage is asked for with. */
export interface StageOptions {
  readonly rollout?: readonly number[];
  readonly regions?: string;
  /** `false`: nobody judges it, and it stays as it is until the next push. */
  readonly judge?: boolean;
  readonly observe?: boolean;
  readonly minRequests?: number;
  readonly minHours?: number;
  /** s. */
  readonly warmup?: number;
}

/** A push is judged on fewer requests than a model (control.md §6 asks 500 of both), but sooner: an hour, because it is easily taken back. */
const JUDGED_BY = { minRequests: 500, minHours: 1 } as const;

/** What the options ask for; `undefined`: everybody at once. `previous` is what it goes over. */
export function toStage(
  { rollout, regions, ...judging }: StageOptions,
  { version, content }: Snapshot,
  previous?: string,
): ConfigStage | undefined {
  if (rollout !== undefined && regions !== undefined) {
    throw new CommandFailure(1, {
      what: "--rollout and --regions cannot both be meant",
      why: "a version goes first to a share of all clients, or to some regions",
      todo: "choose one",
      command: "npx galley config push --regions apac",
    });
  }
  if (rollout !== undefined) return toShare(rollout, judging, `${previous ?? "none"}-${version}`);
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

function toShare(
  ramp: readonly number[],
  { judge = true, observe = false, minRequests, minHours, warmup }: StageOptions,
  salt: string,
): ConfigStage {
  const [share = 0] = ramp;
  if (judge) {
    const terms = { ramp, mode: observe ? "observe" : "enforce" } as const;
    const least = { minRequests: minRequests ?? JUDGED_BY.minRequests, minHours: minHours ?? JUDGED_BY.minHours };
    const warmupMs = warmup === undefined ? {} : { warmupMs: Math.round(warmup * 1_000) };
    // Each push draws its own clients, so that what one did to them is not held against the next.
    return { kind: "share", share, salt, judge: { ...terms, ...least, ...warmupMs } };
  }
  if (ramp.length === 1) return { kind: "share", share, salt: SALT };
  throw new CommandFailure(1, {
    what: "Nobody would go from share to share",
    why: "a push that is not judged stays at the one that it was given",
    todo: "give one share, or leave --no-judge out",
    command: "npx galley config push --no-judge --rollout 10%",
  });
}

/** `10 % of the clients`, `clients at home in apac`. */
export function stageWords(stage: ConfigStage): string {
  return stage.kind === "share"
    ? `${Number((stage.share * 100).toFixed(2))} % of the clients`
    : `clients at home in ${stage.regions.join(", ")}`;
}

/** What will become of a stage by itself, for the person who pushed it. */
export function judgementWords(stage: ConfigStage, version: string): string {
  if (stage.kind === "regions") return "Regions are no sample of all clients: nobody judges this push but you.";
  if (stage.judge === undefined) return "It stays so until the next push or rollback.";
  const { ramp, mode, minRequests, minHours } = stage.judge;
  const then = ramp.slice(1).map((share) => `${Number((share * 100).toFixed(2))} %`);
  const steps = [...then, "everybody"].join(", then ");
  const does =
    mode === "observe"
      ? "What it would do is only written down"
      : `It goes back by itself when it is worse, and on to ${steps} after ${minRequests} requests and ${minHours} h each, once it is shown to be no worse`;
  return `${does}: npx galley canary status config-${version}`;
}

/** A diff as a person reads it: what changes, section by section, and which requests would be served otherwise. */
import { styleText } from "node:util";
import type { Snapshot } from "../../routing/authoring.ts";
import { type Change, diffSnapshots } from "./config-diff/diff-snapshots.ts";
import { type Given, givenRequests } from "./config-diff/given-requests.ts";
import { type Compared, createComparison, fateWords } from "./config-diff/replay.ts";
import { counted } from "./show-problems.ts";

const MARKS = { added: "+", removed: "-", changed: "~" } as const;
const COLORS = { added: "green", removed: "red", changed: "yellow" } as const;

/** Ways that are shown one by one, and names of requests a way; the rest is counted. */
const MOST_SHOWN = 12;
const MOST_NAMED = 3;

export interface Diff {
  readonly changes: readonly Change[];
  readonly otherwise: readonly { readonly label: string; readonly compared: Compared }[];
  /** How many requests were tried. */
  readonly tried: number;
}

/** Compares two snapshots; `requests`: those to try, by default one of each kind. */
export function compareSnapshots(before: Snapshot, after: Snapshot, requests?: readonly Given[]): Diff {
  const given = requests ?? givenRequests(before, after);
  const compare = createComparison(before, after);
  const all = given.map(({ label, request }) => ({ label, compared: compare(request) }));
  return {
    changes: diffSnapshots(before, after),
    otherwise: all.filter(({ compared }) => compared.changed),
    tried: given.length,
  };
}

/** The words. */
export function showDiff({ changes, otherwise, tried }: Diff, color: boolean): string {
  if (changes.length === 0) return "Nothing differs but the text: same content, same version.";
  const paint = (style: "green" | "red" | "yellow", text: string) => (color ? styleText(style, text) : text);
  const sections = [...Map.groupBy(changes, ({ section }) => section)].flatMap(([section, group]) => [
    section,
    ...group.map(({ kind, text }) => paint(COLORS[kind], `  ${MARKS[kind]} ${text}`)),
  ]);
  const ways = [...Map.groupBy(otherwise, ({ compared }) => wayWords(compared))];
  const many = ways.length > MOST_SHOWN ? [`  … and ${counted(ways.length - MOST_SHOWN, "other way")}`] : [];
  const requests =
    otherwise.length === 0
      ? [`All of ${counted(tried, "tried request")} go the same way as before.`]
      : [
          `${otherwise.length} of ${counted(tried, "tried request")} would be served otherwise:`,
          ...ways.slice(0, MOST_SHOWN).map(([way, group]) => `  ${labelWords(group)}\n    ${way}`),
          ...many,
        ];
  return [...sections, "", ...requests].join("\n");
}

function labelWords(group: Diff["otherwise"]): string {
  const named = group.slice(0, MOST_NAMED).map(({ label }) => label);
  return `${named.join("; ")}${group.length > MOST_NAMED ? `; ${group.length - MOST_NAMED} more` : ""}`;
}

function wayWords({ before, after }: Compared): string {
  const [was, is] = [fateWords(before), fateWords(after)];
  return was === is ? `${is}, with other fallbacks or times` : `${was}  →  ${is}`;
}

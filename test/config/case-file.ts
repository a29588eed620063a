/** Reads what a configuration under `valid/` or `invalid/` is expected to show, from the comments at its head. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { SourceText } from "../../routing/authoring.ts";

/** The repository's own folder of shipped files. */
export const ROUTING_DIR = join(import.meta.dirname, "../../routing");

/** `path | message | hint`, with `line:column` before the path for problems of the file itself. */
export type Expected = string;

export interface CaseFile extends SourceText {
  readonly name: string;
  readonly story: string;
  /** Lines `# expect …` and `# warn …`, without the word. */
  readonly expects: readonly Expected[];
  readonly warns: readonly Expected[];
}

export function readSource(path: string): SourceText {
  return { file: path, text: readFileSync(path, "utf8") };
}

export function readCases(folder: "valid" | "invalid"): readonly CaseFile[] {
  const path = join(import.meta.dirname, folder);
  return readdirSync(path)
    .sort()
    .map((name) => {
      const source = readSource(join(path, name));
      const lines = source.text.split("\n");
      const after = (word: string) => lines.flatMap((line) => (line.startsWith(word) ? [line.slice(word.length)] : []));
      return {
        ...source,
        name: name.replace(/\.yml$/, ""),
        story: lines[0]?.replace(/^# /, "") ?? "",
        expects: after("# expect "),
        warns: after("# warn "),
      };
    });
}

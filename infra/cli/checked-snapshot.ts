/** The files as a snapshot, or their problems in words: what every command does that works on files. */
import type { Snapshot } from "../../routing/authoring.ts";
import { CommandFailure } from "./command-failure.ts";
import { type ConfigSources, compileSources, readSources } from "./config-sources.ts";
import { counted, showProblems } from "./show-problems.ts";
import type { Place } from "./store-options.ts";

export interface CheckedFiles {
  readonly snapshot: Snapshot;
  readonly sources: ConfigSources;
}

/** Compiles the named files, with the place's shipped catalogue where none is named. Problems go to stderr and end the command. */
export async function checkedSnapshot(files: readonly string[], place: Place, ending: string): Promise<CheckedFiles> {
  const sources = await readSources({ files, catalog: place === "remote" ? "catalog.yml" : "catalog.local.yml" });
  const compiled = await compileSources(sources);
  const texts = [sources.routing, sources.catalog];
  const color = process.stderr.hasColors?.() ?? false;
  if (!compiled.ok) {
    console.error(showProblems(compiled.problems, texts, color));
    throw new CommandFailure(1, {
      what: `\n${ending}`,
      why: `the files have ${counted(compiled.problems.length, "problem")}, shown above`,
      todo: "mend them, then try again; what serves now goes on serving",
      command: ["npx galley config check", ...texts.map(({ file }) => file)].join(" "),
    });
  }
  if (compiled.warnings.length > 0) {
    console.error(`Warnings:\n${showProblems(compiled.warnings, texts, color)}\n`);
  }
  return { snapshot: compiled.snapshot, sources };
}

/** `galley config check`: everything that is wrong with the two files, at once. */
import type { Command } from "commander";
import { compileSources, readSources } from "./config-sources.ts";
import { counted, showProblems } from "./show-problems.ts";

const EXAMPLES = `
Examples:
  npx galley config check                              the shipped files
  npx galley config check routing/catalog.local.yml    the shipped routing file with the simulators' catalogue
  npx galley config check my-routing.yml my-catalog.yml
  npx galley config check --json | jq .problems

Exit codes: 0 nothing is wrong, 1 something is.`;

/** Adds the command to `galley config`. */
export function addConfigCheck(config: Command): void {
  config
    .command("check")
    .description("say everything that is wrong with a routing file and a catalogue, with line and column")
    .argument("[files...]", "a routing file, a catalogue, or both; the shipped ones serve for what is not named")
    .option("--json", "problems as JSON, for tools")
    .addHelpText("after", EXAMPLES)
    .action(check);
}

async function check(files: string[], options: { readonly json?: boolean }): Promise<void> {
  const sources = await readSources({ files, catalog: "catalog.yml" });
  const compiled = await compileSources(sources);
  const problems = compiled.ok ? [] : compiled.problems;
  if (!compiled.ok) process.exitCode = 1;
  if (options.json) {
    const version = compiled.ok ? compiled.snapshot.version : null;
    console.log(JSON.stringify({ ok: compiled.ok, version, problems, warnings: compiled.warnings }, null, 2));
    return;
  }
  const texts = [sources.routing, sources.catalog];
  if (problems.length > 0) {
    console.error(showProblems(problems, texts, process.stderr.hasColors?.() ?? false));
    console.error(`\n${counted(problems.length, "problem")}.`);
  }
  if (compiled.warnings.length > 0) {
    console.error(`Warnings:\n${showProblems(compiled.warnings, texts, process.stderr.hasColors?.() ?? false)}\n`);
  }
  if (!compiled.ok) return;
  const { routing, catalog } = compiled.snapshot.content;
  const counts = [
    counted(routing.routes.length, "route"),
    counted(Object.keys(catalog.models).length, "model"),
    counted(Object.keys(catalog.endpoints).length, "endpoint"),
    counted(Object.keys(catalog.places).length, "place"),
  ];
  console.log(`${sources.routing.file} and ${sources.catalog.file} fit: ${counts.join(", ")}.`);
  console.log(`version ${compiled.snapshot.version}`);
}

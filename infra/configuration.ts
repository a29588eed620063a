/**
 * The two YAML files from disk, compiled; problems become one readable error.
 */
import { readFile } from "node:fs/promises";
import { relative } from "node:path";
import { compile, type Snapshot, toSnapshotJson } from "../routing/authoring.ts";

export interface Configuration {
  readonly snapshot: Snapshot;
  /** The snapshot as it is stored in KV. */
  readonly json: string;
}

/** The configuration has problems; the message lists them all. */
export class ConfigurationError extends Error {}

/** Reads and compiles; throws `ConfigurationError` with every problem. */
export async function loadConfiguration(files: { routing: string; catalog: string }): Promise<Configuration> {
  const [routing, catalog] = await Promise.all([readFile(files.routing, "utf8"), readFile(files.catalog, "utf8")]);
  const name = (file: string) => relative(process.cwd(), file) || file;
  const compiled = await compile({
    routing: { file: name(files.routing), text: routing },
    catalog: { file: name(files.catalog), text: catalog },
  });
  if (!compiled.ok) {
    const lines = compiled.problems.map(
      ({ file, line, column, message, hint }) => `  ${file}:${line}:${column}  ${message}${hint ? ` (${hint})` : ""}`,
    );
    throw new ConfigurationError(`The configuration has ${lines.length} problem(s):\n${lines.join("\n")}`);
  }
  return { snapshot: compiled.snapshot, json: toSnapshotJson(compiled.snapshot) };
}

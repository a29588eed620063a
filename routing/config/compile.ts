/**
 * The two YAML files → one immutable snapshot, or everything that is wrong with them at once.
 *
 * Fails closed: with any problem there is no snapshot. Warnings stop nothing. For authors' tools; the Worker reads the result.
 */
import { buildCatalog } from "./catalog-build.ts";
import { orderProblems, type Problem } from "./problem.ts";
import { openReport, type Report } from "./report.ts";
import { buildRouting } from "./routing-build.ts";
import { SNAPSHOT_SCHEMA, type Snapshot, type SnapshotContent } from "./snapshot.ts";
import { canonicalJson, contentVersion } from "./snapshot-json.ts";
import { readYaml, type Source, type SourceText } from "./yaml-source.ts";

export type Compiled =
  | { readonly ok: true; readonly snapshot: Snapshot; readonly warnings: readonly Problem[] }
  | { readonly ok: false; readonly problems: readonly Problem[]; readonly warnings: readonly Problem[] };

/** Compiles both files together; the snapshot's version is the hash of its content. */
export async function compile(files: {
  readonly routing: SourceText;
  readonly catalog: SourceText;
}): Promise<Compiled> {
  const catalogFile = open(files.catalog, "`models`, `endpoints` and `regions`");
  const routingFile = open(files.routing, "`default_route` and `routes`");
  const catalog = catalogFile.usable ? buildCatalog(catalogFile.source, catalogFile.report) : undefined;
  const routing = routingFile.usable
    ? buildRouting(routingFile.source, { catalog, report: routingFile.report })
    : undefined;
  const problems = orderProblems([...routingFile.report.problems, ...catalogFile.report.problems]);
  const warnings = orderProblems([...routingFile.report.warnings, ...catalogFile.report.warnings]);
  if (problems.length > 0 || routing === undefined || catalog === undefined) return { ok: false, problems, warnings };
  const { models, endpoints, places, names } = catalog;
  const stored = canonicalJson({ routing, catalog: { models, endpoints, places, names } });
  // As the Worker will read it, down to the order of members.
  const content = JSON.parse(stored) as SnapshotContent;
  const version = await contentVersion(content);
  return { ok: true, snapshot: { schema: SNAPSHOT_SCHEMA, version, content }, warnings };
}

interface Opened {
  readonly source: Source;
  readonly report: Report;
  /** The file is a block, and may be read on. */
  readonly usable: boolean;
}

function open(text: SourceText, sections: string): Opened {
  const source = readYaml(text);
  const report = openReport(source);
  if (source.broken) return { source, report, usable: false };
  const usable = typeof source.value === "object" && source.value !== null && !Array.isArray(source.value);
  if (!usable) {
    const message =
      source.value === null || source.value === undefined ? "the file is empty" : "the file is not a block";
    report.error({ path: [], message, expected: `a block with ${sections}`, hint: "start from the shipped file" });
  }
  return { source, report, usable };
}

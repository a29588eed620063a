/** The configuration of a benchmark: its own two files, with its upstream's address in the place of port 1. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { compile, type Snapshot } from "../../routing/authoring.ts";

/** Compiles `routing.yml` and `catalog.yml` of a folder. Throws when they have problems. */
export async function benchSnapshot(folder: string, upstreamUrl: string): Promise<Snapshot> {
  const text = (file: string) => readFileSync(join(folder, file), "utf8");
  const compiled = await compile({
    routing: { file: "routing.yml", text: text("routing.yml") },
    catalog: { file: "catalog.yml", text: text("catalog.yml").replaceAll("http://127.0.0.1:1", upstreamUrl) },
  });
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.problems, null, 2));
  return compiled.snapshot;
}

/** Each file under `invalid/` has exactly the problems that its head expects: no more, so that nothing bogus follows from a mistake. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { compile, type Problem } from "../../routing/authoring.ts";
import { type CaseFile, ROUTING_DIR, readCases, readSource } from "./case-file.ts";

const cases = readCases("invalid");
const localCatalog = readSource(join(ROUTING_DIR, "catalog.local.yml"));
const smallRouting = readSource(join(import.meta.dirname, "valid/small-routing.yml"));

async function problemsOf(file: CaseFile): Promise<readonly Problem[]> {
  const compiled = await compile(
    file.name.startsWith("catalog-")
      ? { routing: smallRouting, catalog: file }
      : { routing: file, catalog: localCatalog },
  );
  return compiled.ok ? [] : compiled.problems;
}

function show(problem: Problem, file: CaseFile): string {
  const place = problem.file === file.file ? `${problem.line}:${problem.column}` : "elsewhere";
  return `${place} ${problem.path || "(file)"} | ${problem.message} | ${problem.hint}`;
}

describe("an invalid configuration", () => {
  it("stands here in every kind", () => {
    expect(cases.length).toBeGreaterThanOrEqual(25);
  });

  it.each(cases)("$name: $story", async (file) => {
    const problems = await problemsOf(file);
    expect(problems.map((problem) => show(problem, file).trim())).toEqual(file.expects.map((line) => line.trim()));
    expect(file.expects).not.toHaveLength(0);
    for (const problem of problems) expect(problem.expected).not.toBe("");
  });

  it("never repeats what may be a key", async () => {
    const secrets = {
      "catalog-key-as-secret": "sk-live",
      "catalog-url-with-password": "hunter2",
      "catalog-url-with-query": "key=1",
    };
    for (const file of cases) {
      const secret = secrets[file.name as keyof typeof secrets];
      if (secret === undefined) continue;
      const problems = await problemsOf(file);
      expect(JSON.stringify(problems)).not.toContain(secret);
      expect(problems.map((problem) => problem.secret)).toEqual([true]);
    }
  });
});

import { readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { describe, expect, it } from "vitest";
import { ALL_RULES, type Files, findViolations, type Rule } from "./support/architecture.ts";
import { importsOf } from "./support/imports.ts";

const HEAD = "/**\n * A file that is here to break or to keep a rule.\n */\n";

/** The rules that these files break. */
function broken(files: Readonly<Record<string, string>>): readonly Rule[] {
  const map = new Map(
    Object.entries(files).map(([path, text]) => [path, path.startsWith("routing") ? HEAD + text : text]),
  );
  return [...new Set(findViolations(map).map(({ rule }) => rule))];
}

describe("the repository", () => {
  const files = readTree(["functions", "routing", "infra", "test"]);

  it("is read whole", () => {
    expect(files.size).toBeGreaterThan(50);
    expect([...files.keys()]).toContain("routing/index.ts");
  });

  it("keeps every rule", () => {
    const lines = findViolations(files).map(({ rule, file, what }) => `${file} ${what} (${rule})`);
    expect(lines).toEqual([]);
  });
});

describe("a planted violation is found", () => {
  const planted: readonly (readonly [Rule, string, Readonly<Record<string, string>>])[] = [
    [
      "functions and infra do not import each other",
      "a Worker that imports a tool",
      { "functions/router/app.ts": `import { serve } from "../../infra/serve.ts";` },
    ],
    [
      "functions and infra do not import each other",
      "a tool that imports a type of the Worker",
      { "infra/serve.ts": `import type { App } from "../functions/router/app.ts";` },
    ],
    [
      "routing imports nothing outside itself",
      "a decision that imports a tool",
      { "routing/plan/plan.ts": `export { port } from "../../infra/port.ts";` },
    ],
    [
      "nothing imports the tests",
      "a tool that imports a fake",
      { "infra/serve.ts": `import { clock } from "../test/support/fake-clock.ts";` },
    ],
    [
      "routing is imported through its surface",
      "a Worker that reaches into the core",
      { "functions/router/app.ts": `import { createPlanner } from "../../routing/plan/planner.ts";` },
    ],
    [
      "routing is imported through its surface",
      "a Worker that imports the authors' surface",
      { "functions/router/app.ts": `import { compile } from "../../routing/authoring.ts";` },
    ],
    [
      "routing is imported through its surface",
      "a tool that reaches into the core for a type",
      { "infra/cli/galley.ts": `type Plan = import("../../routing/plan/plan.ts").Plan;` },
    ],
    [
      "routing's folders import in one direction",
      "a leaf that imports configuration",
      { "routing/failure/attempt.ts": `import type { Model } from "../config/snapshot.ts";` },
    ],
    [
      "routing's folders import in one direction",
      "a decider that imports another",
      { "routing/plan/plan.ts": `import { home } from "../region/home-region.ts";` },
    ],
    [
      "routing's folders import in one direction",
      "a decider that imports execute",
      { "routing/scheduler/slots.ts": `import type { Lease } from "../execute/ports.ts";` },
    ],
    [
      "routing's folders import in one direction",
      "a decider that imports the surface",
      { "routing/plan/plan.ts": `import { foldName } from "../index.ts";` },
    ],
    [
      "routing's folders import in one direction",
      "a folder that nobody gave a place",
      { "routing/extra/extra.ts": `import type { Model } from "../config/snapshot.ts";` },
    ],
    [
      "routing uses no package but zod and yaml, in config",
      "zod outside configuration",
      { "routing/plan/plan.ts": `import { z } from "zod";` },
    ],
    ["routing uses no package but zod and yaml, in config", "hono", { "routing/config/a.ts": `import "hono/tiny";` }],
    [
      "routing uses no package but zod and yaml, in config",
      "Node",
      { "routing/image/a.ts": `const { readFile } = await import("node:fs/promises");` },
    ],
    [
      "routing uses no package but zod and yaml, in config",
      "the Workers runtime",
      { "routing/execute/a.ts": `import { env } from 'cloudflare:workers';` },
    ],
    [
      "what the Worker imports of routing reaches neither zod nor yaml",
      "two imports away",
      {
        "routing/index.ts": `export * from "./config/a.ts";`,
        "routing/config/a.ts": `import { b } from "./b.ts";`,
        "routing/config/b.ts": `import { parse } from "yaml";`,
      },
    ],
    [
      "functions ship no YAML parser",
      "yaml in a Worker",
      { "functions/router/app.ts": `import { parse } from "yaml";` },
    ],
    [
      "routing and functions import by name only",
      "a computed import",
      { "routing/execute/a.ts": `export const load = (name: string) => import(\`./\${name}.ts\`);` },
    ],
    [
      "routing has no clock, chance or network of its own",
      "a clock",
      { "routing/plan/a.ts": "export const now = Date.now();" },
    ],
    [
      "routing has no clock, chance or network of its own",
      "chance",
      { "routing/plan/a.ts": "export const a = Math.random;" },
    ],
    ["routing has no clock, chance or network of its own", "a call", { "routing/plan/a.ts": "await fetch(url);" }],
    [
      "routing has no clock, chance or network of its own",
      "a clock inside a template",
      { "routing/plan/a.ts": `export const a = \`now \${Date.now()} ms\`;` },
    ],
    [
      "routing sees no types of a platform",
      "a reference to Node's types",
      { "routing/plan/a.ts": `/// <reference types="node" />` },
    ],
    ["files are named in kebab-case after what they do", "utils", { "infra/utils.ts": "" }],
    ["files are named in kebab-case after what they do", "a helper", { "test/support/clock-helpers.ts": "" }],
    ["files are named in kebab-case after what they do", "a folder", { "functions/common/time.ts": "" }],
    ["files are named in kebab-case after what they do", "camel case", { "infra/bench/loadGenerator.ts": "" }],
  ];

  it.each(planted)("%s: %s", (rule, _what, files) => {
    expect(broken(files)).toEqual([rule]);
  });

  it("every file of routing has a head comment: one without, one with an empty one, one with too little to say", () => {
    for (const text of ["export {};\n", "/** */\nexport {};\n", "// A line comment is no head.\nexport {};\n"]) {
      expect(findViolations(new Map([["routing/plan/a.ts", text]])).map(({ rule }) => rule)).toEqual([
        "every file of routing has a head comment",
      ]);
    }
  });

  it("for every rule there is", () => {
    const covered = new Set<Rule>([...planted.map(([rule]) => rule), "every file of routing has a head comment"]);
    expect([...covered].sort()).toEqual([...ALL_RULES].sort());
  });
});

describe("what keeps the rules is let be", () => {
  it.each<[string, Readonly<Record<string, string>>]>([
    ["a Worker on the surface", { "functions/router/app.ts": `import { execute } from "../../routing/index.ts";` }],
    ["a tool on both surfaces", { "infra/a.ts": `import "../routing/index.ts";\nimport "../routing/authoring.ts";` }],
    ["zod in configuration", { "routing/config/a.ts": `import { z } from "zod";` }],
    ["zod in a Worker", { "functions/router/schemas.ts": `import * as z from "zod/mini";` }],
    ["a decider on a leaf", { "routing/plan/a.ts": `import type { Result } from "../failure/index.ts";` }],
    ["execute on a decider", { "routing/execute/a.ts": `import type { Plan } from "../plan/plan.ts";` }],
    ["a test on anything", { "test/a.test.ts": `import "../infra/a.ts";\nimport "../routing/plan/plan.ts";` }],
    ["words in comments", { "routing/plan/a.ts": `// like fetch(url) or import "hono"\n/* Date.now() */` }],
    ["words in strings", { "routing/plan/a.ts": `export const a = 'import "hono"; fetch(url)';` }],
    ["words in regular expressions", { "routing/plan/a.ts": `export const a = /["']import "hono"/;` }],
    ["a fetch that a port brings", { "routing/execute/a.ts": "await ports.upstream.fetch(call);" }],
    ["a file about service times", { "routing/plan/service-times.ts": "" }],
  ])("%s", (_what, files) => {
    expect(broken(files)).toEqual([]);
  });
});

describe("importsOf", () => {
  const specifiers = (text: string) => importsOf(text).map(({ specifier }) => specifier);

  it.each([
    [`import "a";`, ["a"]],
    [`import a from "a";`, ["a"]],
    [`import a, { b as c, type D } from 'a';`, ["a"]],
    [`import * as a from "a";`, ["a"]],
    [`import type { A } from "a";`, ["a"]],
    [`import {\n  a,\n  b,\n} from "a";`, ["a"]],
    [`import{a}from"a";`, ["a"]],
    [`export * from "a";`, ["a"]],
    [`export type { A } from "a";`, ["a"]],
    [`import data from "./a.json" with { type: "json" };`, ["./a.json"]],
    [`const a = await import("a");`, ["a"]],
    [`const a = await import(\n  "a",\n);`, ["a"]],
    ["const a = await import(`a`);", ["a"]],
    [`type A = import("a").A;`, ["a"]],
    [`const a = require("a");`, ["a"]],
    ["const a = import(name);", [undefined]],
    [`const a = import("./" + name);`, [undefined]],
    [`import { a } from "a"; // from "b"\nimport { b } from "b";`, ["a", "b"]],
    [`/* import "x" */ import "a";`, ["a"]],
    [`const text = "import 'x'";`, []],
    [`const text = \`import 'x' \${f(\`\${await import('a')}\`)} import 'y'\`;`, ["a"]],
    [`const half = a / b; import "a"; const c = d / e;`, ["a"]],
    [`const quote = /"/; import "a"; const other = /['"]/;`, ["a"]],
    [`export const a = 1; const from = "x";`, []],
    [`export { a }; import "b";`, ["b"]],
    ["import.meta.url;", []],
  ])("reads %j", (text, wanted) => {
    expect(specifiers(text).toSorted()).toEqual(wanted.toSorted());
  });
});

function readTree(folders: readonly string[]): Files {
  const paths = folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.(?:ts|tsx|mts|js|mjs)$/.test(entry.name))
      .map((entry) => posix.join(entry.parentPath.replaceAll("\\", "/"), entry.name)),
  );
  return new Map(paths.sort().map((path) => [path, readFileSync(path, "utf8")]));
}

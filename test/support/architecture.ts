/**
 * The rules of the layout, as a function over files: what may import what, what the core may not touch, how files are named.
 *
 * It takes a map of path → text, so that each rule is tested on a planted violation as well as on the repository.
 */
import { posix } from "node:path";
import { importsOf, packageOf, resolveImport } from "./imports.ts";
import { maskSource } from "./masked-source.ts";

/** Path from the root, with `/` → text. */
export type Files = ReadonlyMap<string, string>;

export interface Violation {
  readonly rule: Rule;
  readonly file: string;
  readonly what: string;
}

export type Rule = keyof typeof RULES;

/** Folders of `routing/` and which others each may import. Files at its root (`index.ts`) may import all of them. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  failure: [],
  image: ["failure"],
  config: ["failure", "image"],
  classify: ["failure", "image", "config"],
  region: ["failure", "image", "config"],
  plan: ["failure", "image", "config"],
  scheduler: ["failure", "image", "config"],
  rollout: ["failure", "image", "config"],
  exports: ["failure", "image", "config"],
  dialects: ["failure", "image", "config"],
  execute: ["failure", "image", "config", "classify", "region", "plan", "scheduler", "rollout", "dialects"],
};

/** What another top-level folder may import of `routing/`. */
const SURFACE: Readonly<Record<string, readonly string[]>> = {
  functions: ["routing/index.ts"],
  infra: ["routing/index.ts", "routing/authoring.ts"],
};

/** Words that say where a file was put, not what it does. */
const EMPTY_WORDS = /(?:^|-)(?:utils?|helpers?|common|managers?|services?)$/;

/** Time, chance, network, console and process: the core gets them through ports. */
const OUTSIDE_WORLD =
  /(?<![.\w])(?:Date\.now|new Date\(\s*\)|Math\.random|performance\.now|setTimeout|setInterval|fetch\s*\(|XMLHttpRequest|WebSocket|console\.|process\.|crypto\.(?:randomUUID|getRandomValues))/g;

const RULES = {
  "functions and infra do not import each other": (file: SourceFile) =>
    file.targets
      .filter((target) => crosses(file.top, topOf(target), ["functions", "infra"]))
      .map((target) => `imports ${target}`),

  "routing imports nothing outside itself": (file: SourceFile) =>
    file.top === "routing"
      ? file.targets.filter((target) => topOf(target) !== "routing").map((target) => `imports ${target}`)
      : [],

  "nothing imports the tests": (file: SourceFile) =>
    file.top === "test" ? [] : file.targets.filter((target) => topOf(target) === "test").map((t) => `imports ${t}`),

  "routing is imported through its surface": (file: SourceFile) =>
    file.targets
      .filter((target) => topOf(target) === "routing" && SURFACE[file.top]?.includes(target) === false)
      .map((target) => `imports ${target}, not ${SURFACE[file.top]?.join(" or ")}`),

  "routing's folders import in one direction": (file: SourceFile) =>
    file.top === "routing"
      ? file.targets
          .filter((target) => topOf(target) === "routing" && !mayImport(file.path, target))
          .map((t) => `imports ${t}`)
      : [],

  "routing uses no package but zod and yaml, in config": (file: SourceFile) =>
    file.top === "routing"
      ? file.packages
          .filter((name) => folderOf(file.path) !== "config" || !["zod", "yaml"].includes(name))
          .map((name) => `imports ${name}`)
      : [],

  "what the Worker imports of routing reaches neither zod nor yaml": (file: SourceFile, files: Files) =>
    file.path === "routing/index.ts"
      ? [...reachable(file.path, files)].flatMap((path) =>
          packagesOf(path, files)
            .filter((name) => ["zod", "yaml"].includes(name))
            .map((name) => `reaches ${name} through ${path}`),
        )
      : [],

  "functions ship no YAML parser": (file: SourceFile) =>
    file.top === "functions" ? file.packages.filter((name) => name === "yaml").map((name) => `imports ${name}`) : [],

  "routing and functions import by name only": (file: SourceFile) =>
    ["routing", "functions"].includes(file.top) && file.hasComputedImport
      ? ["imports what cannot be told beforehand"]
      : [],

  "routing has no clock, chance or network of its own": (file: SourceFile) =>
    file.top === "routing"
      ? Array.from(maskSource(file.text).code.matchAll(OUTSIDE_WORLD), ([found]) => `uses ${found}`)
      : [],

  "routing sees no types of a platform": (file: SourceFile) =>
    file.top === "routing" && /^\s*\/\/\/\s*<reference/m.test(file.text) ? ["references a type library"] : [],

  "files are named in kebab-case after what they do": (file: SourceFile) => {
    const stem = posix.basename(file.path).replace(/(?:\.(?:test|config|d))*\.[a-z]+$/, "");
    const names = [stem, ...posix.dirname(file.path).split("/")];
    return names
      .filter((name) => EMPTY_WORDS.test(name) || !/^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(name))
      .map((name) => `is called ${name}`);
  },

  "every file of routing has a head comment": (file: SourceFile) =>
    file.top !== "routing" || /^\/\*\*[\s*]*[^\s*/][^\n]{15,}/.test(file.text) ? [] : ["begins without one"],
} as const satisfies Record<string, (file: SourceFile, files: Files) => readonly string[]>;

interface SourceFile {
  readonly path: string;
  readonly text: string;
  /** First folder of its path. */
  readonly top: string;
  /** Files that it imports, from the root. */
  readonly targets: readonly string[];
  readonly packages: readonly string[];
  readonly hasComputedImport: boolean;
}

/** Names of all rules. */
export const ALL_RULES = Object.keys(RULES) as readonly Rule[];

/** Everything that breaks a rule, in order of the files. */
export function findViolations(files: Files): readonly Violation[] {
  return [...files].flatMap(([path, text]) => {
    const file = readFile(path, text);
    return ALL_RULES.flatMap((rule) => RULES[rule](file, files).map((what) => ({ rule, file: path, what })));
  });
}

function readFile(path: string, text: string): SourceFile {
  const imports = importsOf(text);
  return {
    path,
    text,
    top: topOf(path),
    targets: imports.map((one) => resolveImport(path, one)).filter((target) => target !== undefined),
    packages: imports.map(packageOf).filter((name) => name !== undefined),
    hasComputedImport: imports.some(({ specifier }) => specifier === undefined),
  };
}

function topOf(path: string): string {
  return path.split("/")[0] ?? "";
}

/** Folder inside `routing/`; empty for a file at its root. */
function folderOf(path: string): string {
  const [, folder = "", file] = path.split("/");
  return file === undefined ? "" : folder;
}

function crosses(from: string, to: string, walls: readonly string[]): boolean {
  return from !== to && walls.includes(from) && walls.includes(to);
}

function mayImport(from: string, to: string): boolean {
  const [folder, target] = [folderOf(from), folderOf(to)];
  if (folder === "" || folder === target) return true;
  return MAY_IMPORT[folder]?.includes(target) ?? false;
}

function reachable(start: string, files: Files): ReadonlySet<string> {
  const found = new Set([start]);
  for (const path of found) {
    for (const target of readFile(path, files.get(path) ?? "").targets) found.add(target);
  }
  return found;
}

function packagesOf(path: string, files: Files): readonly string[] {
  return readFile(path, files.get(path) ?? "").packages;
}

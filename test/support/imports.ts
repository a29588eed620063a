/**
 * What a TypeScript file imports: static and dynamic imports, of values and of types, re-exports, `import("…")` in a type, `require`.
 */
import { posix } from "node:path";
import { type MaskedSource, maskSource } from "./masked-source.ts";

/** One import. `specifier` is `undefined` where it is computed, so that nobody can say what is imported. */
export interface Import {
  readonly specifier: string | undefined;
}

const STATIC = /\b(?:import|export)\b[\w$\s{},*]*?\bfrom\s*"(\d+)"/g;
const BARE = /\bimport\s*"(\d+)"/g;
const CALLED = /\b(?:import|require)\s*\(\s*(?:"(\d+)"\s*[,)])?/g;

/** Every import of a file, in no order. */
export function importsOf(text: string): readonly Import[] {
  const masked = maskSource(text);
  return [STATIC, BARE, CALLED].flatMap((pattern) =>
    Array.from(masked.code.matchAll(pattern), (match) => ({ specifier: literal(masked, match[1]) })),
  );
}

/** The path that a relative import means, seen from the root; `undefined` for a package or a computed specifier. */
export function resolveImport(from: string, { specifier }: Import): string | undefined {
  if (specifier === undefined || !/^\.{1,2}\//.test(specifier)) return undefined;
  return posix.normalize(posix.join(posix.dirname(from), specifier));
}

/** The package that an import means: `zod`, `@scope/name`, `node:fs`; `undefined` for a relative or a computed one. */
export function packageOf({ specifier }: Import): string | undefined {
  if (specifier === undefined || specifier.startsWith(".")) return undefined;
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

function literal({ strings }: MaskedSource, index: string | undefined): string | undefined {
  return index === undefined ? undefined : strings[Number(index)];
}

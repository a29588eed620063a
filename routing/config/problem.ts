/**
 * What can be wrong with a configuration, said so that a person can mend it; and lists of such problems.
 */

/** One thing that is wrong: where it stands, what it is, what was expected, and what to do. */
export interface Problem {
  /** As the caller named the file. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units. */
  readonly column: number;
  /** `routes[1].match.purpose`; empty for the whole file. */
  readonly path: string;
  readonly message: string;
  readonly expected: string;
  /** What to do; may be empty. */
  readonly hint: string;
  /** The line may hold a key: do not show it. */
  readonly secret?: true;
}

/** Member names and indexes from the root of a file. */
export type Path = readonly (string | number)[];

/** `["routes", 1, "match"]` → `routes[1].match`; names that are no plain words are quoted. */
export function showPath(path: Path): string {
  return path
    .map((step, index) => {
      if (typeof step === "number") return `[${step}]`;
      if (!/^[A-Za-z_][\w-]*$/.test(step)) return `[${JSON.stringify(step)}]`;
      return index === 0 ? step : `.${step}`;
    })
    .join("");
}

/** File, line, column: the order in which problems are shown. */
export function orderProblems(problems: readonly Problem[]): Problem[] {
  return [...problems].sort(
    (a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : 0) || a.line - b.line || a.column - b.column,
  );
}

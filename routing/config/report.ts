/**
 * Collects the problems and warnings of one file while it is being read, and turns zod's issues into problems.
 *
 * Nothing stops at the first problem: a part that does not parse is left out, and the rest is read on.
 */
import { z } from "zod";
import { didYouMean } from "./closest-name.ts";
import { ID, ID_WORDS } from "./fields.ts";
import type { Path, Problem } from "./problem.ts";
import type { Complaint, Source } from "./yaml-source.ts";

/** Problems of one file, in the order found. */
export interface Report {
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
  error(complaint: Complaint): void;
  warn(complaint: Complaint): void;
  /** The parsed part; `undefined` when it has problems, which are in the report then. */
  parse<Output>(schema: z.ZodType<Output>, raw: unknown, path: Path): Output | undefined;
  /** Can this be the id of what stands at `path`? A problem at its key when not. */
  checkId(id: string, path: Path): boolean;
  /** A block, member by member, so that a bad member does not hide what is wrong with the others. */
  parseBlock<Shape extends z.core.$ZodShape>(schema: z.ZodObject<Shape>, raw: unknown, path: Path): ParsedBlock<Shape>;
}

/** What could be read of a block. */
export interface ParsedBlock<Shape extends z.core.$ZodShape> {
  /** The members that are sound. */
  readonly fields: Partial<z.output<z.ZodObject<Shape>>>;
  /** Names of the members that have problems, and of those that are missing. */
  readonly faults: ReadonlySet<string>;
  /** The block as a whole, when nothing at all is wrong with it. */
  readonly whole?: z.output<z.ZodObject<Shape>>;
}

const NO_FAULTS: ReadonlySet<string> = new Set();

/** An empty report, but for the source's own syntax problems. */
export function openReport(source: Source): Report {
  const problems: Problem[] = [...source.problems];
  const warnings: Problem[] = [];
  const error = (complaint: Complaint) => void problems.push(source.problem(complaint));
  const reportIssues = (issues: readonly z.core.$ZodIssue[], raw: unknown, path: Path) => {
    for (const issue of issues) for (const complaint of complaints(issue, raw, path)) error(complaint);
  };
  return {
    problems,
    warnings,
    error,
    warn: (complaint) => void warnings.push(source.problem(complaint)),
    parse: (schema, raw, path) => {
      const parsed = schema.safeParse(raw);
      if (parsed.success) return parsed.data;
      reportIssues(parsed.error.issues, raw, path);
      return undefined;
    },
    checkId: (id, path) => {
      if (ID.test(id)) return true;
      error({ path, at: "key", message: `\`${id}\` cannot be a name`, expected: ID_WORDS });
      return false;
    },
    parseBlock: <Shape extends z.core.$ZodShape>(schema: z.ZodObject<Shape>, raw: unknown, path: Path) => {
      const parsed = schema.safeParse(raw);
      if (parsed.success) return { fields: parsed.data, faults: NO_FAULTS, whole: parsed.data };
      reportIssues(parsed.error.issues, raw, path);
      const faults = new Set(
        parsed.error.issues.flatMap(({ path: [first] }) => (first === undefined ? [] : [String(first)])),
      );
      const sound = Object.entries(schema.shape).flatMap(([name, member]) => {
        const found = isBlock(raw) && !faults.has(name) ? z.safeParse(member, raw[name]) : undefined;
        return found?.success && found.data !== undefined ? [[name, found.data]] : [];
      });
      return { fields: Object.fromEntries(sound), faults };
    },
  };
}

function complaints(issue: z.core.$ZodIssue, raw: unknown, base: Path): Complaint[] {
  const inner = issue.path.filter((step) => typeof step !== "symbol");
  const path = [...base, ...inner];
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({
      path: [...path, key],
      at: "key",
      message: `unknown key \`${key}\``,
      expected: issue.message,
      hint: didYouMean(key, quotedNames(issue.message)) ?? "remove it, or move it to where it belongs",
    }));
  }
  const found = valueAt(raw, inner);
  const params = issue.code === "custom" ? issue.params : undefined;
  const secret = params?.secret === true;
  const last = path.at(-1);
  const owner = path.findLast((step) => typeof step === "string") ?? "the file";
  const name = typeof last === "number" ? `an entry of \`${owner}\`` : `\`${owner}\``;
  const near = typeof found === "string" ? didYouMean(found, quotedNames(issue.message)) : undefined;
  const hint = typeof params?.hint === "string" && found !== undefined ? params.hint : near;
  const message =
    found === undefined ? `${name} is missing` : `${name} is ${secret ? "not as expected" : describe(found)}`;
  return [{ path, message, expected: issue.message, hint, secret }];
}

/** The words in back quotes of an "expected" text. */
function quotedNames(expected: string): string[] {
  return Array.from(expected.matchAll(/`([^`]+)`/g), ([, name]) => name ?? "");
}

function valueAt(raw: unknown, path: Path): unknown {
  let value = raw;
  for (const step of path) {
    if (typeof value !== "object" || value === null) return value;
    value = (value as Record<string | number, unknown>)[step];
  }
  return value;
}

/** A value in few words, for messages. */
export function describe(value: unknown): string {
  if (value === null) return "empty";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a block";
  const shown = JSON.stringify(value);
  return shown.length > 60 ? `${shown.slice(0, 57)}…` : shown;
}

/** A member of a block that is a block itself; an empty one where it is missing or of a wrong type, which the schema reports. */
export function member(value: unknown, name: string): Readonly<Record<string, unknown>> {
  const found = isBlock(value) ? value[name] : undefined;
  return isBlock(found) ? found : {};
}

/** Is this a block (and neither a list nor empty)? */
export function isBlock(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

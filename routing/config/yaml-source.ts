/**
 * Reads a YAML file into plain data, and finds the line and column of any part of it again.
 *
 * YAML 1.2 core schema (`NO` is a string, not false), with merge keys (`<<`). Bounded: at most 4 MiB of text and 10,000 expansions of aliases.
 */
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from "yaml";
import { type Path, type Problem, showPath } from "./problem.ts";

/** One file as the caller hands it over. */
export interface SourceText {
  readonly file: string;
  readonly text: string;
}

/** What the author of a problem says; the source adds where. */
export interface Complaint {
  readonly path: Path;
  /** Point at the name of the last member of `path`, not at its value. */
  readonly at?: "key" | "value";
  readonly message: string;
  readonly expected: string;
  readonly hint?: string | undefined;
  readonly secret?: boolean;
}

/** A file that was read. `value` holds what could be read even where there are problems. */
export interface Source {
  readonly value: unknown;
  /** Syntax errors: what `value` lacks or has wrongly is unknown. */
  readonly broken: boolean;
  readonly problems: readonly Problem[];
  problem(complaint: Complaint): Problem;
}

const MAX_TEXT_LENGTH = 4 * 1024 * 1024;
const MAX_ALIASES = 10_000;

/** Reads one file; never throws. */
export function readYaml({ file, text }: SourceText): Source {
  const top = (message: string, expected: string, hint: string): Source => ({
    value: undefined,
    broken: true,
    problems: [{ file, line: 1, column: 1, path: "", message, expected, hint }],
    problem: (complaint) => place(file, complaint, { line: 1, column: 1, path: complaint.path }),
  });
  if (text.length > MAX_TEXT_LENGTH) {
    return top("the file is too large", "at most 4 MiB of text", "remove what is not used");
  }
  try {
    return read(file, text);
  } catch (error: unknown) {
    // The library throws on too many aliases, and on nesting that overflows the stack.
    const aliases = error instanceof ReferenceError;
    return aliases
      ? top("its aliases expand to too much", `at most ${MAX_ALIASES} expansions`, "write the repeated parts out")
      : top("it is nested too deeply to read", "a few levels of nesting", "check for a run of `[` or `{`");
  }
}

function read(file: string, text: string): Source {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true });
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const problems = [...document.errors, ...document.warnings].map((error) => ({
    file,
    ...at(error.pos[0]),
    path: "",
    ...syntaxWords(error.code, error.message),
  }));
  const broken = document.errors.some((error) => error.code !== "DUPLICATE_KEY");
  return {
    value: broken ? undefined : document.toJS({ maxAliasCount: MAX_ALIASES }),
    broken,
    problems,
    problem: (complaint) => {
      const { offset, path } = locate(document, complaint);
      return place(file, complaint, { ...at(offset), path });
    },
  };
}

interface Place {
  readonly line: number;
  readonly column: number;
  readonly path: Path;
}

function place(file: string, complaint: Complaint, { path, ...position }: Place): Problem {
  return {
    file,
    ...position,
    path: showPath(path),
    message: complaint.message,
    expected: complaint.expected,
    hint: complaint.hint ?? "",
    ...(complaint.secret ? { secret: true as const } : {}),
  };
}

/**
 * Where the part that a complaint is about starts: its value, or its name where that was asked for or the value is empty. What is
 * missing is shown at the block that lacks it; a member of a short form (`match: preview`) at the short form.
 */
function locate(document: Document.Parsed, { path, at }: Complaint): { readonly offset: number; readonly path: Path } {
  let node: unknown = document.contents;
  let offset = start(node) ?? 0;
  for (const [index, step] of path.entries()) {
    const resolved = isAlias(node) ? node.resolve(document) : node;
    if (isMap(resolved)) {
      // Of a key that stands twice, the last is the one that was read.
      const pair = resolved.items.findLast(({ key }) => String(isScalar(key) ? key.value : key) === String(step));
      if (pair === undefined) return { offset, path };
      const isLast = index === path.length - 1;
      const keyOffset = start(pair.key) ?? offset;
      node = pair.value;
      offset = isLast && at === "key" ? keyOffset : (start(node) ?? keyOffset);
      // Inside a block that starts on lines of its own, what is missing is best shown at the block's name.
      if (!isLast && isMap(node) && !node.flow) offset = keyOffset;
    } else if (isSeq(resolved) && typeof step === "number") {
      node = resolved.items[step];
      offset = start(node) ?? offset;
    } else {
      return { offset, path: path.slice(0, index) };
    }
  }
  return { offset, path };
}

function start(node: unknown): number | undefined {
  return (node as Node | null | undefined)?.range?.[0];
}

/** The library's codes in our words, where ours help more. */
function syntaxWords(code: string, message: string): Pick<Problem, "message" | "expected" | "hint"> {
  switch (code) {
    case "DUPLICATE_KEY":
      return {
        message: "this key stands twice in the same block",
        expected: "each key once",
        hint: "remove one of them",
      };
    case "TAB_AS_INDENT":
      return { message: "a tab indents this line", expected: "spaces", hint: "replace the tab by spaces" };
    case "MULTIPLE_DOCS":
      return { message: "a second document starts here", expected: "one document a file", hint: "remove the `---`" };
    case "TAG_RESOLVE_FAILED":
      return { message: `unknown YAML tag: ${message}`, expected: "plain values", hint: "remove the tag" };
    default:
      return {
        message: `YAML syntax: ${message}`,
        expected: "valid YAML 1.2",
        hint: "check indentation, quotes and colons",
      };
  }
}

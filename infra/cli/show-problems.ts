/** Problems of a configuration as a person reads them: where, what, the line with a caret, what was expected, what to do. */
import { styleText } from "node:util";
import type { Problem, SourceText } from "../../routing/authoring.ts";

/** Longer lines are cut around the caret. */
const EXCERPT_WIDTH = 110;

/** All problems, each with its excerpt; coloured where `color`. */
export function showProblems(problems: readonly Problem[], sources: readonly SourceText[], color: boolean): string {
  const lines = new Map(sources.map(({ file, text }) => [file, text.split(/\r?\n/)]));
  return problems.map((problem) => showProblem(problem, lines.get(problem.file) ?? [], color)).join("\n\n");
}

function showProblem(problem: Problem, lines: readonly string[], color: boolean): string {
  const paint = (style: "bold" | "dim" | "red", text: string) => (color ? styleText(style, text) : text);
  const { file, line, column, path, message, expected, hint } = problem;
  return [
    paint("bold", `${file}:${line}:${column}${path === "" ? "" : `  ${path}`}`),
    `  ${paint("red", message)}`,
    ...excerpt(problem, lines[line - 1]).map((text) => paint("dim", text)),
    `  expected  ${expected}`,
    ...(hint === "" ? [] : [`  hint      ${hint}`]),
  ].join("\n");
}

function excerpt({ line, column, secret }: Problem, text: string | undefined): string[] {
  if (text === undefined || text.trim() === "") return [];
  const number = String(line);
  const gutter = `  ${" ".repeat(number.length)} | `;
  if (secret) return [`  ${number} | (not shown: it may hold a key)`];
  const from = Math.max(0, Math.min(column - 1 - EXCERPT_WIDTH / 2, text.length - EXCERPT_WIDTH));
  const shown = text.slice(from, from + EXCERPT_WIDTH).replaceAll("\t", " ");
  return [`  ${number} | ${shown}`, `${gutter}${" ".repeat(Math.max(0, column - 1 - from))}^`];
}

/** `1 problem`, `2 problems`. */
export function counted(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}

/** How a command fails: with words for a person and an exit code that says whose turn it is. */

export interface FailureWords {
  readonly what: string;
  readonly why: string;
  readonly todo: string;
  /** The command to run next, as it can be pasted. */
  readonly command?: string;
}

/** Thrown by commands, caught by `galley.ts` alone. */
export class CommandFailure extends Error {
  readonly words: FailureWords;
  /** 1: your input. 2: the world. */
  readonly exitCode: 1 | 2;

  constructor(exitCode: 1 | 2, words: FailureWords) {
    super(words.what);
    this.exitCode = exitCode;
    this.words = words;
  }
}

/** The words, one a line. */
export function showFailure({ words }: CommandFailure): string {
  const lines = [words.what, `  why:  ${words.why}`, `  do:   ${words.todo}`];
  return [...lines, ...(words.command === undefined ? [] : [`  run:  ${words.command}`])].join("\n");
}

/**
 * Which string of a JSON document is the picture, and when that is certain.
 *
 * A flag named by `unless` excludes a string when it is `true` on one of the objects around it, from the nearest array element inwards
 * (Gemini marks the part, two levels above the data). Since it may come behind the data, certainty comes when that element closes.
 */

import type { JsonPath } from "./json-walk.ts";
import type { PictureField } from "./picture-field.ts";

export interface PictureScope {
  /** A string begins here: is it a picture, as far as can be told yet? Then it is the candidate until it is excluded. */
  begins(path: JsonPath): boolean;
  /** The member at the end of the path is true. Answers whether that excludes the candidate, which is then forgotten. */
  excludes(path: JsonPath): boolean;
  /** A container closed, `depth` are still open. */
  closed(depth: number): void;
  /** The candidate's string is over. Empty ones are forgotten. */
  ended(isEmpty: boolean): void;
  /** Is there no candidate? */
  isSearching(): boolean;
  /** Is there a candidate that nothing can exclude any more? */
  isCertain(): boolean;
}

interface Candidate {
  /** Containers counted from the root: the flag counts on those from `outermost` to `innermost`. */
  readonly outermost: number;
  innermost: number;
  ended: boolean;
}

export function createPictureScope(select: PictureField): PictureScope {
  const flagged: boolean[] = [];
  let candidate: Candidate | undefined;

  return {
    begins(path) {
      if (candidate !== undefined) return false;
      const pattern = select.paths.find((each) => matches(path, each));
      if (pattern === undefined) return false;
      const outermost = select.unless === undefined ? path.length : pattern.lastIndexOf("*") + 1;
      if (flagged.slice(outermost, path.length).includes(true)) return false;
      candidate = { outermost, innermost: path.length - 1, ended: false };
      return true;
    },
    excludes(path) {
      if (path.at(-1) !== select.unless) return false;
      const container = path.length - 1;
      flagged[container] = true;
      if (candidate === undefined || container < candidate.outermost || container > candidate.innermost) return false;
      candidate = undefined;
      return true;
    },
    closed(depth) {
      flagged.length = Math.min(flagged.length, depth);
      if (candidate !== undefined) candidate.innermost = Math.min(candidate.innermost, depth - 1);
    },
    ended(isEmpty) {
      if (isEmpty) candidate = undefined;
      else if (candidate !== undefined) candidate.ended = true;
    },
    isSearching: () => candidate === undefined,
    isCertain: () => candidate?.ended === true && candidate.innermost < candidate.outermost,
  };
}

/** `*` stands for any array index. */
function matches(path: JsonPath, pattern: readonly string[]): boolean {
  return (
    path.length === pattern.length &&
    pattern.every((part, at) => (part === "*" ? typeof path[at] === "number" : path[at] === part))
  );
}

/**
 * Which string of a JSON document is the picture, and when that is certain.
 *
 * A flag named by `unless` excludes a string when it is `true` on one of the objects around it, from the nearest array element inwards
 * (Gemini marks the part, two levels above the data). Since it may come behind the data, certainty comes when that element closes.
 * Where the last picture counts, a later string takes the place of a certain one until somebody keeps that; a flag behind the later
 * one then leaves none, for nobody holds the former's bytes.
 */

import type { JsonPath } from "./json-walk.ts";
import type { PictureField } from "./picture-field.ts";

export interface PictureScope {
  /**
   * A string begins here: is it a picture, as far as can be told yet? Then it is the candidate until it is excluded. `instead`: in the
   * place of another one.
   */
  begins(path: JsonPath): "first" | "instead" | undefined;
  /** The member at the end of the path is true. Answers whether that excludes the candidate, which is then forgotten. */
  excludes(path: JsonPath): boolean;
  /** A container closed, `depth` are still open. */
  closed(depth: number): void;
  /** The candidate's string is over. Empty ones are forgotten, and what they took the place of counts again. */
  ended(isEmpty: boolean): void;
  /** Nothing takes the candidate's place any more: it is being sent. */
  keep(): void;
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
  let former: Candidate | undefined;
  let isKept = select.which !== "last";
  const isCertain = () => candidate?.ended === true && candidate.innermost < candidate.outermost;

  return {
    begins(path) {
      if (candidate !== undefined && (isKept || !isCertain())) return undefined;
      const pattern = select.paths.find((each) => matches(path, each));
      if (pattern === undefined) return undefined;
      const outermost = select.unless === undefined ? path.length : pattern.lastIndexOf("*") + 1;
      if (flagged.slice(outermost, path.length).includes(true)) return undefined;
      former = candidate;
      candidate = { outermost, innermost: path.length - 1, ended: false };
      return former === undefined ? "first" : "instead";
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
      if (isEmpty) candidate = former;
      else if (candidate !== undefined) candidate.ended = true;
    },
    keep() {
      isKept = true;
    },
    isSearching: () => candidate === undefined,
    isCertain,
  };
}

/** `*` stands for any array index. */
function matches(path: JsonPath, pattern: readonly string[]): boolean {
  return (
    path.length === pattern.length &&
    pattern.every((part, at) => (part === "*" ? typeof path[at] === "number" : path[at] === part))
  );
}

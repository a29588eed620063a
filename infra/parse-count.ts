/** A count from the command line. */
import { InvalidArgumentError } from "commander";

/** A whole number of at least 1, or commander's own complaint. */
export function parseCount(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError("A whole number of at least 1 is needed.");
  return value;
}

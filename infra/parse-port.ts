/** A TCP port from the command line. */
import { InvalidArgumentError } from "commander";

/** 0…65535, or commander's own complaint. */
export function parsePort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new InvalidArgumentError("It must be 0…65535.");
  return port;
}

/** A store's failure in words, and long outputs cut to what helps. */
import { stripVTControlCharacters } from "node:util";
import { CommandFailure } from "./command-failure.ts";

/** The world's fault: what happened, the store's own words, what to do. */
export function storeFailure(
  place: "local" | "remote",
  { what, reason }: { readonly what: string; readonly reason: string },
): CommandFailure {
  const todo =
    place === "remote"
      ? "log in (or set CLOUDFLARE_API_TOKEN), make the namespace if there is none and put its id into wrangler.toml under CONFIG, then try again"
      : "check that the folder may be written and that nothing else holds it, then try again";
  const command =
    place === "remote" ? "npx wrangler login && npx wrangler kv namespace create CONFIG" : "npx galley config push";
  return new CommandFailure(2, { what, why: `the store said:\n${indented(reason)}`, todo, command });
}

/** The last lines of a program's output, indented under a `why`. */
export function indented(text: string): string {
  return stripVTControlCharacters(text)
    .split("\n")
    .filter((line) => line.trim() !== "")
    .slice(-15)
    .map((line) => `        ${line}`)
    .join("\n");
}

/**
 * Which two files a command works on: those named on the command line, in either order, and the shipped ones for what is not named.
 */
import { readFile } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { type Compiled, compile, type SourceText } from "../../routing/authoring.ts";
import { ROOT } from "../local/wrangler.ts";
import { CommandFailure } from "./command-failure.ts";

export interface ConfigSources {
  readonly routing: SourceText;
  readonly catalog: SourceText;
}

export interface SourceChoice {
  /** As named on the command line. */
  readonly files: readonly string[];
  /** The shipped catalogue that serves when none is named. */
  readonly catalog: "catalog.yml" | "catalog.local.yml";
}

/** Reads both files; a file that cannot be read, or two of a kind, is the caller's mistake. */
export async function readSources({ files, catalog }: SourceChoice): Promise<ConfigSources> {
  const named = await Promise.all(files.map(readSource));
  const [routingFile, ...otherRoutings] = named.filter((source) => !isCatalog(source));
  const [catalogFile, ...otherCatalogs] = named.filter(isCatalog);
  const extra = otherRoutings[0] ?? otherCatalogs[0];
  if (extra !== undefined) {
    throw new CommandFailure(1, {
      what: `\`${extra.file}\` is one file too many`,
      why: `it is a second ${isCatalog(extra) ? "catalogue" : "routing file"}`,
      todo: "name one routing file and one catalogue at most",
      command: "npx galley config check routing/model-routing.yml routing/catalog.yml",
    });
  }
  return {
    routing: routingFile ?? (await readSource(join(ROOT, "routing/model-routing.yml"))),
    catalog: catalogFile ?? (await readSource(join(ROOT, "routing", catalog))),
  };
}

/** Compiles both. */
export function compileSources(sources: ConfigSources): Promise<Compiled> {
  return compile(sources);
}

async function readSource(path: string): Promise<SourceText> {
  const base = callerFolder();
  const full = resolve(base, path);
  const short = relative(base, full);
  try {
    return { file: short.startsWith("..") ? full : short, text: await readFile(full, "utf8") };
  } catch (error: unknown) {
    throw new CommandFailure(1, {
      what: `\`${path}\` cannot be read`,
      why: error instanceof Error ? error.message : String(error),
      todo: "check the name; without names, the shipped files are taken",
      command: "npx galley config check",
    });
  }
}

/** npm runs scripts in the package's folder, whatever folder the person is in. */
function callerFolder(): string {
  const started = process.env.npm_lifecycle_event === "galley" ? process.env.INIT_CWD : undefined;
  return started ?? process.cwd();
}

/** A routing file has none of these sections. */
function isCatalog({ text }: SourceText): boolean {
  return /^(?:models|endpoints|regions|clusters)[ \t]*:/m.test(text);
}

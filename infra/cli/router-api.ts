/** Calls a running router's own resources: where it is, who asks, and its refusals in words. */
import type { Command } from "commander";
import { CommandFailure } from "./command-failure.ts";
import { textIn } from "./status-fields.ts";

export interface RouterOptions {
  /** Base URL; absent: GALLEY_URL, else this machine's `npm start`. */
  readonly url?: string;
}

export interface RouterCall {
  readonly path: string;
  readonly method?: "GET" | "POST";
  readonly body?: unknown;
}

/** Where `npm start` listens. */
const LOCAL_URL = "http://localhost:8787";

/** How long a router may take to answer, ms. */
const ANSWER_LIMIT_MS = 10_000;

/** Adds `--url`. */
export function addRouterOptions(command: Command): Command {
  return command.option("--url <url>", "the router (default: $GALLEY_URL, else http://localhost:8787)");
}

/** Calls and parses JSON. A key is taken from GALLEY_KEY, never from the command line, where others could read it. */
export async function callRouter({ url }: RouterOptions, { path, method = "GET", body }: RouterCall): Promise<unknown> {
  const base = url ?? process.env.GALLEY_URL ?? LOCAL_URL;
  const target = URL.parse(path, base);
  if (target === null) {
    throw new CommandFailure(1, {
      what: `\`${base}\` is not a URL`,
      why: "a router's address begins with http:// or https://",
      todo: "give its base address",
      command: "npx galley status --url http://localhost:8787",
    });
  }
  const key = process.env.GALLEY_KEY;
  let response: Response;
  try {
    response = await fetch(target, {
      method,
      redirect: "error",
      signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
      headers: {
        accept: "application/json",
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch (error: unknown) {
    throw new CommandFailure(2, {
      what: `The router at ${base} does not answer`,
      why: causeWords(error),
      todo: "start one, or say where it is with --url or GALLEY_URL",
      command: "npm start",
    });
  }
  const document: unknown = await response.json().catch(() => undefined);
  if (response.ok && document !== undefined) return document;
  const title = textIn(document, "title");
  const isInput = response.status < 500 && response.status !== 429 && response.status !== 408;
  throw new CommandFailure(isInput ? 1 : 2, {
    what: `The router said ${response.status}${title === undefined ? "" : `: ${title}`}`,
    why: textIn(document, "detail") ?? "it gave no reason",
    todo:
      response.status === 401 || response.status === 403
        ? "put a key that may do this into GALLEY_KEY"
        : isInput
          ? "change what was asked"
          : "look at the router's log, then try again",
  });
}

/** A fetch's own words are in its cause. */
function causeWords(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error && error.cause.message !== "" ? error.cause.message : error.message;
}

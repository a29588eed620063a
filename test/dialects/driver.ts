/**
 * Plays an upstream's answer through a dialect, as execute does, and says what came of it.
 *
 * Embedded pictures are found with JSON.parse: the streaming reader has its own tests. `unless` is looked up in every object on the
 * way to the picture.
 */
import { readdirSync, readFileSync } from "node:fs";
import type { Dialect, PictureField, Reading, Reported, Step, Target, Work } from "../../routing/dialects/dialect.ts";
import type { AttemptFailure } from "../../routing/failure/index.ts";

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: unknown;
  readonly nowMs?: number;
}

export type Outcome =
  | { readonly came: "picture"; readonly base64?: string; readonly reported: Reported }
  | { readonly came: "step"; readonly step: Step }
  | { readonly came: "failure"; readonly failure: AttemptFailure };

/** The first step of a work that must be possible. */
export function begun(dialect: Dialect, work: Work, target: Target) {
  const result = dialect.begin(work, target);
  if (!result.ok) throw new Error(`cannot begin: ${JSON.stringify(result.failure)}`);
  return result.value;
}

export function play(step: Step, answer: Answer): Outcome {
  const reading = step.receive({
    status: answer.status,
    headers: new Headers(answer.headers),
    ...(answer.nowMs === undefined ? {} : { nowMs: answer.nowMs }),
  });
  const text = typeof answer.body === "string" ? answer.body : JSON.stringify(answer.body);
  return outcomeOf(reading, text);
}

function outcomeOf(reading: Reading, text: string): Outcome {
  switch (reading.read) {
    case "nothing":
      return { came: "failure", failure: reading.failure };
    case "picture":
      return { came: "picture", reported: reading.reported };
    case "text": {
      const settled = reading.settle(text.slice(0, reading.maxBytes));
      if (settled.then === "failed") return { came: "failure", failure: settled.failure };
      return settled.then === "step"
        ? { came: "step", step: settled.step }
        : { came: "picture", reported: settled.reported };
    }
    case "embedded":
      return embedded(reading, text);
  }
}

function embedded(reading: Extract<Reading, { read: "embedded" }>, text: string): Outcome {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return { came: "failure", failure: { reason: "bad_response", defect: "not_json" } };
  }
  const base64 = takeOut(document, reading.select);
  const settled = reading.settle(document);
  if (!settled.ok) return { came: "failure", failure: settled.failure };
  if (base64 === undefined) return { came: "failure", failure: { reason: "bad_response", defect: "no_picture" } };
  return { came: "picture", base64, reported: settled.value };
}

/** Removes the selected string from the document and gives it back. */
function takeOut(document: unknown, field: PictureField): string | undefined {
  const walk = (value: unknown, path: readonly string[]): string | undefined => {
    const [name, ...rest] = path;
    if (typeof value !== "object" || value === null || name === undefined) return undefined;
    const members = value as Record<string, unknown>;
    if (field.unless !== undefined && members[field.unless] === true) return undefined;
    for (const key of name === "*" && Array.isArray(value) ? Object.keys(value) : [name]) {
      const member = Object.hasOwn(members, key) ? members[key] : undefined;
      if (rest.length === 0 && typeof member === "string") {
        delete members[key];
        return member;
      }
      const found = rest.length === 0 ? undefined : walk(member, rest);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  const first = field.paths.map((path) => walk(document, path)).find((found) => found !== undefined);
  // Taken out, the first one makes way for the next.
  return first === undefined || field.which !== "last" ? first : (takeOut(document, field) ?? first);
}

export interface Fixture extends Answer {
  readonly name: string;
  readonly case?: Readonly<Record<string, string>>;
  readonly expect: {
    readonly failure?: AttemptFailure;
    /** Base64 of an embedded picture, or `true` where the body is the picture. */
    readonly picture?: string | true;
    readonly reported?: Reported;
    readonly next?: { readonly method: string; readonly url: string; readonly delayMs?: number };
  };
}

/** All answers of one dialect. */
export function fixturesOf(dialect: string): readonly Fixture[] {
  const folder = new URL(`../fixtures/dialects/${dialect}/`, import.meta.url);
  return readdirSync(folder)
    .filter((file) => file.endsWith(".json"))
    .map((file) => ({
      ...(JSON.parse(readFileSync(new URL(file, folder), "utf8")) as Omit<Fixture, "name">),
      name: file.slice(0, -".json".length),
    }));
}

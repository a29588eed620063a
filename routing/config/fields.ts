/**
 * The scalars of both schemas, as zod types.
 *
 * Convention of this folder: the error text of a zod type says what was *expected*; `params.hint` says what to do. What is wrong and
 * where follows from the value found (`schema-problems.ts`).
 */
import { z } from "zod";
import { parseQuantity, type QuantityName } from "./units.ts";

/** A quantity with its unit, in base units. */
export function quantity(name: QuantityName) {
  return z.unknown().transform((raw, context) => {
    const parsed = parseQuantity(name, raw);
    if (parsed.ok) return parsed.value;
    context.issues.push({ code: "custom", input: raw, message: parsed.expected, params: { hint: parsed.hint } });
    return z.NEVER;
  });
}

/** What a schema is chosen by the value for: the issues are those of the chosen one, so that they stay precise. */
export function choose<Output>(pick: (raw: unknown) => z.ZodType<Output>) {
  return z.unknown().transform((raw, context): Output => {
    const parsed = pick(raw).safeParse(raw);
    if (parsed.success) return parsed.data;
    for (const issue of parsed.error.issues) context.issues.push({ ...issue, input: raw } as z.core.$ZodRawIssue);
    return z.NEVER;
  });
}

const none = z.literal("none").transform(() => null);

/** What `schema` takes, or the word `none`, which reads as `null`: it takes away what would hold by default. */
export function orNone<Output>(schema: z.ZodType<Output>) {
  return choose<Output | null>((raw) => (raw === "none" ? none : schema));
}

/** A block with exactly these members; `or` names the other form that the value may have. */
export function block<Shape extends z.core.$ZodLooseShape>(shape: Shape, or = "") {
  const names = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) => (issue.code === "unrecognized_keys" ? oneOf(names) : `${or}a block with ${names.join(", ")}`),
  });
}

/** One of a closed list of words. */
export function word<const Words extends readonly [string, ...string[]]>(words: Words) {
  return z.enum(words, { error: oneOf(words) });
}

/** A whole number within bounds. */
export function count(min: number, max: number) {
  const error = `a whole number from ${min} to ${max}`;
  return z.number({ error }).int({ error }).min(min, { error }).max(max, { error });
}

/** A list, or a single item standing for a list of one. */
export function oneOrMore<Item extends z.ZodType>(item: Item, expected: string) {
  return z.preprocess(
    (raw) => (raw === undefined || Array.isArray(raw) ? raw : [raw]),
    z.array(item, { error: expected }).min(1, { error: expected }),
  );
}

/** A text that matches a pattern. */
export function text(pattern: RegExp, expected: string) {
  return z.string({ error: expected }).regex(pattern, { error: expected });
}

export const flag = z.boolean({ error: "true or false" });

/** What may name a route, policy, place, endpoint, model id, purpose or canary: it goes into headers and metric labels. */
export const ID = /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/;
export const ID_WORDS = "1 to 64 lower-case letters, digits, `-`, `_` or `.`, with a letter or digit at both ends";
export const id = text(ID, ID_WORDS);

/** A model by any of its names; resolved later. */
export const modelName = text(/^[\x20-\x7e]{1,100}$/, "the name of a model in the catalogue");

function oneOf(words: readonly string[]): string {
  return `one of ${words.map((item) => `\`${item}\``).join(", ")}`;
}

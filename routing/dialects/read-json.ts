/**
 * Looking into JSON that somebody else wrote: every step may find something else than expected, and then the answer is `undefined`.
 */

/** The document, or `undefined` when the text is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The value at a path of member names and array indexes; own members only. */
export function valueAt(document: unknown, ...path: readonly (string | number)[]): unknown {
  let value = document;
  for (const step of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Readonly<Record<string | number, unknown>>)[step];
  }
  return value;
}

/** The string at a path; an empty one counts as absent. */
export function textAt(document: unknown, ...path: readonly (string | number)[]): string | undefined {
  const value = valueAt(document, ...path);
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** The finite number at a path. */
export function numberAt(document: unknown, ...path: readonly (string | number)[]): number | undefined {
  const value = valueAt(document, ...path);
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

/** The array at a path; empty when there is none. */
export function listAt(document: unknown, ...path: readonly (string | number)[]): readonly unknown[] {
  const value = valueAt(document, ...path);
  return Array.isArray(value) ? value : [];
}
